"""The wheel holds all that a program needs that is installed from it."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "src" / "action_recognition"
NEEDED = ("pyproject.toml", "README.md", "LICENSE", "NOTICE")
LEFT_OUT = ("__pycache__", "*.egg-info")


@pytest.mark.slow
def test_it_holds_every_file_of_the_package(tmp_path: Path) -> None:
    pytest.importorskip("setuptools", "77")
    source = tmp_path / "source"
    shutil.copytree(ROOT / "src", source / "src", ignore=shutil.ignore_patterns(*LEFT_OUT))
    for name in NEEDED:
        shutil.copy(ROOT / name, source)
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-index"]
    command += ["--no-build-isolation", "--wheel-dir", str(tmp_path), str(source)]
    subprocess.run(command, check=True)
    (wheel,) = tmp_path.glob("*.whl")
    files = {path for path in PACKAGE.rglob("*") if path.is_file() and path.suffix != ".pyc"}
    with zipfile.ZipFile(wheel) as content:
        held = set(content.namelist())
        (entry,) = (name for name in held if name.endswith("entry_points.txt"))
        assert "action-recognition = action_recognition.cli:main" in content.read(entry).decode()
    assert {path.relative_to(ROOT / "src").as_posix() for path in files} <= held
