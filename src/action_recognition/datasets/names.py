"""Clips of UCF101 and HMDB51 known by longer names: `train_v_Archery_g08_c01_flip (1)`."""

from __future__ import annotations

import csv
import re
from collections import defaultdict
from collections.abc import Mapping
from functools import cache
from importlib import resources

from action_recognition.datasets.official import OfficialClip, find_official, packaged_hmdb51

# In plain names, see `_plain`.
_UCF101_NAME = re.compile(r"(?<![a-z0-9])v_([a-z]+)_g(\d\d)_c(\d\d)(?!\d)")
_HMDB51_TAIL = re.compile(r"_[fhul]_[cn]m_np\d+_(?:ba|fr|le|ri)_(?:bad|goo|med)_\d+(?!\d)")


def find_original(
    stem: str, lists: Mapping[str, OfficialClip] | None = None
) -> OfficialClip | None:
    """The official facts of the clip that a file is, or is a copy of, by its name.

    Copies have something before or behind the name of the clip, other capitals, or other
    characters between its words. Where names contain one another, the longest counts.

    Parameters:
        stem: the file name without its ending.
        lists: official lists that go before those in the package, as for `find_official`.

    >>> find_original("aug_v_babycrawling_g04_c01_320x240").group
    'BabyCrawling/g04'
    """
    if lists is not None and stem in lists:
        return lists[stem]
    return find_official(_ucf101_stem(stem) or _hmdb51_stem(stem) or stem, lists)


def _ucf101_stem(stem: str) -> str | None:
    for cls, group, clip in _UCF101_NAME.findall(_plain(stem)):
        if cls in _ucf101_classes():  # else it is a clip of one's own that is called alike
            return f"v_{_ucf101_classes()[cls]}_g{group}_c{clip}"
    return None


def _hmdb51_stem(stem: str) -> str | None:
    plain = _plain(stem)
    for tail in _HMDB51_TAIL.finditer(plain):
        words = plain[: tail.start()].split("_")
        for first in range(len(words)):
            found = _hmdb51_plain().get("_".join(words[first:]) + tail.group())
            if found:
                # A few names differ in their capitals and punctuation only.
                return max(found, key=lambda name: (name in stem, _folded(name) in _folded(stem)))
    return None


def _plain(stem: str) -> str:
    """Small letters and digits, with one underscore for all that is between them."""
    return re.sub(r"[^a-z0-9]+", "_", stem.casefold()).strip("_")


def _folded(stem: str) -> str:
    return stem.casefold().replace(" ", "_")


@cache
def _ucf101_classes() -> dict[str, str]:
    """The 101 classes as file names spell them, by their small letters.

    They are those of https://www.crcv.ucf.edu/data/UCF101.php.
    """
    classes = resources.files("action_recognition.datasets") / "ucf101_classes.csv"
    with classes.open("r", encoding="utf-8") as file:
        return {row["class"].casefold(): row["class"] for row in csv.DictReader(file)}


@cache
def _hmdb51_plain() -> dict[str, list[str]]:
    plain = defaultdict(list)
    for stem in packaged_hmdb51():
        plain[_plain(stem)].append(stem)
    return dict(plain)
