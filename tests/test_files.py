"""Files that are replaced: whole, or as they were, and nothing else is left behind."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from action_recognition.errors import VideoError
from action_recognition.files import make_folder, replacing, write_whole


def test_a_file_below_a_plain_file_is_named_with_what_is_in_its_way(tmp_path: Path) -> None:
    (tmp_path / "plain").write_text("x")
    for name in ("plain/a.csv", "plain/in/a.csv"):
        with pytest.raises(OSError, match="plain is a file, not a folder") as raised:
            write_whole(tmp_path / name, b"")
        assert raised.value.filename == str(tmp_path / name)
    with pytest.raises(NotADirectoryError, match=re.escape("[Errno 20] plain is a file")):
        make_folder(tmp_path / "plain" / "in")


def fail_half_way(path: Path, *, beside: Path | None = None) -> None:
    with replacing(path) as temporary:
        temporary.write_bytes(b"half")
        if beside is not None:
            beside.touch()
        raise VideoError(path.name, "broken")


def test_what_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(VideoError):
        fail_half_way(tmp_path / "a" / "b" / "c.mp4")
    assert not list(tmp_path.iterdir())


def test_what_others_have_put_there_stays(tmp_path: Path) -> None:
    with pytest.raises(VideoError):
        fail_half_way(tmp_path / "a" / "b" / "c.mp4", beside=tmp_path / "a" / "notes.txt")
    assert [p.name for p in tmp_path.rglob("*")] == ["a", "notes.txt"]


def test_a_file_that_cannot_be_replaced_is_left_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    with pytest.raises(OSError) as raised:
        write_whole(tmp_path / "a", b"x")  # a folder
    assert raised.value.filename == str(tmp_path / "a")
    assert [p.name for p in tmp_path.iterdir()] == ["a"]
