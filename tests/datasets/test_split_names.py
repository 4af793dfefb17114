"""What a split is called, in folders and in lists."""

from __future__ import annotations

import pytest

from action_recognition.datasets.split_names import read_split, split_in


@pytest.mark.parametrize(
    ("split", "names"),
    [
        ("train", ["train", "Train", "TRAINING", "trainset", "train_set", "train videos"]),
        ("val", ["val", "valid", "Validation", "validate", "dev", "videos_val", "val-clips"]),
        ("test", ["test", "Testing", "testset", " test ", "test_data"]),
        (None, ["", "trains", "train station", "test drive", "contest", "train_val", "set", "1"]),
    ],
)
def test_names_of_splits(split: str | None, names: list[str]) -> None:
    assert {name: read_split(name) for name in names} == dict.fromkeys(names, split)


def test_the_split_in_the_name_of_a_list() -> None:
    assert split_in("kinetics700_2020_train") == "train"
    assert split_in("something-something-v2-validation") == "val"
    assert split_in("test") == "test"
    assert split_in("train_and_test") is None
    assert split_in("annotations") is None
