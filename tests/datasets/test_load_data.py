"""Several folders and lists of clips as one manifest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from action_recognition.datasets.folders import load_data
from action_recognition.errors import DataError
from dataset_maker import own_names

Fill = Callable[[str, Iterable[str]], Path]


def write_list(path: Path, *rows: str, header: str = "path,label,group,split") -> Path:
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return path


def test_folders_and_lists_together(fill: Fill, tmp_path: Path) -> None:
    root = fill("waving", own_names("waving", 8, 1))
    rows = [f"x/{k}.mp4,nodding,person{k},train" for k in range(8)]
    nodding = write_list(tmp_path / "nodding.csv", *rows, "x/t.mp4,nodding,person9,test")
    bowing = write_list(
        tmp_path / "bowing.csv", "a.mp4,bowing,p1,train", "b.mp4,bowing,p2,val",
        "c.mp4,bowing,p3,test",
    )  # fmt: skip
    manifest = load_data([nodding, root, bowing], check=False)
    assert manifest.labels == ("Bowing", "Nodding", "Waving")
    count = Counter((c.label, c.split) for c in manifest.clips)
    assert [count["Waving", s] for s in ("train", "val", "test")] == [5, 1, 2]
    assert [count["Nodding", s] for s in ("train", "val", "test")] == [7, 1, 1]  # its own
    assert [count["Bowing", s] for s in ("train", "val", "test")] == [1, 1, 1]  # as it says
    for source in (root, nodding, bowing):  # a source is divided as it is alone
        alone = load_data([source], check=False)
        assert set(alone.clips) <= set(manifest.clips)


def test_classes_are_picked_from_all_sources(fill: Fill, tmp_path: Path) -> None:
    fill("waving", own_names("waving", 4, 1))
    root = fill("fall_floor", own_names("x", 4, 1))
    path = write_list(tmp_path / "l.csv", "a.mp4,bowing,p1,train", "b.mp4,fall_floor,p2,train")
    manifest = load_data([root, path], classes=["bowing", "falling_on_floor"], check=False)
    assert manifest.labels == ("Bowing", "Falling on Floor")
    assert sum(c.label == "Falling on Floor" for c in manifest.clips) == 5
    with pytest.raises(DataError, match="class 'Smoking'"):
        load_data([root, path], classes=["smoke"], check=False)


def test_a_group_in_two_sources_must_not_be_in_two_splits(tmp_path: Path) -> None:
    one = write_list(tmp_path / "1.csv", "a.mp4,bowing,anna,train", "v.mp4,bowing,vera,val")
    two = write_list(tmp_path / "2.csv", "b.mp4,waving,anna,test", "c.mp4,waving,carl,train")
    with pytest.raises(DataError, match=r"leaks: .*anna \(test and train\)"):
        load_data([one, two], validation=False)


def test_without_validation_nothing_is_taken_from_train(fill: Fill, tmp_path: Path) -> None:
    root = fill("waving", own_names("waving", 8, 1))
    rows = [f"x/{k}.mp4,nodding,person{k},train" for k in range(8)]
    path = write_list(tmp_path / "l.csv", *rows)
    manifest = load_data([root, path], check=False, validation=False)
    assert not manifest.split("val")
    assert len(manifest.split("train")) == 6 + 8
