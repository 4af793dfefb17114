"""Background classes join the train and val sides, and no group ends up on two."""

from __future__ import annotations

from pathlib import Path

import pytest

from action_recognition.datasets.background import add_background
from action_recognition.datasets.manifest import Clip, Manifest
from action_recognition.errors import DataError


def manifest(*rows: tuple[str, str, str]) -> Manifest:
    """Clips of (label, group, side)."""
    clips = (Clip(Path(f"{k}.mp4"), r[0], "own", r[0], r[1], r[2]) for k, r in enumerate(rows))
    return Manifest(tuple(clips))


WANTED = manifest(
    ("Jump", "a", "train"), ("Jump", "b", "val"), ("Jump", "c", "test"), ("Jump", "d", "train")
)


def sides(found: Manifest, label: str) -> list[tuple[str, str]]:
    return sorted((c.group, c.split) for c in found.clips if c.label == label)


def test_groups_keep_the_side_that_they_have() -> None:
    background = manifest(
        ("Ride", "a", "val"),  # in train of the wanted: there
        ("Ride", "b", "train"),  # in val: there
        ("Ride", "c", "train"),  # in test: left out
        ("Ride", "e", "train"),
        ("Ride", "f", "val"),
        ("Ride", "g", "test"),  # never tested on
    )
    found = add_background(WANTED, background)
    assert found.clips[:4] == WANTED.clips
    assert sides(found, "Ride") == [
        ("a", "left_out"), ("b", "val"), ("c", "left_out"), ("e", "train"), ("f", "val"),
    ]  # fmt: skip
    assert {c.reason for c in found.left_out} == {"film a stands in val", "film c stands in test"}


def test_a_class_cannot_be_both() -> None:
    with pytest.raises(DataError, match="'Jump' is wanted and background at once"):
        add_background(WANTED, WANTED)


def test_a_class_that_loses_all_its_clips() -> None:
    background = manifest(("Ride", "e", "train"), ("Ride", "c", "train"))
    wanted = manifest(("Jump", "a", "train"), ("Jump", "e", "test"), ("Run", "c", "test"))
    with pytest.raises(DataError, match="'Ride' has no clip left to train on"):
        add_background(wanted, background)


def test_so_many_clips_of_a_class_from_as_many_groups_as_there_are() -> None:
    rides = [("Ride", group, "train") for group in ("x", "x", "x", "y", "y", "z")]
    found = add_background(WANTED, manifest(*rides), per_class=4)
    taken = [c.group for c in found.split("train") if c.label == "Ride"]
    assert sorted(taken) == ["x", "x", "y", "z"]
    assert {c.reason for c in found.left_out} >= {"4 clips of its class are enough"}
