"""Shards and indices that others wrote, damaged or lying ones among them."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path

import pytest

from action_recognition.datasets.folders import load_data
from action_recognition.datasets.manifest import Clip
from action_recognition.datasets.shards.members import members_of
from action_recognition.datasets.shards.read import INDEX, find_shards, read_shards
from action_recognition.datasets.shards.write import write_shards
from action_recognition.errors import DataError, VideoError
from shard_maker import clips_of, write_tar

GIVEN = json.dumps({"label": "jump", "split": "validation", "group": "anna"}).encode()


def read_one(path: Path) -> Clip:
    (clip,) = read_shards([path])
    return clip


def test_a_class_and_a_split_by_the_name_of_the_shard(tmp_path: Path) -> None:
    shard = write_tar(tmp_path / "test-7.tar", {"a/1.cls": b"long_jump\n", "a/1.MP4": b"video"})
    clip = read_one(shard)
    assert (clip.label, clip.split, clip.dataset) == ("Long jump", "test", "own")
    assert clip.group == "test-7.tar/a/1.MP4"
    assert clip.source().read() == b"video"  # type: ignore[union-attr]


def test_what_a_json_file_says(tmp_path: Path) -> None:
    clip = read_one(write_tar(tmp_path / "x.tar", {"1.avi": b"v", "1.txt": b"", "1.json": GIVEN}))
    assert (clip.label, clip.split, clip.group) == ("Jump", "val", "anna")


@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        ({"1.mp4": b"v"}, r"train-0\.tar/1\.mp4: has no label"),
        ({"1.mp4": b"v", "1.json": b"{"}, r"train-0\.tar/1\.json: cannot be read \("),
        ({"1.mp4": b"v", "1.json": b"[1]"}, "must be an object with a label"),
        ({"1.mp4": b"v", "1.json": b"[" * 99_999}, "cannot be read"),
        ({"1.mp4": b"v", "1.json": b'{"label": "a", "split": "no"}'}, "in no split"),
        ({"1.cls": b"jump"}, r"train-0\.tar: there is no clip in it"),
        ({}, r"train-0\.tar: .*"),
    ],
)
def test_what_is_missing_is_one_sentence(
    files: dict[str, bytes], sentence: str, tmp_path: Path
) -> None:
    shard = write_tar(tmp_path / "train-0.tar", files)
    with pytest.raises(DataError, match=sentence):
        read_shards([shard])


def test_a_group_in_two_splits_is_refused(tmp_path: Path) -> None:
    train = GIVEN.replace(b"validation", b"train")
    files = {"1.mp4": b"v", "1.json": GIVEN, "2.mp4": b"w", "2.json": train}
    write_tar(tmp_path / "shards" / "all.tar", files)
    with pytest.raises(DataError, match="the split leaks: groups in two splits: anna"):
        load_data([tmp_path / "shards"])


def damaged(content: bytes) -> dict[str, bytes]:
    """Ways in which a shard of two clips can be wrong."""
    second = content.index(b"2.mp4")
    return {
        "cut in a video": content[:1100],
        "cut between two members": content[:second],
        "cut in a header": content[: second + 100],
        "noise for a header": content[:second] + b"\xff" * 512 + content[second + 512 :],
        "no tar file": b"no tar file at all" * 99,
        "empty": b"",
    }


@pytest.mark.parametrize("how", list(damaged(b" " * 2000 + b"2.mp4")))
def test_a_damaged_shard_is_named_not_read_in_part(how: str, tmp_path: Path) -> None:
    files = {"1.mp4": b"v" * 900, "1.cls": b"jump", "2.mp4": b"w" * 900, "2.cls": b"jump"}
    shard = write_tar(tmp_path / "train-0.tar", files)
    shard.write_bytes(damaged(shard.read_bytes())[how])
    with pytest.raises(DataError, match=r"^train-0\.tar: it is (damaged|truncated)"):
        read_shards([shard])


def test_compressed_missing_and_strange_files_are_named(tmp_path: Path) -> None:
    shard = write_tar(tmp_path / "train-0.tar", {"1.mp4": b"v"}, "w:gz")
    with pytest.raises(DataError, match="compressed"):
        read_shards([shard])
    with pytest.raises(DataError, match="No such file"):
        read_shards([tmp_path / "train-1.tar"])
    (tmp_path / "train-2.tar").mkdir()
    with pytest.raises(DataError, match="is a folder"):
        read_shards([tmp_path / "train-2.tar"])


def test_links_and_sizes_that_lie_are_no_members() -> None:
    link = tarfile.TarInfo("1.mp4")
    link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
    assert not list(members_of(io.BytesIO(link.tobuf() + bytes(1024)), "x.tar"))
    huge = tarfile.TarInfo("1.mp4")
    huge.size = 2**40
    below = bytearray(tarfile.TarInfo("1.mp4").tobuf())
    below[124:136] = b"\xff" * 11 + b"\x00"  # -256 in base 256
    below[148:156] = b" " * 8
    below[148:156] = b"%06o\0 " % sum(below[:512])
    for header in (huge.tobuf(tarfile.GNU_FORMAT), bytes(below)):
        with pytest.raises(DataError, match=r"x\.tar: it is (truncated|damaged)"):
            list(members_of(io.BytesIO(header + bytes(1024)), "x.tar"))


# -- indices -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "index",
    [
        None,
        b"",
        b"no json\n",
        b"[1, 2, 3, 4, 5]\n",
        b'["train-000000.tar", "a.mp4", 512, 99999999, {"label": "a"}]\n',
        b'["train-000000.tar", "a.mp4", 512, 10, {"label": "a"}]\n',
        b'["train-000000.tar", "a.mp4", -512, -1, {"label": "a"}]\n',
        b'["train-000000.tar", "a.mp4", 1e999, 1, {"label": "a"}]\n',
        b"[" * 99_999,
    ],
)
def test_an_index_that_does_not_fit_is_not_believed(index: bytes | None, tmp_path: Path) -> None:
    write_shards(clips_of(tmp_path / "clips"), tmp_path / "shards")
    shards = find_shards(tmp_path / "shards")
    before = read_shards(shards)
    if index is None:
        (tmp_path / "shards" / INDEX).unlink()
    else:
        (tmp_path / "shards" / INDEX).write_bytes(index)
    assert read_shards(shards) == before


def test_a_shard_that_was_cut_later_is_named(tmp_path: Path) -> None:
    write_shards(clips_of(tmp_path / "clips"), tmp_path / "shards")
    shard = tmp_path / "shards" / "train-000000.tar"
    clip = max(read_shards([shard]), key=lambda c: c.part.offset if c.part else 0)
    shard.write_bytes(shard.read_bytes()[:3000])
    with pytest.raises(DataError, match="it is truncated"):
        read_shards([shard])
    with pytest.raises(VideoError, match="ends before it does"):
        clip.source()
