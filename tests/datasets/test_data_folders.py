"""Data folders as they are handed on: given splits, lists, links, what is left out, counts."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from action_recognition.datasets.folders import SplitRules, build_manifest, load_data
from action_recognition.datasets.manifest import Manifest
from action_recognition.datasets.manifest_csv import read_manifest, write_manifest
from action_recognition.datasets.splits import check_leaks
from action_recognition.errors import DataError
from video_maker import write_video

Fill = Callable[[str, Iterable[str]], Path]

SPLITS = ("train", "val", "test")


def counts(manifest: Manifest, *labels: str) -> list[list[int]]:
    count = Counter((c.label, c.split) for c in manifest.clips)
    return [[count[label, s] for s in SPLITS] for label in labels]


def ucf101(cls: str, *groups: int) -> list[str]:
    return [f"v_{cls}_g{g:02d}_c{c:02d}.avi" for g in groups for c in (1, 2)]


# -- given splits --------------------------------------------------------------------------


def test_given_splits_go_before_the_official_ones(fill: Fill) -> None:
    for cls in ("Lunges", "BrushingTeeth"):
        fill(f"train/{cls}", ucf101(cls, 8, 9, 1))  # 1 is an official test group
        fill(f"val/{cls}", ucf101(cls, 11))
        root = fill(f"test/{cls}", ucf101(cls, 4, 12))  # 12 is an official train group
    manifest = build_manifest([root], check=False)
    assert manifest.labels == ("Brushing Teeth", "Lunges")
    assert counts(manifest, *manifest.labels) == [[6, 2, 4]] * 2
    assert {c.path.parts[-3] == c.split for c in manifest.clips} == {True}
    assert {c.group for c in manifest.split("val")} == {"Lunges/g11", "BrushingTeeth/g11"}
    anew = build_manifest([root], SplitRules(keep_given=False), check=False)
    assert {c.group[-3:] for c in anew.split("test")} == {"g01", "g04"}


def test_without_val_it_is_carved_out_of_train(fill: Fill) -> None:
    for cls in ("jump", "run"):
        fill(f"Training/{cls}", [f"{k}.mp4" for k in range(12)])
        root = fill(f"Testing/{cls}", [f"t{k}.mp4" for k in range(4)])
    manifest = build_manifest([root], check=False)
    assert counts(manifest, "Jump", "Run") == [[10, 2, 4]] * 2
    assert all(c.path.name.startswith("t") for c in manifest.split("test"))
    alone = build_manifest([root], SplitRules(validation=False), check=False)
    assert counts(alone, "Jump", "Run") == [[12, 0, 4]] * 2


@pytest.mark.parametrize("names", [["p1/1.mp4", "p2/2.mp4"], ["p1/1.mp4", "p1/2.mp4", "p3/3.mp4"]])
def test_leaks_of_given_splits_are_left_out_by_name(fill: Fill, names: list[str]) -> None:
    fill("train/jump", [*names, "p7/4.mp4"])
    fill("val/jump", ["p8/5.mp4", "p1/6.mp4"])
    root = fill("test/jump", ["p1/7.mp4", "p9/8.mp4"])
    manifest = build_manifest([root], check=False)
    check_leaks([c.group for c in manifest.clips], [c.split for c in manifest.clips])
    left_out = {"/".join(c.path.parts[-4:]) for c in manifest.left_out}
    leaking = [f"train/jump/{n}" for n in names if n.startswith("p1")]
    assert left_out == {*leaking, "val/jump/p1/6.mp4"}
    assert {c.reason for c in manifest.left_out} == {"group p1 stands in test"}
    line = f"left out: {len(leaking) + 1} clips of 1 groups that stand in test, too: the given "
    assert line + "splits leak (p1)" in manifest.summary().splitlines()


def test_where_all_leaks_there_is_a_way_on(fill: Fill) -> None:
    """Dealt out clip by clip, as data sets of other people often are."""
    for k, split in enumerate(("train", "test"), 1):
        for cls in ("Lunges", "Archery"):
            names = [f"v_{cls}_g{g:02d}_c0{k}.avi" for g in (1, 2, 8, 9, 15)]
            root = fill(f"{split}/{cls}", names)
    manifest = build_manifest([root], check=False)
    assert counts(manifest, "Lunges") == [[0, 0, 5]]
    lines = manifest.omissions()
    assert any("10 clips of 10 groups that stand in test, too" in line for line in lines)
    assert sum("--new-splits` divides the clips anew" in line for line in lines) == 2
    anew = build_manifest([root], SplitRules(keep_given=False), check=False)
    assert counts(anew, "Lunges") == [[4, 2, 4]]
    assert anew.omissions() == []


def test_given_and_other_splits_side_by_side(fill: Fill, tmp_path: Path) -> None:
    fill("given/train/jump", [f"anna/{k}.mp4" for k in range(3)])
    fill("given/test/jump", [f"ben/{k}.mp4" for k in range(3)])
    people = ("anna", "ben", *"cdefgh")
    fill("own/jump", [f"{p}/x.mp4" for p in people])
    data = tmp_path / "data"
    manifest = build_manifest([data / "given", data / "own"], check=False)
    split_of = {c.group: c.split for c in manifest.clips}
    assert (split_of["anna"], split_of["ben"]) == ("train", "test")
    assert {split_of[p] for p in people} == set(SPLITS)
    assert not manifest.left_out


# -- lists ---------------------------------------------------------------------------------


@pytest.mark.slow
def test_kinetics_in_one_folder(fill: Fill) -> None:
    rows = [f"{c},{c}{k},5,6,{s}" for s, c, k in (
        ("train", "abseiling", 1), ("train", "abseiling", 2), ("validate", "abseiling", 3),
        ("train", "zumba", 1), ("validate", "zumba", 2), ("train", "zumba", 9),
    )]  # fmt: skip
    names = [f"{r.split(',')[1]}_000005_000006.mp4" for r in rows[:-1]]
    root = fill("videos", [*names, "other.mp4"])
    (root / "all.csv").write_text("\n".join(["label,youtube_id,time_start,time_end,split", *rows]))
    manifest = build_manifest([root])
    assert counts(manifest, "Abseiling", "Zumba") == [[2, 1, 0], [1, 1, 0]]
    assert {c.group for c in manifest.clips} == {n.split("_")[0] for n in names}
    assert manifest.omissions() == [
        f"left out: 1 file in {root / 'videos'} (in no list, unlike those beside it): other.mp4",
        f"left out: 1 clip in {root} (listed in all.csv, but not there): zumba9_000005_000006",
        "taken: 5 of 6 entries",
    ]
    for sources in ([root / "all.csv"], [root / "videos", root / "all.csv"]):
        assert set(load_data(sources, check=False).labels) == {"Abseiling", "Zumba"}
    assert load_data([root], classes=["zumba"], check=False).labels == ("Zumba",)


def test_a_list_without_splits_leaves_them_to_the_folders(fill: Fill) -> None:
    fill("test/set/train", ["a.mp4", "b.mp4"])  # only the folders in the data folder count
    root = fill("test/set/val", ["c.mp4"]) / "test" / "set"
    (root / "labels.csv").write_text("label,youtube_id\nx,a\ny,b\nx,c\n")
    manifest = build_manifest([root], check=False)
    assert {c.path.stem: c.split for c in manifest.clips} == {
        "a": "train",
        "b": "train",
        "c": "val",
    }
    (root / "train").rename(root / "all")
    manifest = build_manifest([root], SplitRules(validation=False), check=False)
    assert {c.path.stem: c.split for c in manifest.clips} == {
        "a": "train",
        "b": "train",
        "c": "val",
    }


@pytest.mark.parametrize("check", [True, False])
def test_untrimmed_videos_are_refused(fill: Fill, check: bool) -> None:
    root = fill("clips", ["a.mp4", "b.mp4"])  # 0.4 s
    rows = ["label,youtube_id,time_start,time_end", "x,a,5,5.4", "x,b,7,7.01"]
    (root / "train.csv").write_text("\n".join(rows))
    manifest = build_manifest([root], check=check)
    assert [c.split for c in manifest.clips] == ["train", "train"]  # 0.4 s are within the slack
    write_video(root / "clips" / "b.mp4", seconds=2, size=(32, 32))
    manifest = build_manifest([root], check=check)
    (refused,) = manifest.refused
    assert refused.path.name == "b.mp4"
    assert refused.reason == (
        "the untrimmed video, 2.0 s long, of which train.csv means 7 to 7.01 s: cut that section "
        "out first"
    )


def test_something_in_one_folder(fill: Fill) -> None:
    root = fill("20bn-something-something-v2", [f"{k}.webm" for k in range(1, 7)])
    label = "Pushing [something]"
    dealt = {"train": (1, 2, 3), "validation": (4,)}
    for name, ids in dealt.items():
        rows = [{"id": str(k), "label": "pushing a box", "template": label} for k in ids]
        (root / f"{name}.json").write_text(json.dumps(rows))
    (root / "test.json").write_text(json.dumps([{"id": "5"}]))
    (root / "labels.json").write_text(json.dumps({"Pushing something": "0"}))
    manifest = build_manifest([root], check=False)
    assert counts(manifest, "Pushing something") == [[3, 1, 0]]
    assert {e.path.name: e.reason for e in manifest.passed_over} == {
        "5.webm": "test.json does not tell its class",
        "6.webm": "in no list, unlike those beside it",
    }


def test_lists_of_ucf101_beside_the_clips(fill: Fill) -> None:
    root = fill("Lunges", ucf101("Lunges", 1, 2, 8))
    (root / "lists").mkdir()
    listed = {"train": (2, 8), "test": (1,)}
    for split, groups in listed.items():
        lines = [f"Lunges/{n} 1" for n in ucf101("Lunges", *groups)]
        text = "\n".join(lines if split == "train" else [x.removesuffix(" 1") for x in lines])
        (root / "lists" / f"{split}list01.txt").write_text(text)
    manifest = build_manifest([root], SplitRules(validation=False), check=False)
    assert {c.group[-3:]: c.split for c in manifest.clips} == {
        "g01": "test", "g02": "train", "g08": "train",
    }  # fmt: skip
    assert manifest.passed_over == ()
    sources = [root / "Lunges", root / "lists" / "testlist01.txt"]
    assert load_data(sources, check=False, validation=False).clips == manifest.clips


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("data.zip", r"data\.zip: archive; unpack it first; wanted are"),
        ("clip.mp4", r"clip\.mp4: a single video; wanted are folders of clips, and ann"),
        ("labels.json", r"labels\.json: not a video; wanted are"),
    ],
)
def test_a_source_of_another_kind(fill: Fill, name: str, message: str) -> None:
    root = fill("jump", ["1.mp4"])
    (root / name).write_bytes(b"{}")
    with pytest.raises(DataError, match=message):
        load_data([root / name])


# -- what is left out ----------------------------------------------------------------------


def test_a_class_of_another_format_is_named(fill: Fill) -> None:
    for cls in ("run", "stay"):
        fill(cls, [f"{k}.mp4" for k in range(4)])
    root = fill("jump", [f"{k}.mpg" for k in range(4)])
    (root / "jump" / ".DS_Store").touch()
    manifest = build_manifest([root], check=False)
    assert manifest.summary().splitlines()[-3:] == [
        f"left out: 1 folder in {root} (no video that can be read): jump",
        f"left out: 4 files in {root / 'jump'} (the format .mpg is not read): 0.mpg, 1.mpg, 2.mpg, "
        "3.mpg",
        "taken: 8 of 12 entries",
    ]


def test_a_class_of_damaged_files_is_named(fill: Fill) -> None:
    root = fill("run", [f"{k}.mp4" for k in range(4)])
    (root / "jump").mkdir()
    (root / "jump" / "1.mp4").write_bytes(b"no video")
    lines = build_manifest([root]).omissions()
    assert "class 'Jump' is empty: none of its clips is taken" in lines
    assert lines[-1] == "taken: 4 of 5 entries"


def test_where_nothing_is_left_out_there_is_no_word(fill: Fill) -> None:
    for cls in ("run", "stay"):
        root = fill(cls, [f"{k}.mp4" for k in range(4)])
    manifest = build_manifest([root], check=False)
    assert manifest.omissions() == []
    assert len(manifest.summary().splitlines()) == 4


def test_where_nothing_is_taken_the_reasons_are_named(fill: Fill) -> None:
    root = fill("jump", ["1.mpg", "2.mpg"])
    with pytest.raises(
        DataError, match=r"no folder in it holds videos.*\.mpg is not read\): 1\.mpg"
    ):
        build_manifest([root])
    fill("train", ["1.mp4"])
    fill("test", ["2.mp4"])
    with pytest.raises(DataError, match=r"none of the 2 videos in it is in a class folder.*1\.mp4"):
        build_manifest([root])


def test_linked_people_are_groups(fill: Fill, tmp_path: Path) -> None:
    for cls in ("drop", "slide"):
        root = fill(cls, [f"{p}/1.mp4" for p in ("anna", "ben", "cem")])
        fill(f"../disk/{cls}", ["1.mp4", "2.mp4"])
        (root / cls / "dora").symlink_to(tmp_path / "disk" / cls)
    manifest = build_manifest([root], check=False)
    count = Counter(c.group for c in manifest.clips)
    assert count == {"anna": 2, "ben": 2, "cem": 2, "dora": 4}
    assert manifest.omissions() == []


def test_one_class_alone_is_said(fill: Fill) -> None:
    root = fill("jump", [f"{k}.mp4" for k in range(4)])
    for folder in (root, root / "jump"):
        manifest = build_manifest([folder], check=False)
        assert manifest.labels == ("Jump",)
        assert manifest.summary().splitlines()[-1].startswith("one class only: a class is a folder")
    fill("run", ["1.mp4"])
    named = load_data([root / "jump", root / "run"], check=False)
    assert named.labels == ("Jump", "Run")


def test_what_is_passed_over_stays_with_a_part_of_the_data(fill: Fill) -> None:
    fill("run", ["1.mp4", "2.mpg"])
    root = fill("jump", ["3.mp4"])
    manifest = load_data([root], check=False)
    assert [e.path.name for e in manifest.select(["Jump"]).passed_over] == ["2.mpg"]


# -- names that are not UTF-8 --------------------------------------------------------------


@pytest.mark.slow
def test_names_in_latin_1_work(fill: Fill, one_video: Path, tmp_path: Path) -> None:
    root = fill("run", [f"{k}.mp4" for k in range(4)])
    folder = Path(os.fsdecode(os.fsencode(root) + b"/\xfcben"))
    folder.mkdir()
    for k in range(4):
        name = os.fsdecode(b"caf\xe9%d.mp4" % k)
        (folder / name).write_bytes(one_video.read_bytes())
    manifest = build_manifest([root])
    assert manifest.labels == ("Run", "Üben")
    assert not manifest.refused
    assert "Üben" in manifest.summary()
    write_manifest(manifest, tmp_path / "m.csv")
    assert read_manifest(tmp_path / "m.csv") == manifest
    for clip in manifest.clips:
        f"{clip.label}{clip.group}{clip.original_class}".encode()  # text that can be printed
