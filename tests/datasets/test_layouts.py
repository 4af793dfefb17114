"""Which folders of a data set are splits, data sets, classes and recordings."""

from __future__ import annotations

from pathlib import Path

import pytest

from action_recognition.datasets.layouts import Place, read_layout

PEOPLE = ("anna", "ben", "cem")


def places(*names: str, root: str = "data") -> list[tuple[str, str | None, str]]:
    """Class, split and recording of the videos of these names, in their order."""
    found, left_out = read_layout({Path(root): sorted(Path(root, n) for n in names)}, {})
    assert not left_out
    of = {p.path: p for p in found}
    assert len(of) == len(found) == len(names)
    return [_facts(of[Path(root, n)]) for n in names]


def _facts(place: Place) -> tuple[str, str | None, str]:
    return place.class_name, place.split, place.recording


def test_class_folders() -> None:
    assert places("jump/1.mp4", "run/2.mp4", "run/anna/3.mp4", "run/anna/tape/4.mp4") == [
        ("jump", None, ""),
        ("run", None, ""),
        ("run", None, "anna"),
        ("run", None, "anna"),
    ]


@pytest.mark.parametrize(
    "names",
    [
        ("train", "val", "test"),
        ("Train", "Validation", "Test"),
        ("training", "valid", "testing"),
        ("train_set", "dev", "TEST"),
        ("videos_train", "videos_val", "videos_test"),
    ],
)
@pytest.mark.parametrize("around", ["", "UCF101_subset/", "videos/", "kinetics400/", "my_set/"])
def test_splits_around_classes(names: tuple[str, str, str], around: str) -> None:
    files = [f"{around}{s}/{c}/{s}.mp4" for s in names for c in ("jump", "run")]
    splits = ("train", "val", "test")
    assert places(*files) == [(c, s, "") for s in splits for c in ("jump", "run")]


def test_splits_within_classes() -> None:
    files = [f"{c}/{s}/{s}.mp4" for c in ("jump", "run") for s in ("train", "test")]
    assert places(*files) == [(c, s, "") for c in ("jump", "run") for s in ("train", "test")]


def test_recordings_in_splits() -> None:
    person_of = {"train": "anna", "val": "ben", "test": "cem"}
    expected = [(c, s, p) for s, p in person_of.items() for c in ("jump", "run")]
    assert places(*(f"{s}/{c}/{p}/1.mp4" for c, s, p in expected)) == expected
    # A person is in one split: these are classes with splits in them, and no data sets.
    assert places(*(f"{c}/{s}/{p}/1.mp4" for c, s, p in expected)) == expected


def test_data_sets_dealt_out_in_classes_that_are_in_both_splits() -> None:
    files = [f"{d}/{s}/{c}/1.mp4" for d in "xy" for s in ("train", "test") for c in ("jump", "run")]
    assert {p[0] for p in places(*files)} == {"jump", "run"}


@pytest.mark.parametrize("name", ["UCF101", "ucf-101", "hmdb51", "HMDB51_org", "Kinetics-600"])
def test_data_sets_by_name(name: str) -> None:
    files = [f"{name}/jump/1.mp4", f"{name}/run/anna/2.mp4", "wave/3.mp4"]
    assert places(*files) == [("jump", None, ""), ("run", None, "anna"), ("wave", None, "")]


def test_data_sets_by_their_clips() -> None:
    files = ["old/Lunges/v_Lunges_g01_c01.avi", "own/wave/1.mp4", "nod/2.mp4"]
    assert [p[0] for p in places(*files)] == ["Lunges", "wave", "nod"]
    deep = [f"all/old/{c}/v_{c}_g01_c01.avi" for c in ("Lunges", "Archery")]
    assert [p[0] for p in places(*deep)] == ["Lunges", "Archery"]


def test_an_archive_unpacked_into_its_own_name() -> None:
    files = [f"{s}/{s}/{c}/1.mp4" for s in ("train", "test") for c in ("jump", "run")]
    assert places(*files) == [(c, s, "") for s in ("train", "test") for c in ("jump", "run")]


def test_classes_that_are_called_like_splits_or_data() -> None:
    assert [p[0] for p in places("car/1.mp4", "Train/2.mp4", "bus/3.mp4")] == [
        "car",
        "Train",
        "bus",
    ]
    assert [p[0] for p in places("wave/clips/1.mp4", "nod/clips/2.mp4")] == ["wave", "nod"]
    people = [f"{c}/clips/{p}/1.mp4" for c in ("wave", "nod") for p in PEOPLE]
    assert {p[0] for p in places(*people)} == {"wave", "nod"}


def test_clips_of_known_data_sets_without_class_folders() -> None:
    files = ["v_Lunges_g01_c01.avi", "v_Archery_g02_c01.avi"]
    assert places(*files) == [("Lunges", None, ""), ("Archery", None, "")]
    assert places(*(f"videos/{f}" for f in files)) == places(*files)
    dealt = [f"{s}/{f}" for s in ("train", "test") for f in files]
    assert places(*dealt) == [(c, s, "") for s in ("train", "test") for c in ("Lunges", "Archery")]


def test_a_folder_of_clips_alone_is_a_class() -> None:
    assert places("1.mp4", "2.mp4", root="data/jump") == [("jump", None, "")] * 2
    # But not where other clips of the folders are told by lists.
    found, left_out = read_layout({Path("d"): [Path("d/1.mp4")]}, {}, classes_listed=True)
    assert (found, left_out[0].reason) == ([], "in no class folder")


def test_folders_that_are_named_one_by_one() -> None:
    videos = {Path(f"d/{s}"): [Path(f"d/{s}/jump/1.mp4")] for s in ("train", "val", "test")}
    found, _ = read_layout(videos, {})
    assert [p.split for p in found] == ["train", "val", "test"]
    videos = {Path("d/test"): [Path("d/test/jump/1.mp4")]}  # alone, it is just a folder
    assert [p.split for p in read_layout(videos, {})[0]] == [None]


def test_what_has_no_place_is_named() -> None:
    names = ["train/jump/1.mp4", "test/jump/2.mp4", "test/3.mp4", "4.mp4", "more/a/5.mp4"]
    names += ["more/b/6.mp4", "train/run/7.mp4"]
    found, left_out = read_layout({Path("d"): sorted(Path("d", n) for n in names)}, {})
    assert sorted(p.path.name for p in found) == ["1.mp4", "2.mp4", "7.mp4"]
    assert {(e.path.as_posix(), e.reason, e.kind, e.files) for e in left_out} == {
        ("d/test/3.mp4", "in no class folder", "file", 1),
        ("d/4.mp4", "in no class folder", "file", 1),
        ("d/more", "beside the folders test and train, in no split", "folder", 2),
    }


def test_what_lies_beside_the_splits_of_a_class_is_named() -> None:
    names = ["jump/train/1.mp4", "jump/test/2.mp4", "jump/3.mp4", "jump/more/4.mp4", "run/5.mp4"]
    found, left_out = read_layout({Path("d"): sorted(Path("d", n) for n in names)}, {})
    assert sorted(p.path.name for p in found) == ["1.mp4", "2.mp4", "5.mp4"]
    assert sorted(e.path.as_posix() for e in left_out) == ["d/jump/3.mp4", "d/jump/more"]
