"""What the splits are called elsewhere: `training`, `valid`, `Test`, `train_set`."""

from __future__ import annotations

import re

from action_recognition.datasets.official import Split

_NAMES: dict[str, Split] = {
    "train": "train", "training": "train", "trainset": "train",
    "val": "val", "valid": "val", "validation": "val", "validate": "val", "valset": "val",
    "dev": "val", "devset": "val",
    "test": "test", "testing": "test", "testset": "test",
}  # fmt: skip
_BESIDE = {"set", "split", "data", "video", "videos", "clip", "clips", "folder", "list"}


def read_split(name: str) -> Split | None:
    """The split that a folder or a field of a list means; None: it means none.

    >>> read_split("Training"), read_split("videos_val"), read_split("test set")
    ('train', 'val', 'test')
    >>> read_split("long jump"), read_split("train station")
    (None, None)
    """
    words = [w for w in re.split(r"[\W_]+", name.casefold()) if w and w not in _BESIDE]
    return _NAMES.get(words[0]) if len(words) == 1 else None


def split_in(name: str) -> Split | None:
    """The split that stands among other words, as in `kinetics700_train.csv`; None: not just one.

    >>> split_in("something-something-v2-validation"), split_in("labels")
    ('val', None)
    """
    found = {_NAMES[w] for w in re.split(r"[\W_]+", name.casefold()) if w in _NAMES}
    return found.pop() if len(found) == 1 else None
