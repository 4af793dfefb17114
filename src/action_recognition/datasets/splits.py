"""Which side a clip stands on: official splits, groups and films, validation, the leak check.

Clips cut from one recording (UCF101: a group; HMDB51: a film) share people, place and light. A
network that has seen one of them in training recognises the others by their look, so a group
may stand on one side only. Both official lists keep to that within a class. Across classes,
HMDB51's do not, nor for parts of one film under two names: `film_of` brings parts together, and
`resolve_films` leaves the train clips of a film out when it stands on the test side as well.
"""

from __future__ import annotations

import csv
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Literal

from action_recognition.errors import DataError

Side = Literal["train", "val", "test"]
SIDES: tuple[Side, ...] = ("train", "val", "test")

_UCF101_NAME = re.compile(r"v_(?P<cls>[A-Za-z]+)_g(?P<group>\d{2})_c\d{2}")
_PART = re.compile(
    r"[\s_\-#(]+(?:(?:part|pt|teil|cd|disc|vol|clip)[\s_.]*)?(?:\d{1,2}[\s_]+)*\d{1,2}\)?$",
    re.IGNORECASE,
)
_PART_WITHOUT_GAP = re.compile(  # IamLegendII, Part_I, CastAway2; not the number of Oceans11
    r"(?:[\s_]+[Pp]art[\s_]+I{1,3}|(?<=[a-z\s_\-])I{2,3}|(?<=[a-z])[1-9])$"
)

_SHUFFLES = 10


@dataclass(frozen=True)
class OfficialClip:
    """What the data sets say of one of their clips.

    `splits` holds the sides in official splits 1, 2 and 3; None where the clip is used in none.
    """

    dataset: Literal["UCF101", "HMDB51"]
    original_class: str
    group: str
    splits: tuple[Side | None, Side | None, Side | None]


def find_official(stem: str) -> OfficialClip | None:
    """The official facts of the clip with this file name (without its ending), if it has any.

    UCF101 (https://www.crcv.ucf.edu/data/UCF101.php): groups 1-7 are the test side of split 1,
    8-14 of split 2, 15-21 of split 3. HMDB51
    (https://serre-lab.clps.brown.edu/resource/hmdb-a-large-human-motion-database/): its lists
    are kept in `hmdb51_splits.csv`, 0 for unused, 1 for train, 2 for test.

    >>> find_official("v_BabyCrawling_g04_c01").splits
    ('test', 'train', 'train')
    """
    match = _UCF101_NAME.fullmatch(stem)
    if match:
        number = int(match["group"])
        test_split = (number - 1) // 7 + 1
        sides: list[Side | None] = ["test" if k == test_split else "train" for k in (1, 2, 3)]
        group = f"{match['cls']}/g{match['group']}"
        return OfficialClip("UCF101", match["cls"], group, (sides[0], sides[1], sides[2]))
    return _hmdb51().get(stem)


@cache
def _hmdb51() -> dict[str, OfficialClip]:
    side: dict[str, Side | None] = {"0": None, "1": "train", "2": "test"}
    clips = {}
    lists = resources.files("action_recognition.datasets") / "hmdb51_splits.csv"
    with lists.open("r", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            # <film>_<class>_<body part>_<camera>_np<people>_<view>_<quality>_<number>
            film = re.sub(rf"_{row['class']}_[fhul]_[cn]m_np\d+_.*$", "", row["stem"])
            clips[row["stem"]] = OfficialClip(
                "HMDB51",
                row["class"],
                film_of(film),
                (side[row["split1"]], side[row["split2"]], side[row["split3"]]),
            )
    return clips


def film_of(source: str) -> str:
    """One name for all parts of a film: endings that number a part are cut off.

    Two different sources can fall together by this, which costs nothing but a coarser group.

    >>> film_of("Hitch_Part_1"), film_of("Hitch_Part_2"), film_of("Two_Towers_3"), film_of("21")
    ('hitch', 'hitch', 'two_towers', '21')
    """
    name = source.strip("_ ")
    while True:
        shorter = _PART_WITHOUT_GAP.sub("", _PART.sub("", name)).strip("_ -")
        if not shorter or shorter == name:
            return name.casefold()
        name = shorter


def resolve_films(groups: Sequence[str], sides: Sequence[Side | None]) -> list[Side | None]:
    """Sides in which no group stands on both: train clips of a test group become None."""
    test = {g for g, s in zip(groups, sides, strict=True) if s == "test"}
    return [None if s == "train" and g in test else s for g, s in zip(groups, sides, strict=True)]


def assign_by_group(
    labels: Sequence[str], groups: Sequence[str], *, share: float, seed: int
) -> list[bool]:
    """Picks about `share` of the clips of each label, whole groups at a time.

    Returns:
        for each clip whether it is picked; the same for the same input and seed.

    Raises:
        DataError: a label has too few groups to be divided.
    """
    from sklearn.model_selection import StratifiedGroupKFold

    per_label: dict[str, set[str]] = defaultdict(set)
    for label, group in zip(labels, groups, strict=True):
        per_label[label].add(group)
    for label, members in sorted(per_label.items()):
        if len(members) < 2:
            raise DataError(
                f"class {label!r} has clips of one group only ({next(iter(members))}): "
                "it cannot stand on two sides; add clips of other recordings"
            )
    folds = max(2, min(round(1 / share), *(len(m) for m in per_label.values())))
    picked = [False] * len(labels)
    # Of the folds of several shuffles, the one nearest to the share in every label.
    candidates = [
        held
        for shuffle in range(_SHUFFLES)
        for _, held in StratifiedGroupKFold(
            n_splits=folds, shuffle=True, random_state=seed * _SHUFFLES + shuffle
        ).split([0] * len(labels), labels, groups)
    ]
    for k in min(candidates, key=lambda held: _imbalance(labels, held, share)):
        picked[k] = True
    return picked


def _imbalance(labels: Sequence[str], held: Iterable[int], share: float) -> float:
    total: dict[str, int] = defaultdict(int)
    part: dict[str, int] = defaultdict(int)
    for label in labels:
        total[label] += 1
    for k in held:
        part[labels[k]] += 1
    one_sided = sum(part[label] in (0, total[label]) for label in total)
    return one_sided + sum((part[label] / total[label] - share) ** 2 for label in total)


def check_leaks(groups: Sequence[str], sides: Sequence[str]) -> None:
    """Fails when a group stands on two sides.

    Raises:
        DataError: names the groups and their sides.
    """
    seen: dict[str, set[str]] = defaultdict(set)
    for group, side in zip(groups, sides, strict=True):
        if side in SIDES:
            seen[group].add(side)
    leaks = [f"{g} ({' and '.join(sorted(s))})" for g, s in sorted(seen.items()) if len(s) > 1]
    if leaks:
        shown = ", ".join(leaks[:5]) + (f" and {len(leaks) - 5} more" if len(leaks) > 5 else "")
        raise DataError(f"the split leaks: groups on two sides: {shown}")
