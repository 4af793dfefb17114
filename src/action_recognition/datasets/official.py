"""What UCF101 and HMDB51 say of their clips: class, group or film, and their official splits.

The facts of both data sets are kept here, so that a clip is known by its file name alone; lists
that were downloaded go before them.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Literal

from action_recognition.errors import DataError
from action_recognition.files import read_regular

Split = Literal["train", "val", "test"]
Splits = tuple[Split | None, Split | None, Split | None]

_UCF101_NAME = re.compile(r"v_(?P<cls>[A-Za-z]+)_g(?P<group>\d{2})_c\d{2}")
_UCF101_LIST = re.compile(r"(?P<split>train|test)list0(?P<number>[123])\.txt")
_HMDB51_LIST = re.compile(r"(?P<cls>.+)_test_split(?P<number>[123])\.txt")
_HMDB51_SPLITS: dict[str, Split | None] = {"0": None, "1": "train", "2": "test"}

# The one class whose files are not called after their folder.
_UCF101_FOLDERS = {"HandStandPushups": "HandstandPushups"}

_PART = re.compile(
    r"[\s_\-#(]+(?:(?:part|pt|teil|cd|disc|vol|clip)[\s_.]*)?(?:\d{1,2}[\s_]+)*\d{1,2}\)?$",
    re.IGNORECASE,
)
_PART_WITHOUT_GAP = re.compile(  # IamLegendII, Part_I, CastAway2; not the number of Oceans11
    r"(?:[\s_]+[Pp]art[\s_]+I{1,3}|(?<=[a-z\s_\-])I{2,3}|(?<=[a-z])[1-9])$"
)


@dataclass(frozen=True)
class OfficialClip:
    """What the data sets say of one of their clips.

    Parameters:
        dataset: UCF101 or HMDB51.
        original_class: its class there.
        source: the recording as the data set names it, within its class: `BabyCrawling/g04`,
            `hit/Hitch_Part_1`. The official splits keep sources apart.
        group: what must not be in two splits: a group of UCF101; a film of HMDB51, one name
            for all its parts and classes.
        splits: where it is in official splits 1, 2 and 3; None where the clip is used in none.
    """

    dataset: Literal["UCF101", "HMDB51"]
    original_class: str
    source: str
    group: str
    splits: Splits


def find_official(
    stem: str, lists: Mapping[str, OfficialClip] | None = None
) -> OfficialClip | None:
    """The official facts of the clip with this file name (without its ending), if it has any.

    UCF101 (https://www.crcv.ucf.edu/data/UCF101.php): groups 1-7 are the test clips of split 1,
    8-14 of split 2, 15-21 of split 3. HMDB51
    (https://serre-lab.clps.brown.edu/resource/hmdb-a-large-human-motion-database/): its lists
    are kept in `hmdb51_splits.csv`, 0 for unused, 1 for train, 2 for test.

    Parameters:
        lists: what `read_lists` gave; a clip in it is as it says.

    >>> find_official("v_BabyCrawling_g04_c01").splits
    ('test', 'train', 'train')
    """
    if lists is not None and stem in lists:
        return lists[stem]
    match = _UCF101_NAME.fullmatch(stem)
    if match:
        test_split = (int(match["group"]) - 1) // 7 + 1
        splits: list[Split] = ["test" if k == test_split else "train" for k in (1, 2, 3)]
        cls = _UCF101_FOLDERS.get(match["cls"], match["cls"])
        return _ucf101(cls, stem, (splits[0], splits[1], splits[2]))
    return packaged_hmdb51().get(stem)


def read_lists(folder: str | Path) -> dict[str, OfficialClip]:
    """Reads official split lists as they are published; the keys are file names without ending.

    UCF101: `classInd.txt`, `trainlist01.txt` (`Class/v_Class_g08_c01.avi 1`, classes counted
    from 1) and `testlist01.txt` to 03. HMDB51: `<class>_test_split1.txt` to 3 (`name.avi 1`,
    0 for unused, 1 for train, 2 for test).

    Raises:
        DataError: a list is not of that form, or contradicts itself. An empty folder gives no
            clips.
    """
    folder = Path(folder)
    splits: dict[str, list[Split | None]] = {}
    classes: dict[str, str] = {}
    numbers = _class_numbers(folder / "classInd.txt")
    for path in sorted(folder.glob("*.txt")):
        ucf101, hmdb51 = _UCF101_LIST.fullmatch(path.name), _HMDB51_LIST.fullmatch(path.name)
        found = ucf101 or hmdb51
        if found is None:
            continue
        official_split = int(found["number"]) - 1
        for number, line in _lines(path):
            split: Split | None
            if ucf101:
                cls, stem, split = _ucf101_line(line, ucf101["split"], numbers)
            else:
                cls, stem, split = found["cls"], *_hmdb51_line(line)
            if not stem:
                raise DataError(
                    f"{path.name}, line {number}: {line[:60]!r} is no line of a split list"
                )
            row = splits.setdefault(stem, [None, None, None])
            if row[official_split] not in (None, split) or classes.setdefault(stem, cls) != cls:
                raise DataError(f"{path.name}, line {number}: {stem} stands in the lists twice")
            row[official_split] = split
    clips = {}
    for stem, (first, second, third) in splits.items():
        make = _ucf101 if _UCF101_NAME.fullmatch(stem) else _hmdb51
        clips[stem] = make(classes[stem], stem, (first, second, third))
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


def _ucf101(cls: str, stem: str, splits: Splits) -> OfficialClip:
    group = f"{cls}/g{_UCF101_NAME.fullmatch(stem)['group']}"  # type: ignore[index]
    return OfficialClip("UCF101", cls, group, group, splits)


def _hmdb51(cls: str, stem: str, splits: Splits) -> OfficialClip:
    # <film>_<class>_<body part>_<camera>_np<people>_<view>_<quality>_<number>
    film = re.sub(rf"_{re.escape(cls)}_[fhul]_[cn]m_np\d+_.*$", "", stem)
    return OfficialClip("HMDB51", cls, f"{cls}/{film}", film_of(film), splits)


@cache
def packaged_hmdb51() -> dict[str, OfficialClip]:
    """All clips of HMDB51 by file name without ending, from the lists in the package."""
    clips = {}
    lists = resources.files("action_recognition.datasets") / "hmdb51_splits.csv"
    with lists.open("r", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            first, second, third = (_HMDB51_SPLITS[row[f"split{k}"]] for k in (1, 2, 3))
            clips[row["stem"]] = _hmdb51(row["class"], row["stem"], (first, second, third))
    return clips


_LARGEST = 2**24  # bytes of a list


def _lines(path: Path) -> list[tuple[int, str]]:
    """The lines that are not empty, with their numbers."""
    try:
        text = read_regular(path, _LARGEST).decode("utf-8", "surrogateescape")
    except OSError as error:
        raise DataError(f"{path.name}: cannot be read ({error.strerror})") from None
    return [(k, line.strip()) for k, line in enumerate(text.splitlines(), 1) if line.strip()]


def _class_numbers(path: Path) -> dict[str, str] | None:
    """Class number (as text) to class name; None where there is no such list."""
    if not path.exists():
        return None
    numbers = {}
    for k, line in _lines(path):
        number, _, name = line.partition(" ")
        if not number.isdigit() or not name or number in numbers:
            raise DataError(f"{path.name}, line {k}: {line[:60]!r} is no line of a class list")
        numbers[number] = name
    return numbers


def _ucf101_line(
    line: str, split: str, numbers: Mapping[str, str] | None
) -> tuple[str, str, Split]:
    """Class, stem and split; an empty stem where the line is none of a list."""
    path, _, number = line.partition(" ")
    cls, _, name = path.partition("/")
    stem = name.removesuffix(".avi")
    wrong_number = split == "train" and numbers is not None and numbers.get(number) != cls
    if not _UCF101_NAME.fullmatch(stem) or wrong_number:
        stem = ""
    return cls, stem, "train" if split == "train" else "test"


def _hmdb51_line(line: str) -> tuple[str, Split | None]:
    name, _, number = line.rpartition(" ")
    name = name.strip()
    if number not in _HMDB51_SPLITS or not name.endswith(".avi"):
        return "", None
    return name.removesuffix(".avi"), _HMDB51_SPLITS[number]
