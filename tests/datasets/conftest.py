"""Fixtures for downloads and archives: no waiting, a disk that is small, no tools."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from action_recognition.datasets.download import archives
from action_recognition.datasets.download import fetch as fetching


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Instead of waiting between attempts, the seconds are written down here."""
    seconds: list[float] = []

    def sleep(wait: float) -> None:
        seconds.append(wait)
        assert len(seconds) < 100, "this does not end"

    monkeypatch.setattr(fetching, "time", SimpleNamespace(sleep=sleep))
    return seconds


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 256 KiB."""
    folder = tmp_path / "small disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(folder)]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("needs the right to mount a tmpfs")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.fixture
def no_tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No program is installed. rarfile remembers the one it found."""
    (tmp_path / "empty").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    monkeypatch.setattr(archives.rarfile, "CURRENT_SETUP", None)
