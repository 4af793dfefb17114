"""A share of what `python tests/corpus/fuzz.py` does, with a fixed seed."""

from __future__ import annotations

import sys
from types import ModuleType

import pytest
from fuzz import KINDS, fuzz

COUNTS = {"videos": 300, "isolated": 100, "models": 200, "manifests": 100}


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the memory of a process is read from /proc")
@pytest.mark.parametrize("kind", KINDS)
def test_damaged_files_get_an_answer_or_a_sentence(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Workers begin with the main module, which tests of the dashboard replace by its page.
    monkeypatch.setitem(sys.modules, "__main__", ModuleType("__main__"))
    report = fuzz(kind, seed=20, count=COUNTS[kind])
    assert not report.faults
    assert report.accepted + report.refused == COUNTS[kind]
    assert report.accepted > 10
    assert report.refused > 10
