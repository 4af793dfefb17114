"""The state of the data on disk, in lines: what was fetched, what is wrong, what is shared."""

from __future__ import annotations

import json
from pathlib import Path

from action_recognition.datasets.manifest import Clip, Manifest
from action_recognition.datasets.state import (
    describe_download,
    find_problems,
    shared_contents,
    shared_films,
)


def clip(path: Path, split: str, group: str, *, label: str = "Drinking") -> Clip:
    return Clip(path, label, "HMDB51", label.lower(), group, split)


def files(folder: Path, *contents: bytes) -> list[Path]:
    paths = [folder / f"{k}.avi" for k in range(len(contents))]
    for path, data in zip(paths, contents, strict=True):
        path.write_bytes(data)
    return paths


def test_nothing_is_wrong(tmp_path: Path) -> None:
    a, b = files(tmp_path, b"a", b"b")
    manifest = Manifest((clip(a, "train", "drink/a"), clip(b, "test", "drink/b")))
    assert find_problems(manifest) == []
    assert shared_contents(manifest) == []
    assert shared_films(manifest) == []


def test_files_that_are_gone_and_groups_on_two_sides(tmp_path: Path) -> None:
    a, b = files(tmp_path, b"a", b"b")
    gone = tmp_path / "gone.avi"
    manifest = Manifest(
        (
            clip(a, "train", "drink/a"),
            clip(b, "test", "drink/a"),
            clip(gone, "val", "drink/c"),
            clip(tmp_path / "bad.avi", "refused", "drink/b"),
            clip(tmp_path / "other.avi", "left_out", "drink/b"),
        )
    )
    problems = find_problems(manifest)
    assert len(problems) == 2
    assert problems[0] == f"{gone}: the file is gone"
    assert "groups in two splits: drink/a (test and train)" in problems[1]


def test_known_names_on_two_sides(tmp_path: Path) -> None:
    """The groups that the manifest gives do not say so."""
    names = ("v_Archery_g09_c01", "v_Archery_g09_c02_flip", "v_Archery_g10_c01", "my_v_a_g09_c01")
    paths = [tmp_path / f"{name}.mp4" for name in names]
    for path in paths:
        path.touch()
    splits = ("train", "test", "test", "val")
    clips = tuple(clip(p, s, p.stem) for p, s in zip(paths, splits, strict=True))
    (problem,) = find_problems(Manifest(clips))
    assert problem == (
        "the split leaks: by their file names, groups in two splits: Archery/g09 (test and train)"
    )
    assert find_problems(Manifest(clips[1:])) == []


def test_copies_on_two_sides_are_noted(tmp_path: Path) -> None:
    a, b, c, d = files(tmp_path, b"same", b"same", b"other", b"size4"[:4])
    manifest = Manifest(
        (
            clip(a, "train", "drink/a"),
            clip(b, "test", "drink/b"),
            clip(c, "train", "drink/c"),
            clip(d, "test", "drink/d"),
        )
    )
    (note,) = shared_contents(manifest)
    assert note.startswith("2 files are copies of a file in another split")
    assert "0.avi (train)" in note
    assert "1.avi (test)" in note
    c.unlink()  # `find_problems` speaks of it
    assert shared_contents(manifest) == [note]
    same_side = Manifest((clip(a, "train", "drink/a"), clip(b, "train", "drink/b")))
    assert shared_contents(same_side) == []


def test_films_on_two_sides_are_noted(tmp_path: Path) -> None:
    p = tmp_path / "a.avi"
    manifest = Manifest(
        (
            clip(p, "test", "drink/Hitch_Part_1"),
            clip(p, "train", "drink/Hitch_Part_2"),
            clip(p, "val", "drink/Hitch_Part_3"),
            clip(p, "train", "hit/Hitch_Part_1", label="Hitting"),
            clip(p, "train", "drink/Alone"),
        )
    )
    (note,) = shared_films(manifest)
    assert note.startswith("2 train and val clips")
    assert ", 1 more under another class" in note


def test_the_state_of_the_download(tmp_path: Path) -> None:
    assert describe_download(tmp_path)[0] == "ucf101-splits: not fetched, 0 lists unpacked"
    archives = tmp_path / "archives"
    archives.mkdir()
    (archives / "UCF101.rar.part").write_bytes(b"x" * 1_500_000)
    (archives / "UCF101.rar.part.json").write_text(json.dumps({"total": 6_500_000_000}))
    (archives / "hmdb51_org.rar").write_bytes(b"x")
    folder = tmp_path / "videos" / "hmdb51" / "hit"
    folder.mkdir(parents=True)
    files(folder, b"a", b"b")
    lists = tmp_path / "splits" / "ucf101"
    lists.mkdir(parents=True)
    (lists / "classInd.txt").touch()
    (tmp_path / "archives" / "hmdb51_org.rar.part").touch()  # the whole one counts
    lines = describe_download(tmp_path)
    assert "ucf101-splits: not fetched, 1 lists unpacked" in lines
    assert "ucf101-videos: partly fetched (1.5 of 6500.0 MB), 0 clips unpacked" in lines
    assert "hmdb51-videos: fetched, 2 clips unpacked" in lines
    (archives / "UCF101.rar.part.json").write_text("{")
    assert "ucf101-videos: partly fetched (1.5 MB), 0 clips unpacked" in describe_download(tmp_path)
