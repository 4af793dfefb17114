"""Given splits stay, groups stay whole, and what cannot be moved without a leak is not."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import pytest

from action_recognition.datasets.manifest import Clip
from action_recognition.datasets.placing import carve_validation, keep_given, place_own
from action_recognition.datasets.splits import check_leaks


def clip(group: str, split: str = "train", label: str = "A", name: str = "") -> Clip:
    path = Path(f"{label}/{group}{split}{name}.mp4")
    return Clip(path, label, "own", label, group, split)


def test_given_splits_are_kept() -> None:
    clips = [clip("a"), clip("b", "val"), clip("c", "test"), clip("d", "left_out")]
    kept, settled = keep_given(clips, {c.path for c in clips})
    assert kept == clips
    assert settled == {c.path for c in clips}


@pytest.mark.parametrize(
    ("given", "left"),
    [
        (("train", "test"), ["left_out", "test"]),
        (("train", "val"), ["left_out", "val"]),
        (("val", "test"), ["left_out", "test"]),
        (("train", "val", "test"), ["left_out", "left_out", "test"]),
        (("train", "refused"), ["train", "refused"]),
    ],
)
def test_of_a_group_in_two_given_splits_one_is_kept(
    given: tuple[str, ...], left: list[str]
) -> None:
    clips = [clip("a", split) for split in given]
    kept, _ = keep_given([*clips, clip("b")], {c.path for c in clips})
    assert [c.split for c in kept] == [*left, "train"]
    reasons = {c.reason for c in kept if c.split == "left_out"}
    assert reasons <= {f"group a stands in {given[-1]}"}


def test_other_clips_follow_their_group() -> None:
    given, free, other = clip("a", "test"), clip("a", name="2"), clip("b")
    kept, settled = keep_given([given, free, other], {given.path})
    assert [c.split for c in kept] == ["test", "test", "train"]
    assert settled == {given.path, free.path}


def test_settled_clips_are_not_moved() -> None:
    clips = [clip(f"g{k}") for k in range(24)]
    settled = {c.path for c in clips[:12]}
    moved = carve_validation(place_own(clips, 0, settled), 0, settled)
    assert all(c.split == "train" for c in moved[:12])
    assert {c.split for c in moved[12:]} == {"train", "val", "test"}


@pytest.mark.parametrize("seed", range(6))
def test_people_of_a_class_that_is_only_trained_on_stay_in_train(seed: int) -> None:
    """They were moved in other classes, which was then refused as a leak."""
    clips = [clip("anna", label="Rare", name=str(k)) for k in range(3)]
    clips += [clip(p, label=label) for p in ("anna", *"bcdefg") for label in ("B", "C")]
    moved = carve_validation(place_own(clips, seed), seed)
    check_leaks([c.group for c in moved], [c.split for c in moved])
    splits: dict[str, set[str]] = defaultdict(set)
    for c in moved:
        splits[c.label].add(c.split)
    assert splits["Rare"] == {"train"}
    assert splits["B"] == splits["C"] == {"train", "val", "test"}


def test_a_class_that_is_left_with_too_few_free_people_is_trained_on_only() -> None:
    clips = [clip("anna", label="Rare"), clip("ben", label="Rare")]
    clips += [clip(p, label="Next") for p in ("anna", "ben", "cem")]  # only cem could be moved
    clips += [clip(p, label="Last") for p in ("cem", "dora", "eva", "fred")]
    moved = place_own(clips, 0)
    check_leaks([c.group for c in moved], [c.split for c in moved])
    assert {c.label for c in moved if c.split == "test"} == {"Last"}
