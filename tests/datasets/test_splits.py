"""Official sides, films, whole groups and the leak check."""

from __future__ import annotations

import csv
import re
from collections import Counter, defaultdict
from importlib import resources
from pathlib import Path

import pytest

from action_recognition.actions import ACTIONS
from action_recognition.datasets.official import film_of, find_official
from action_recognition.datasets.splits import assign_by_group, check_leaks, resolve_films
from action_recognition.errors import DataError


def packaged_list() -> list[dict[str, str]]:
    lists = resources.files("action_recognition.datasets") / "hmdb51_splits.csv"
    with lists.open("r", encoding="utf-8") as file:
        return list(csv.DictReader(file))


# -- official lists ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("group", "splits"),
    [
        (1, ("test", "train", "train")),
        (7, ("test", "train", "train")),
        (8, ("train", "test", "train")),
        (14, ("train", "test", "train")),
        (15, ("train", "train", "test")),
        (21, ("train", "train", "test")),
        (22, ("train", "train", "train")),
        (25, ("train", "train", "train")),
    ],
)
def test_ucf101_side_follows_the_group(group: int, splits: tuple[str, str, str]) -> None:
    official = find_official(f"v_IceDancing_g{group:02d}_c03")
    assert official is not None
    assert official.splits == splits
    assert (official.dataset, official.original_class) == ("UCF101", "IceDancing")
    assert official.group == f"IceDancing/g{group:02d}"


@pytest.mark.parametrize(
    "stem", ["kitchen", "v_IceDancing_g1_c03", "v_IceDancing_g01_c03_copy", "xv_IceDancing_g01_c03"]
)
def test_other_names_are_not_official(stem: str) -> None:
    assert find_official(stem) is None


def test_hmdb51_has_70_train_and_30_test_clips_a_class_in_each_split() -> None:
    count: Counter[tuple[str, str, int]] = Counter()
    for row in packaged_list():
        official = find_official(row["stem"])
        assert official is not None
        assert official.dataset == "HMDB51"
        for k, side in enumerate(official.splits):
            count[official.original_class, str(side), k] += 1
    classes = {cls for cls, _, _ in count}
    assert len(classes) == 51
    assert {a.original_class for a in ACTIONS if a.dataset == "HMDB51"} <= classes
    for cls in classes:
        for k in range(3):
            assert (count[cls, "train", k], count[cls, "test", k]) == (70, 30), (cls, k + 1)


def test_hmdb51_keeps_sources_apart_within_a_class_but_not_across_classes() -> None:
    """Why films are resolved at all; within a class the official lists do it themselves."""
    sides: dict[str, set[str]] = defaultdict(set)
    for row in packaged_list():
        official = find_official(row["stem"])
        assert official is not None
        if official.splits[0] is not None:
            sides[official.group].add(official.splits[0])
    assert sides["iamlegend"] == {"train", "test"}
    assert sum(len(s) == 2 for s in sides.values()) > 50


def test_hmdb51_source_is_free_of_the_name_of_the_class() -> None:
    tail = re.compile(r"_[fhul]_[cn]m_np\d_")
    for row in packaged_list():
        official = find_official(row["stem"])
        assert official is not None
        assert official.original_class == row["class"]
        assert not tail.search(official.group)
        assert official.group


def test_every_line_of_the_official_ucf101_lists(shared_dir: Path) -> None:
    seen: list[Counter[str]] = []
    for k in (1, 2, 3):
        count: Counter[str] = Counter()
        for side in ("train", "test"):
            lines = (shared_dir / f"splits/ucf101/{side}list0{k}.txt").read_text().split("\n")
            for line in filter(None, lines):
                official = find_official(Path(line.split()[0]).stem)
                assert official is not None, line
                assert official.splits[k - 1] == side, line
                count[side] += 1
        seen.append(count)
    assert [(c["train"], c["test"]) for c in seen] == [(9537, 3783), (9586, 3734), (9624, 3696)]


def test_every_line_of_the_official_hmdb51_lists(shared_dir: Path) -> None:
    meaning = {"0": None, "1": "train", "2": "test"}
    files = sorted((shared_dir / "splits/hmdb51").glob("*_test_split[123].txt"))
    lines = 0
    for file in files:
        cls, k = file.stem[: -len("_test_split1")], int(file.stem[-1])
        for line in filter(str.strip, file.read_text().split("\n")):
            name, digit = line.split()
            official = find_official(Path(name).stem)
            assert official is not None, line
            assert (official.original_class, official.splits[k - 1]) == (cls, meaning[digit]), line
            lines += 1
    assert (len(files), lines) == (3 * 51, 3 * 6766)
    assert len(packaged_list()) == 6766


