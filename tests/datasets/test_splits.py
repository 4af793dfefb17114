"""Films, whole groups and the leak check."""

from __future__ import annotations

import pytest

from action_recognition.datasets.splits import assign_by_group, check_leaks, resolve_films
from action_recognition.errors import DataError

pytestmark = pytest.mark.slow  # the whole file: some seconds


def test_resolve_films_leaves_train_clips_of_test_films_out() -> None:
    groups = ["a", "a", "b", "c", "c", "d"]
    sides = ["train", "test", "train", "test", None, "train"]
    assert resolve_films(groups, sides) == [None, "test", "train", "test", None, "train"]


# -- splits that are drawn ------------------------------------------------------------------


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


def test_a_class_of_few_groups_does_not_change_the_share_of_others() -> None:
    """One of three groups is a third; of a class of 24 groups, a sixth is to be picked."""
    labels = ["large"] * 24 + ["small"] * 3
    groups = [f"l{k}" for k in range(24)] + [f"s{k}" for k in range(3)]
    picked = assign_by_group(labels, groups, share=1 / 6, seed=0)
    assert sum(picked[:24]) == 4
    assert sum(picked[24:]) == 1
    assert picked[:24] == assign_by_group(labels[:24], groups[:24], share=1 / 6, seed=0)


@pytest.mark.slow
def test_several_classes_of_few_groups_are_each_divided() -> None:
    labels = ["a"] * 2 + ["b"] * 3 + ["c"] * 4 + ["d"] * 5
    groups = [f"g{k}" for k in range(14)]
    for seed in range(5):
        picked = assign_by_group(labels, groups, share=1 / 6, seed=seed)
        assert [sum(picked[s]) for s in (slice(2), slice(2, 5), slice(5, 9), slice(9, 14))] == [
            1, 1, 1, 1,
        ]  # fmt: skip


def test_a_group_that_a_small_class_shares_stays_whole() -> None:
    """It stands where the large class has put it; the small one is divided by its others."""
    labels = ["large"] * 12 + ["small"] * 4
    groups = [f"p{k}" for k in range(12)] + ["p0", "p0", "s1", "s2"]
    for seed in range(6):
        picked = assign_by_group(labels, groups, share=1 / 6, seed=seed)
        check_leaks(groups, ["test" if p else "train" for p in picked])
        assert sum(picked[:12]) == 2
        assert sorted(picked[14:]) == [False, True]


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
