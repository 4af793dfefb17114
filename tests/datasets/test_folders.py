"""From folders of clips to splits: official, drawn by group, left out, refused."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from action_recognition.actions import label_for_folder
from action_recognition.datasets.folders import SplitRules, build_manifest
from action_recognition.datasets.manifest import Manifest
from action_recognition.datasets.splits import check_leaks
from action_recognition.errors import DataError
from dataset_maker import own_names
from video_maker import write_video

pytestmark = pytest.mark.slow  # the whole file: some seconds

Fill = Callable[[str, Iterable[str]], Path]


def splits(manifest: Manifest) -> dict[str, str]:
    return {c.path.name: c.split for c in manifest.clips}


# -- own data ------------------------------------------------------------------------------


def test_own_data_is_divided_by_group(fill: Fill) -> None:
    fill("waving", own_names("waving", 12))
    root = fill("bowing", own_names("bowing", 9))
    manifest = build_manifest([root], SplitRules(group_pattern="(\\w+_p\\d+)_"))
    check_leaks([c.group for c in manifest.clips], [c.split for c in manifest.clips])
    assert manifest.labels == ("Bowing", "Waving")
    assert {c.dataset for c in manifest.clips} == {"own"}
    assert {c.group for c in manifest.split("test")} <= {c.path.name[:-6] for c in manifest.clips}
    count = Counter((c.label, c.split) for c in manifest.clips)
    assert count["Waving", "test"] == 9  # a quarter
    for label in manifest.labels:
        assert min(count[label, split] for split in ("train", "val", "test")) >= 3
    assert all(c.duration_s == pytest.approx(0.4, abs=0.05) for c in manifest.clips)
    assert not manifest.refused
    assert not manifest.left_out


def test_without_a_pattern_each_file_is_a_group(fill: Fill) -> None:
    root = fill("waving", own_names("waving", 4, 2))
    manifest = build_manifest([root], check=False)
    assert len({c.group for c in manifest.clips}) == 8
    assert Counter(c.split for c in manifest.clips)["test"] == 2
    assert all(c.duration_s == 0 for c in manifest.clips)


def test_groups_that_span_classes_stay_whole(fill: Fill) -> None:
    for cls in ("waving", "bowing", "nodding"):
        root = fill(cls, own_names(cls, 8, 2))
    manifest = build_manifest([root], SplitRules(group_pattern="(p\\d+)"), check=False)
    people = {split: {c.group for c in manifest.split(split)} for split in ("train", "val", "test")}
    assert sum(len(p) for p in people.values()) == 8
    assert all(people.values())


def test_same_seed_same_splits(fill: Fill) -> None:
    root = fill("waving", own_names("waving", 10, 1))
    built = [
        splits(build_manifest([root], SplitRules(seed=seed), check=False)) for seed in (1, 1, 2)
    ]
    assert built[0] == built[1]
    assert built[0] != built[2]


@pytest.mark.parametrize("groups", [1, 2])
def test_a_class_of_too_few_groups_is_trained_on_only(fill: Fill, groups: int) -> None:
    fill("waving", own_names("waving", 12))
    root = fill("bowing", own_names("bowing", groups))
    manifest = build_manifest([root], SplitRules(group_pattern="(\\w+_p\\d+)_"), check=False)
    count = Counter((c.label, c.split) for c in manifest.clips)
    assert [count["Bowing", split] for split in ("train", "val", "test")] == [3 * groups, 0, 0]
    assert count["Waving", "test"] == 9  # divided as if the other were not there
    assert count["Waving", "val"] >= 3


def test_one_clip_a_class(fill: Fill) -> None:
    fill("waving", ["one.mp4"])
    manifest = build_manifest([fill("bowing", ["two.mp4"])])
    assert splits(manifest) == {"one.mp4": "train", "two.mp4": "train"}


def test_a_class_of_three_groups_is_in_every_split(fill: Fill) -> None:
    fill("waving", own_names("waving", 24))
    root = fill("bowing", own_names("bowing", 3))
    manifest = build_manifest([root], SplitRules(group_pattern="(\\w+_p\\d+)_"), check=False)
    count = Counter((c.label, c.split) for c in manifest.clips)
    assert [count["Bowing", split] for split in ("train", "val", "test")] == [3, 3, 3]
    # A quarter and then a sixth of the other class, not a third and a half of it.
    assert [count["Waving", split] for split in ("train", "val", "test")] == [45, 9, 18]


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        (r"(", "group pattern"),
        (r"waving", "one part in parentheses"),
        (r"(a)(b)", "one part in parentheses"),
        (r"_q(\d)", r"waving_p00_0\.mp4: .*does not match"),
        (r"waving(_q\d)?", r"waving_p00_0\.mp4: .*does not match"),
    ],
)
def test_bad_group_pattern(fill: Fill, pattern: str, message: str) -> None:
    root = fill("waving", own_names("waving", 3))
    with pytest.raises(DataError, match=message):
        build_manifest([root], SplitRules(group_pattern=pattern), check=False)


# -- official data -------------------------------------------------------------------------

CRAWLING = [f"v_BabyCrawling_g{g:02d}_c01.mp4" for g in (1, 7, 8, 12, 15, 22, 25)]
FALLING = [
    "50_FIRST_DATES_fall_floor_f_cm_np1_fr_med_14.mp4",  # test in split 1
    "APOCALYPTO_fall_floor_f_nm_np1_ba_med_5.mp4",
    "BATMAN_BEGINS_fall_floor_f_cm_np1_ba_med_3.mp4",
    "BIG_FISH_fall_floor_f_cm_np1_fr_med_24.mp4",
    "BIG_FISH_fall_floor_f_nm_np1_fr_med_11.mp4",  # not used in split 1
]
HITTING = [
    "50_FIRST_DATES_hit_f_cm_np1_fr_med_18.mp4",  # train, but its film is in test above
    "A_compilation_of_slaps_hit_f_cm_np1_ba_bad_0.mp4",
    "AmericanGangster_hit_h_cm_np1_le_bad_60.mp4",
    "Destruction_of_a_TV_hit_f_cm_np1_ba_bad_1.mp4",  # test
]


@pytest.mark.parametrize(("split", "test"), [(1, (1, 7)), (2, (8, 12)), (3, (15,))])
def test_official_clips_keep_their_split(fill: Fill, split: int, test: tuple[int, ...]) -> None:
    root = fill("BabyCrawling", CRAWLING)
    manifest = build_manifest([root], SplitRules(official_split=split))
    assert {c.path.name for c in manifest.split("test")} == {
        f"v_BabyCrawling_g{g:02d}_c01.mp4" for g in test
    }
    assert len(manifest.split("val")) == 1  # out of train, never out of test
    clip = manifest.split("test")[0]
    assert (clip.label, clip.dataset, clip.original_class) == (
        "Baby Crawling",
        "UCF101",
        "BabyCrawling",
    )


def test_official_clips_with_one_train_group_have_no_validation(fill: Fill) -> None:
    """There would be nothing left to train on; it was refused."""
    names = [f"v_BabyCrawling_g{g:02d}_c0{c}.mp4" for g, c in ((1, 1), (2, 1), (9, 1), (9, 2))]
    manifest = build_manifest([fill("BabyCrawling", names)], check=False)
    assert [len(manifest.split(s)) for s in ("train", "val", "test")] == [2, 0, 2]


def test_film_in_both_splits_across_classes(fill: Fill) -> None:
    fill("fall_floor", FALLING)
    root = fill("hit", HITTING)
    manifest = build_manifest([root])
    split_of = splits(manifest)
    assert split_of[FALLING[0]] == split_of[HITTING[3]] == "test"
    assert {c.path.name: c.reason for c in manifest.left_out} == {
        HITTING[0]: "film 50_first_dates stands in test",
        FALLING[4]: "not used in official split 1",
    }
    assert Counter(split_of.values())["val"] >= 2  # one of each class
    lines = manifest.summary().splitlines()
    assert "left out: 1 train clips of 1 films that stand in test" in lines
    assert "left out: 1 clip, not used in official split 1" in lines
    # Without the other class the film is in one split only, and its clip is of use.
    alone = build_manifest([root], classes=["hit"], check=False)
    assert splits(alone)[HITTING[0]] in ("train", "val")


def test_films_within_a_class(fill: Fill) -> None:
    fill("fall_floor", FALLING)
    root = fill("hit", HITTING)
    manifest = build_manifest([root], SplitRules(films="class"), check=False)
    assert splits(manifest)[HITTING[0]] in ("train", "val")  # the film is in test as another class
    assert {c.group for c in manifest.clips if c.label == "Hitting"} >= {"hit/50_first_dates"}
    assert [c.path.name for c in manifest.left_out] == [FALLING[4]]


def test_parts_of_a_film_are_that_film(fill: Fill) -> None:
    part = "Hitch_Part_2_walk_f_nm_np1_fr_med_6.mp4"  # train, but the film is in test
    root = fill(
        "walk",
        [
            "Hitch_Part_1_walk_u_cm_np1_fr_med_0.mp4",
            part,
            "20060723sfjffcookies_walk_u_nm_np1_fr_med_0.mp4",
            "20060723sfjffschmoozer_walk_f_cm_np2_ri_med_0.mp4",
        ],
    )
    manifest = build_manifest([root], SplitRules(films="class"), check=False)
    assert {c.path.name: c.reason for c in manifest.left_out} == {
        part: "film walk/hitch stands in test"
    }


def test_official_split_out_of_range(fill: Fill) -> None:
    with pytest.raises(DataError, match="official split 4: must be 1, 2 or 3"):
        build_manifest([fill("hit", HITTING)], SplitRules(official_split=4))


# -- refused files -------------------------------------------------------------------------


def test_files_that_do_not_decode_are_refused_by_name(fill: Fill, one_video: Path) -> None:
    root = fill("waving", own_names("waving", 6, 1))
    whole = one_video.read_bytes()
    (root / "waving" / "empty.mp4").touch()
    (root / "waving" / "text.avi").write_text("not a video")
    (root / "waving" / "half.mp4").write_bytes(whole[: len(whole) // 2])
    holed = bytearray(write_video(root / "waving" / "holed.mp4", seconds=6).path.read_bytes())
    start, end = holed.index(b"mdat") + 4, holed.index(b"moov") - 4
    start += (end - start) * 2 // 3
    holed[start:end] = bytes(end - start)  # opens as if it were whole
    (root / "waving" / "holed.mp4").write_bytes(holed)
    seen: list[tuple[int, int]] = []
    manifest = build_manifest([root], on_progress=lambda *done: seen.append(done))
    assert seen == [(k, 10) for k in range(1, 11)]
    refused = {c.path.name: c.reason for c in manifest.refused}
    assert set(refused) == {"empty.mp4", "text.avi", "half.mp4", "holed.mp4"}
    assert refused["empty.mp4"] == "the file is empty"
    assert "truncated" in refused["half.mp4"]
    assert "cannot be decoded" in refused["holed.mp4"]
    placed = [c for split in ("train", "val", "test") for c in manifest.split(split)]
    assert sorted(c.path.name for c in placed) == own_names("waving", 6, 1)  # none stands in
    for name, reason in refused.items():
        assert f"refused: {name}: {reason}" in manifest.summary().splitlines()


# -- which files and labels ----------------------------------------------------------------


def test_labels_by_the_table_or_made_readable(fill: Fill) -> None:
    for cls in ("fall_floor", "BrushingTeeth", "my_own_move"):
        root = fill(cls, own_names("x", 3, 1))
    manifest = build_manifest([root], check=False)
    assert {c.original_class: c.label for c in manifest.clips} == {
        "fall_floor": "Falling on Floor",
        "BrushingTeeth": "Brushing Teeth",
        "my_own_move": "My own move",
    }


@pytest.mark.parametrize("wanted", ["fall_floor", "falling_on_floor", "Falling on Floor"])
def test_classes_selects_by_folder_or_label(fill: Fill, wanted: str) -> None:
    fill("waving", own_names("waving", 3))
    root = fill("fall_floor", own_names("x", 3))
    manifest = build_manifest([root], classes=[wanted], check=False)
    assert manifest.labels == ("Falling on Floor",)
    with pytest.raises(DataError, match="'Smoking' is there"):
        build_manifest([root], classes=[wanted, "smoke"], check=False)


def test_only_videos_that_are_not_hidden_are_taken(fill: Fill) -> None:
    root = fill("waving", ["a.mp4", "day two/b.MP4", "day two/tape 3/c.avi"])
    fill("waving", [".d.mp4", ".trash/e.mp4", "f.txt", "g.mp4.part", "h", "._a.mp4"])
    fill(".hidden", ["i.mp4"])
    fill(".", ["j.mp4"])
    (root / "waving" / "k.mp4").mkdir()
    (root / "no videos").mkdir()
    manifest = build_manifest([root], SplitRules(groups="files"), check=False)
    assert sorted(c.path.name for c in manifest.clips) == ["a.mp4", "b.MP4", "c.avi"]
    assert {c.original_class for c in manifest.clips} == {"waving"}


def test_two_folders_that_give_one_label(fill: Fill) -> None:
    fill("brushing_Teeth", own_names("x", 3))
    root = fill("BrushingTeeth", own_names("y", 3))
    with pytest.raises(DataError, match="'BrushingTeeth' and 'brushing_Teeth' give one label"):
        build_manifest([root], check=False)


def test_folders_of_the_table_may_share_their_label(fill: Fill) -> None:
    """The folder of the data set and that of the project: their clips belong together."""
    fill("fall_floor", own_names("x", 3))
    root = fill("falling_on_floor", own_names("y", 3))
    manifest = build_manifest([root], check=False)
    assert manifest.labels == ("Falling on Floor",)
    assert len(manifest.clips) == 18


def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such folder"):
        build_manifest([tmp_path / "gone"])
    (tmp_path / "empty" / "waving").mkdir(parents=True)
    with pytest.raises(DataError, match="no folder in it holds videos"):
        build_manifest([tmp_path / "empty"])


def test_split_and_select_name_what_is_wrong(fill: Fill) -> None:
    manifest = build_manifest([fill("waving", own_names("waving", 3))], check=False)
    with pytest.raises(DataError, match="'validation': must be one of train, val, test"):
        manifest.split("validation")
    with pytest.raises(DataError, match="no clips of class 'Bowing'"):
        manifest.select(["Waving", "Bowing"])
    assert manifest.select(["Waving"]) == manifest


# -- the real clips ------------------------------------------------------------------------


def test_real_clips(shared_dir: Path) -> None:
    manifest = build_manifest([shared_dir / "clips"], check=False)
    folders = [p.name for p in (shared_dir / "clips").iterdir() if p.is_dir()]
    assert len(folders) >= 10
    assert set(manifest.labels) == set(map(label_for_folder, folders))
    check_leaks([c.group for c in manifest.clips], [c.split for c in manifest.clips])
    with (shared_dir / "clips.csv").open(encoding="utf-8", newline="") as file:
        official = {shared_dir / r["path"]: r for r in csv.DictReader(file)}
    official = {p: row for p, row in official.items() if p.parts[-3] == "clips"}
    assert len(manifest.clips) == len(official)
    assert len(manifest.split("test")) == sum(r["split1"] == "test" for r in official.values())
    test_groups = {c.group for c in manifest.split("test")}
    for clip in manifest.clips:
        row = official[clip.path]
        assert clip.label == label_for_folder(row["original_class"])
        if clip.split == "left_out":
            assert row["split1"] == "train"
            assert clip.group in test_groups
        else:
            assert row["split1"] == ("test" if clip.split == "test" else "train")
    for label in manifest.labels:
        assert any(c.label == label for c in manifest.split("val"))
        assert any(c.label == label for c in manifest.split("train"))
    assert 0 < len(manifest.left_out) < 60