def test_groups_are_those_of_the_clips_at_hand(shared_dir: Path) -> None:
    with (shared_dir / "clips.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) > 2000
    for row in rows:
        official = find_official(Path(row["path"]).stem)
        assert official is not None
        assert (official.dataset, official.splits[0]) == (row["dataset"], row["split1"])
        assert official.original_class == row["original_class"]
        source = row["group"]
        assert official.group == (source if row["dataset"] == "UCF101" else film_of(source))


# -- films ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "film"),
    [
        ("Hitch_Part_1", "hitch"),
        ("Hitch_Part_2", "hitch"),
        ("Two_Towers_3", "two_towers"),
        ("The_Matrix_Revolutions_6", "the_matrix_revolutions"),
        ("Behinderten_Sport_part_2", "behinderten_sport"),
        ("Amazing_Soccer_#2", "amazing_soccer"),
        ("Clip_(3)", "clip"),
        ("IamLegend", "iamlegend"),
        ("IamLegendII", "iamlegend"),
        ("Workout_Part_I", "workout"),
        ("Splashdiving_II", "splashdiving"),
        ("CastAway1", "castaway"),
        ("CastAway2", "castaway"),
        ("21", "21"),
        ("Oceans11", "oceans11"),
        ("300_2", "300"),
        ("TV_XII", "tv_xii"),
        ("SHAOLIN_VIII", "shaolin_viii"),
    ],
)
def test_film_of(source: str, film: str) -> None:
    assert film_of(source) == film
    assert film_of(film_of(source)) == film


def test_resolve_films_leaves_train_clips_of_test_films_out() -> None:
    groups = ["a", "a", "b", "c", "c", "d"]
    sides = ["train", "test", "train", "test", None, "train"]
    assert resolve_films(groups, sides) == [None, "test", "train", "test", None, "train"]


# -- sides that are drawn ------------------------------------------------------------------


def data_of(classes: int, groups: int, clips: int) -> tuple[list[str], list[str]]:
    rows = [
        (f"class{c}", f"c{c}g{g}")
        for c in range(classes)
        for g in range(groups)
        for _ in range(1 + (g * 7 + c) % clips)  # groups of different sizes
    ]
    return [label for label, _ in rows], [group for _, group in rows]


@pytest.mark.parametrize("share", [1 / 6, 0.25])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_groups_stay_whole_and_the_share_is_about_right(share: float, seed: int) -> None:
    labels, groups = data_of(4, 20, 5)
    picked = assign_by_group(labels, groups, share=share, seed=seed)
    check_leaks(groups, ["test" if p else "train" for p in picked])
    for label in set(labels):
        part = [p for p, other in zip(picked, labels, strict=True) if other == label]
        assert sum(part) / len(part) == pytest.approx(share, abs=0.06)


def test_a_group_that_spans_classes_stays_whole_as_well() -> None:
    labels = ["a", "b"] * 24
    groups = [f"person{k // 4}" for k in range(48)]
    picked = assign_by_group(labels, groups, share=0.25, seed=0)
    check_leaks(groups, ["test" if p else "train" for p in picked])
    assert sum(picked) == 12


def test_same_seed_same_pick_other_seed_other_pick() -> None:
    labels, groups = data_of(3, 16, 3)
    picks = [assign_by_group(labels, groups, share=0.25, seed=seed) for seed in (5, 5, 6)]
    assert picks[0] == picks[1]
    assert picks[0] != picks[2]


def test_no_class_is_on_one_side_only() -> None:
    """By the share alone a pick without any clip of `b` would win here."""
    sizes = {
        "a": {"g0": 1, "g2": 5, "g3": 3, "g1": 4},
        "b": {"g0": 4, "g4": 6, "g3": 2},
        "c": {"g0": 5, "g3": 5, "g1": 4},
    }
    rows = [(a, g) for a, groups in sizes.items() for g, n in groups.items() for _ in range(n)]
    labels, groups = [a for a, _ in rows], [g for _, g in rows]
    picked = assign_by_group(labels, groups, share=0.2, seed=0)
    for label in sizes:
        part = {p for p, other in zip(picked, labels, strict=True) if other == label}
        assert part == {True, False}, label


@pytest.mark.parametrize("seed", range(5))
def test_group_far_larger_than_the_share_is_not_picked(seed: int) -> None:
    groups = ["huge"] * 12 + [f"g{k}" for k in range(12)]
    picked = assign_by_group(["a"] * 24, groups, share=0.25, seed=seed)
    assert not any(picked[:12])
    assert 3 <= sum(picked) <= 6


def test_class_of_a_single_group_is_named() -> None:
    with pytest.raises(DataError, match=r"'lonely'.*one group only \(only\)"):
        assign_by_group(["a", "a", "lonely"], ["1", "2", "only"], share=0.25, seed=0)


# -- the leak check ------------------------------------------------------------------------


def test_leak_names_the_group_and_its_sides() -> None:
    with pytest.raises(DataError, match=r"g2 \(test and val\)$"):
        check_leaks(["g1", "g2", "g2", "g1"], ["train", "test", "val", "train"])


def test_long_list_of_leaks_is_cut() -> None:
    groups = [f"g{k}" for k in range(8)] * 2
    with pytest.raises(DataError, match=r"g0 .*g4 \(test and train\) and 3 more$"):
        check_leaks(groups, ["train"] * 8 + ["test"] * 8)


def test_clips_on_no_side_do_not_leak() -> None:
    check_leaks(["g", "g", "g"], ["test", "left_out", "refused"])
