"""Clips that are copies of one another get one group, and so one split."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from action_recognition.datasets.copies import find_copies, join_copies
from action_recognition.datasets.folders import SplitRules, build_manifest, load_data
from action_recognition.datasets.manifest import Clip, Manifest
from scene_maker import Scene, darken, mirror, write_scene

pytestmark = pytest.mark.slow  # the whole file: some seconds


def write(root: Path, scenes: Mapping[str, int], **settings: Any) -> None:
    for name, seed in scenes.items():
        write_scene(root / name, Scene(seed), seconds=1.5, **settings)


def split_of(manifest: Manifest) -> dict[str, str]:
    return {c.path.name: c.split for c in manifest.clips}


def group_of(manifest: Manifest) -> dict[str, str]:
    return {c.path.name: c.group for c in manifest.clips}


@pytest.mark.parametrize("seed", range(3))
def test_copies_of_own_clips_stay_together(tmp_path: Path, seed: int) -> None:
    write(tmp_path, {f"waving/w{k}.mp4": k for k in range(8)})
    write(tmp_path, {f"bowing/b{k}.mp4": 20 + k for k in range(6)})
    write(tmp_path, {f"waving/x{k}.mp4": k for k in range(6)}, change=mirror)
    write(tmp_path, {f"bowing/y{k}.mp4": k for k in range(3)}, change=darken)
    manifest = build_manifest([tmp_path], SplitRules(seed=seed))
    split, group = split_of(manifest), group_of(manifest)
    for k in range(6):
        names = [f"w{k}.mp4", f"x{k}.mp4", *([f"y{k}.mp4"] if k < 3 else [])]
        assert len({split[n] for n in names}) == len({group[n] for n in names}) == 1
    assert len(set(group.values())) == 8 + 6
    assert set(split.values()) == {"train", "val", "test"}
    assert manifest.notes[0].startswith(f"content check: 23 clips, {23 * 22 // 2} pairs compared")
    assert "copies, kept in one group: waving/w5.mp4 and waving/x5.mp4, mirrored" in manifest.notes
    assert manifest.notes[0] in manifest.summary()
    assert load_data([tmp_path], classes=["waving"]).notes


def test_the_groups_of_copies_become_one_with_all_their_clips(tmp_path: Path) -> None:
    write(tmp_path, {"a/anna/1.mp4": 1, "a/anna/2.mp4": 2, "a/ben/3.mp4": 3, "a/cem/4.mp4": 4})
    write(tmp_path, {"a/dora/5.mp4": 2, "a/cem/6.mp4": 5, "a/emil/7.mp4": 6}, change=mirror)
    group = group_of(build_manifest([tmp_path]))
    assert group["1.mp4"] == group["2.mp4"] == group["5.mp4"] == "anna"
    assert {group[f"{k}.mp4"] for k in (3, 4, 6, 7)} == {"ben", "cem", "emil"}


OFFICIAL = {f"Archery/v_Archery_g{g:02d}_c01.avi": g for g in (1, 8, 9, 10)}


def test_a_copy_by_another_name_goes_with_its_official_original(tmp_path: Path) -> None:
    write(tmp_path, OFFICIAL)
    write(tmp_path, {"Archery/0001.mp4": 1, "Archery/0002.mp4": 8}, change=mirror)
    write(tmp_path, {f"Archery/own{k}.mp4": 30 + k for k in range(4)})
    manifest = build_manifest([tmp_path])
    split = split_of(manifest)
    assert split["0001.mp4"] == split["v_Archery_g01_c01.avi"] == "test"
    assert split["0002.mp4"] == split["v_Archery_g08_c01.avi"]
    clip = {c.path.name: c for c in manifest.clips}
    assert (clip["0001.mp4"].group, clip["0001.mp4"].dataset) == ("Archery/g01", "UCF101")
    assert (clip["0002.mp4"].group, clip["own0.mp4"].dataset) == ("Archery/g08", "own")


def test_an_official_train_clip_that_is_a_copy_of_a_test_clip_is_left_out(tmp_path: Path) -> None:
    write(tmp_path, OFFICIAL | {"Archery/v_Archery_g09_c02.avi": 11})
    write(tmp_path, {"Archery/v_Archery_g09_c03.avi": 1, "Archery/v_Archery_g11_c01.avi": 8})
    manifest = build_manifest([tmp_path])
    split, group = split_of(manifest), group_of(manifest)
    assert split["v_Archery_g01_c01.avi"] == "test"
    # All of its group were recorded there.
    assert [split[f"v_Archery_g09_c0{k}.avi"] for k in (1, 2, 3)] == ["left_out"] * 3
    assert {c.reason for c in manifest.left_out} == {"film Archery/g01 stands in test"}
    assert group["v_Archery_g11_c01.avi"] == group["v_Archery_g08_c01.avi"] == "Archery/g08"
    named = "Archery/v_Archery_g01_c01.avi (test) and Archery/v_Archery_g09_c03.avi (train)"
    assert f"copies, kept in one group: {named}" in manifest.notes


def test_copies_by_name_go_with_their_originals(tmp_path: Path) -> None:
    names = [f"v_Archery_g{g:02d}_c01{end}.mp4" for g in (1, 8, 9, 10) for end in ("", "_flip")]
    write(tmp_path, {f"Archery/{n}": k for k, n in enumerate(names)})
    manifest = build_manifest([tmp_path])
    split = split_of(manifest)
    for name in names:
        assert split[name] == split[name.replace("_flip", "")]
    assert {split[n] for n in names if "g01" in n} == {"test"}
    assert set(split.values()) == {"train", "val", "test"}


def test_given_splits_are_kept(tmp_path: Path) -> None:
    write(tmp_path, {"a/1.mp4": 1, "a/2.mp4": 2})
    write(tmp_path, {"a/v_Archery_g01_c01.mp4": 1}, change=mirror)
    clips = [
        Clip(tmp_path / "a" / "1.mp4", "A", "own", "a", "1", "train"),
        Clip(tmp_path / "a" / "2.mp4", "A", "own", "a", "2", "val"),
        Clip(tmp_path / "a" / "v_Archery_g01_c01.mp4", "A", "UCF101", "a", "Archery/g01", "test"),
    ]
    joined, lines = join_copies(clips, given={clips[0].path})
    assert joined == [replace(clips[0], group="Archery/g01"), *clips[1:]]
    assert "a/1.mp4 (train) and a/v_Archery_g01_c01.mp4 (test), mirrored" in lines[1]
    joined, _ = join_copies(clips)
    assert joined[0] == replace(clips[0], group="Archery/g01", dataset="UCF101", split="test")


def test_clips_in_no_split_and_damaged_files_are_passed_over(tmp_path: Path) -> None:
    write(tmp_path, {"a/1.mp4": 1, "a/2.mp4": 1, "a/3.mp4": 1})
    (tmp_path / "a" / "4.mp4").write_bytes(b"no video")
    split = ("train", "left_out", "refused", "train")
    clips = [
        Clip(tmp_path / "a" / f"{k}.mp4", "A", "own", "a", str(k), s)
        for k, s in enumerate(split, 1)
    ]
    joined, lines = join_copies(clips)
    assert joined == clips
    assert len(lines) == 1
    assert lines[0].startswith("content check: 1 clip, 0 pairs compared in ")


def test_many_pairs_are_not_all_named(tmp_path: Path) -> None:
    write(tmp_path, {f"a/{k}.mp4": 1 for k in range(8)})
    clips = [Clip(p, "A", "own", "a", p.stem, "train") for p in sorted(tmp_path.rglob("*.mp4"))]
    copies = find_copies(clips, [c.group for c in clips])
    assert len(copies.pairs) == 8 * 7 // 2
    lines = copies.describe_pairs()
    assert len(lines) == 21
    assert lines[0] == "a/0.mp4 and a/1.mp4"
    assert lines[-1] == "8 more pairs"
    assert copies.describe_unseen() == []


def test_clips_that_show_too_little_are_named(tmp_path: Path, make_video: Any) -> None:
    for k in range(3):
        make_video(f"{k}.mp4", seconds=1.0)  # a few cells on black
    clips = [Clip(p, "A", "own", "a", p.stem, "train") for p in sorted(tmp_path.glob("*.mp4"))]
    copies = find_copies(clips, [c.group for c in clips])
    assert copies.pairs == ()
    (line,) = copies.describe_unseen()
    assert "too little" in line
    assert all(f"{tmp_path.name}/{k}.mp4" in line for k in range(3))
