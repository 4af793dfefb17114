"""What a training learns from, gathered from a manifest, from pictures and from nothing."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from action_recognition.datasets.manifest import Clip, Manifest
from action_recognition.errors import DataError
from action_recognition.training.footage import Sample
from action_recognition.training.training_data import counts, gather, notes, sources


def manifest(*rows: tuple[str, str, str]) -> Manifest:
    """Clips of (label, split, data set), in files 0.mp4, 1.mp4, ..."""
    return Manifest(
        tuple(Clip(Path(f"{k}.mp4"), a, d, a, f"g{k}", s) for k, (a, s, d) in enumerate(rows))
    )


DATA = manifest(
    ("Jump", "train", "HMDB51"),
    ("Crawl", "train", "UCF101"),
    ("Jump", "train", "own"),
    ("Crawl", "val", "UCF101"),
    ("Ride", "train", "UCF101"),
    ("Ride", "val", "UCF101"),
    ("Jump", "test", "HMDB51"),
    ("Crawl", "left_out", "UCF101"),
    ("Crawl", "refused", "UCF101"),
)


def pictures(folder: str, count: int) -> list[Path]:
    return [Path(f"pictures/{folder}/{k:03d}.jpg") for k in range(count)]


def test_known_classes_come_first_and_in_the_order_of_the_alphabet() -> None:
    data = gather(DATA, background=["Ride"])
    assert data.classes == ("Crawl", "Jump")
    assert data.background == ("Ride",)
    assert data.labels == ("Crawl", "Jump", "Ride")
    assert data.samples == (
        Sample(Path("0.mp4"), 1),
        Sample(Path("1.mp4"), 0),
        Sample(Path("2.mp4"), 1),
        Sample(Path("4.mp4"), 2),
    )
    assert [c.path.name for c in data.validation] == ["3.mp4", "5.mp4"]


def test_without_background_all_classes_are_known() -> None:
    data = gather(DATA)
    assert data.classes == ("Crawl", "Jump", "Ride")
    assert data.background == ()


def test_pictures_of_known_and_background_classes_are_taken_and_videos_are_stilled() -> None:
    shown = [*pictures("jump", 2), *pictures("ride", 1), *pictures("swim", 3)]
    shown += [Path("pictures/jump/note.txt"), Path("pictures/jump/b.PNG")]
    data = gather(DATA, background=["Ride"], pictures=shown)
    taken = [s for s in data.samples if s.is_picture]
    assert [(s.path.name, s.target) for s in taken] == [
        ("000.jpg", 1), ("001.jpg", 1), ("b.PNG", 1), ("000.jpg", 2),
    ]  # fmt: skip
    assert [s.stilled for s in data.samples] == [True] * 4 + [False] * 4


def test_pictures_of_no_class_still_nothing() -> None:
    data = gather(DATA, pictures=pictures("swim", 3))
    assert not any(s.stilled or s.is_picture for s in data.samples)


def test_a_class_has_a_hundred_pictures_at_most() -> None:
    data = gather(DATA, pictures=[*reversed(pictures("crawl", 130)), *pictures("jump", 7)])
    taken = [s for s in data.samples if s.is_picture]
    assert Counter(s.target for s in taken) == {0: 100, 1: 7}
    assert [s.path.name for s in taken[:100]] == [f"{k:03d}.jpg" for k in range(100)]


def test_made_videos_are_one_more_background_class() -> None:
    data = gather(DATA, background=["Ride"], pictures=pictures("jump", 5), made=40, seed=3)
    assert data.background == ("Ride", "(nothing)")
    made = [s for s in data.samples if s.made is not None]
    assert {s.target for s in made} == {3}
    assert len({s.made for s in made}) == 40
    assert {s.path.name for s in made} == {"0.mp4", "1.mp4", "2.mp4", "4.mp4"}  # train clips
    again = gather(DATA, background=["Ride"], pictures=pictures("jump", 5), made=40, seed=3)
    assert data == again
    assert data != gather(DATA, background=["Ride"], pictures=pictures("jump", 5), made=40, seed=4)


@pytest.mark.parametrize(
    ("data", "background", "message"),
    [
        (manifest(("Jump", "train", "own")), [], "at least two classes"),
        (DATA, ["Ride", "Jump"], "at least two classes"),
        (manifest(), [], "at least two classes"),
        (DATA, ["Swim"], "class 'Swim' has no clip in the split 'train'"),
        (
            manifest(("A", "train", "own"), ("B", "train", "own"), ("C", "val", "own")),
            [],
            "class 'C' has no clip in the split 'train'",
        ),
    ],
)
def test_refusals(data: Manifest, background: list[str], message: str) -> None:
    with pytest.raises(DataError, match=message):
        gather(data, background=background)


def test_where_the_clips_of_each_known_class_come_from() -> None:
    data = gather(DATA, background=["Ride"], pictures=pictures("crawl", 2), made=5)
    assert sources(DATA, data) == {"Crawl": ["UCF101", "pictures"], "Jump": ["HMDB51", "own"]}
    assert sources(DATA, gather(DATA))["Crawl"] == ["UCF101"]


def test_counts() -> None:
    data = gather(DATA, background=["Ride"], pictures=pictures("crawl", 2), made=5)
    assert counts(DATA, data) == {
        "train": {"Crawl": 1, "Jump": 2, "Ride": 1},
        "val": {"Crawl": 1, "Ride": 1},
        "test": {"Jump": 1},
        "samples": {"(nothing)": 5, "Crawl": 3, "Jump": 2, "Ride": 1},
    }


# -- what is worth a note ------------------------------------------------------------------


def notes_on(background: tuple[str, ...] = (), **classes: tuple[int, int, int]) -> list[str]:
    """Those on classes of so many clips in train, val and test."""
    splits = ("train", "val", "test")
    rows = [
        (label, split, "own")
        for label, counts in classes.items()
        for split, count in zip(splits, counts, strict=True)
        for _ in range(count)
    ]
    data = manifest(*rows)
    return list(notes(data, gather(data, background=background)))


def test_nothing_is_said_of_enough_clips() -> None:
    assert notes_on(Jump=(9, 2, 3), Ride=(4, 1, 1), Crawl=(2, 1, 1)) == []
    assert notes_on(("Crawl",), Jump=(9, 2, 3), Ride=(4, 1, 1), Crawl=(1, 0, 0)) == []


@pytest.mark.parametrize(
    ("counts", "said"),
    [
        ((1, 1, 1), "Ride: 1 clip to train on; one clip shows little"),
        ((3, 0, 1), "Ride: 3 clips to train on, none to calibrate on; that takes"),
        ((3, 1, 0), "Ride: 3 clips to train on, none to measure; that takes"),
        ((1, 0, 0), "Ride: 1 clip to train on, none to measure or to calibrate on; that takes"),
    ],
)
def test_a_class_of_too_few_clips(counts: tuple[int, int, int], said: str) -> None:
    found = notes_on(Jump=(4, 1, 1), Ride=counts)
    assert len(found) == 1
    assert found[0].startswith(said)


def test_no_validation_clips_at_all() -> None:
    found = notes_on(Jump=(4, 0, 1), Ride=(4, 0, 2))
    assert [x.split(":")[0] for x in found[:2]] == ["Jump", "Ride"]
    assert found[2].startswith("not calibrated, and no rule for `none of these`")
    assert len(found) == 3


@pytest.mark.parametrize(("most", "said"), [(9, False), (10, True), (400, True)])
def test_very_unequal_classes(most: int, said: bool) -> None:
    found = notes_on(Jump=(most, 1, 1), Ride=(2, 1, 1), Crawl=(2, 9, 9), Walk=(3 * most // 4, 1, 1))
    expected = (
        f"the classes are very unequal: Jump has {most} clips to train on, but Crawl 2, Ride 2; "
    )
    assert [x.startswith(expected) for x in found] == [True] * said
