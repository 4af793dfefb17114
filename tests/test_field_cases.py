"""The cases from the field, where they are at hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from field_cases import CASES, copy_of


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_case(shared_dir: Path, name: str) -> None:
    if not (shared_dir / "cases" / name).is_dir():
        pytest.skip(f"no {name} in the folder of shared files")
    with copy_of(shared_dir / "cases", name) as case:
        assert CASES[name](case)
