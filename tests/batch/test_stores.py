"""Files of an object store, read in blocks."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("pyarrow", reason="the extra scale is not installed")

from action_recognition.batch import stores
from action_recognition.batch.stores import BlockFile, split_url
from action_recognition.errors import UsageError
from action_recognition.video import Video


class Counting(io.BytesIO):
    """Counts the requests."""

    reads = 0

    def read(self, size: int | None = -1) -> bytes:
        self.reads += 1
        return super().read(size)


def test_a_short_video_is_one_request(make_video: Callable[..., Any]) -> None:
    content = make_video("film.mp4", seconds=3).path.read_bytes()
    store = Counting(content)
    with Video(BlockFile(store), name="film.mp4") as video:
        frames, _ = video.frames_at(np.arange(0, 3, 0.5), size=32)
    with Video(io.BytesIO(content), name="film.mp4") as video:
        expected, _ = video.frames_at(np.arange(0, 3, 0.5), size=32)
    assert np.array_equal(frames, expected)
    assert store.reads == 1


def test_reads_what_is_there_from_any_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stores, "_BLOCK_BYTES", 10)
    content = bytes(range(95))
    store = Counting(content)
    file = io.BufferedReader(BlockFile(store), 4)
    assert file.read(25) == content[:25]
    assert store.reads == 3
    assert file.seek(-7, os.SEEK_END) == 88
    assert file.read() == content[88:]
    assert file.read(1) == b""
    assert file.seek(3) == 3
    assert file.read(12) == content[3:15]
    assert store.reads == 5  # blocks that were read are kept
    file.seek(1000)
    assert file.read(1) == b""
    with pytest.raises(ValueError, match="negative"):
        BlockFile(store).seek(-1)


def test_a_file_that_was_cut_meanwhile_ends_early(tmp_path: Path) -> None:
    path = tmp_path / "film.mp4"
    path.write_bytes(b"x" * 100)
    with path.open("rb") as handle:
        file = BlockFile(handle)
        path.write_bytes(b"x" * 40)
        assert len(file.read()) == 40


def test_credentials_have_no_place_in_a_url() -> None:
    with pytest.raises(UsageError, match="environment"):
        split_url("s3://key:secret@data/films")
