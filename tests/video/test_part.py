"""Parts of files as videos: whole in memory or read piece by piece, from files that stay open."""

from __future__ import annotations

import io
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from action_recognition.errors import VideoError
from action_recognition.video import Video, part
from action_recognition.video.part import FilePart, FileRange, to_source


@pytest.fixture
def held(make_video: Callable[..., Any], tmp_path: Path) -> tuple[Path, FilePart]:
    """A video by itself, and with other bytes around it."""
    path = make_video("clip.mp4", seconds=1).path
    around = tmp_path / "all.tar"
    around.write_bytes(bytes(1000) + path.read_bytes() + b"\1" * 3000)
    return path, FilePart(around, 1000, path.stat().st_size, "all.tar/clip.mp4")


@pytest.mark.parametrize("at_once", [2**20, 100])
def test_a_video_is_the_same_from_its_range(
    at_once: int, held: tuple[Path, FilePart], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(part, "_AT_ONCE", at_once)
    path, place = held
    with Video(path) as video, Video(to_source(place), name=place.name) as other:
        assert other.info == video.info
        for found in (video, other):
            found.check()
        times = np.arange(0, 1, 0.1)
        one, two = (v.frames_at(times, size=16)[0] for v in (video, other))
    assert np.array_equal(one, two)


def test_a_range_is_bounded_on_both_sides() -> None:
    found = FileRange(io.BytesIO(b"0123456789"), 3, 4)  # type: ignore[arg-type]
    assert found.read() == b"3456"
    assert found.read() == b""
    assert found.seek(-1, io.SEEK_END) == 3
    assert found.read(9) == b"6"
    assert found.seek(99) == 99
    assert found.read(1) == b""
    assert found.seek(-99, io.SEEK_CUR) == 0
    assert found.read(2) == b"34"


@pytest.mark.parametrize("at_once", [2**20, 100])
def test_a_file_that_is_too_short_or_gone_is_named(
    at_once: int, held: tuple[Path, FilePart], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(part, "_AT_ONCE", at_once)
    path, place = held
    short = place.path.with_name("short.tar")
    short.write_bytes(place.path.read_bytes()[:2000])
    with pytest.raises(VideoError, match=r"^all\.tar/clip\.mp4: "):
        Video(FilePart(short, 1000, place.size, place.name).open(), name=place.name).check()
    gone = FilePart(path.with_name("gone.tar"), 0, 9, "gone.tar/a.mp4")
    with pytest.raises(VideoError, match=r"gone\.tar/a\.mp4: it cannot be read \(No such file"):
        gone.open()


def test_the_file_is_opened_once_in_each_process(tmp_path: Path) -> None:
    opened: list[Path] = []

    class Counting(type(tmp_path)):  # type: ignore[misc]
        def open(self, *rest: Any, **options: Any) -> Any:
            opened.append(self)
            return super().open(*rest, **options)

    (tmp_path / "one").write_bytes(b"0123456789")
    path = Counting(tmp_path / "one")
    parts = [FilePart(path, start, 2, "x") for start in (6, 0, 4)]
    assert [p.open().read() for p in parts] == [b"67", b"01", b"45"]
    assert len(opened) == 1
    if hasattr(os, "fork"):
        read, write = os.pipe()
        child = os.fork()
        if child == 0:  # its place in the file must not be that of its parent
            os.write(write, parts[0].open().read() + str(len(opened)).encode())
            os._exit(0)
        os.waitpid(child, 0)
        assert os.read(read, 9) == b"672"
        os.close(read)
        os.close(write)


def test_only_some_files_stay_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(part, "_HELD", 3)
    monkeypatch.setattr(part._held, "files", {})
    for number in range(9):
        (tmp_path / str(number)).write_bytes(bytes([number]))
        assert FilePart(tmp_path / str(number), 0, 1, "x").open().read() == bytes([number])
        assert len(part._held.files) <= 3


def test_a_place_travels_to_other_processes(held: tuple[Path, FilePart]) -> None:
    assert pickle.loads(pickle.dumps(held[1])) == held[1]
