"""Fixtures for folders of videos, downloads and archives."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from action_recognition.datasets.download import archives
from action_recognition.datasets.download import fetch as fetching
from video_maker import write_video

Fill = Callable[[str, Iterable[str]], Path]


@pytest.fixture(scope="session")
def one_video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("one") / "one.mp4"
    return write_video(path, seconds=0.4, size=(32, 32)).path


@pytest.fixture
def fill(tmp_path: Path, one_video: Path) -> Fill:
    """`fill(folder, names)` puts a video under each of the names into tmp_path/data/folder."""

    def copy(folder: str, names: Iterable[str]) -> Path:
        for name in names:
            path = tmp_path / "data" / folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(one_video, path)
        return tmp_path / "data"

    return copy


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
