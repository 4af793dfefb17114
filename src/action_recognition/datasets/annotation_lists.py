"""Lists that say class and split of clips: UCF101, HMDB51, Kinetics, Something-Something.

They are known by their names and columns, wherever in a data folder they lie.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from action_recognition.datasets.file_names import as_text
from action_recognition.datasets.official import OfficialClip, Split, find_official, read_lists
from action_recognition.datasets.sections import Section, read_section
from action_recognition.datasets.split_names import read_split, split_in
from action_recognition.datasets.tables import read_table
from action_recognition.errors import DataError
from action_recognition.files import read_json

TABLES = {".csv", ".tsv", ".txt"}

_OFFICIAL = re.compile(r"classInd|(train|test)list0[123]|.+_test_split[123]")
_CUT = re.compile(r"(?P<id>.+)_(?P<start>\d+)_(?P<end>\d+)")


@dataclass(frozen=True)
class Annotation:
    """What a list says of a clip.

    Parameters:
        name: the clip's id in the data set.
        label: its class; empty where the list does not tell it.
        split: None where the list does not tell it.
        source: the list.
        group: the video that it was cut from; empty where that is not known.
        section: the part of that video.
        problem: why the clip cannot be used; empty: it can.
    """

    name: str
    label: str
    split: Split | None
    source: Path
    group: str = ""
    section: Section | None = None
    problem: str = ""

    @property
    def seconds(self) -> tuple[int, int] | None:
        """Start and end of its section as file names have them, in whole seconds."""
        return (int(self.section.start_s), int(self.section.end_s)) if self.section else None

    @property
    def stem(self) -> str:
        """The name that its file has by rule, without ending."""
        return self.name + "".join(f"_{s:06}" for s in self.seconds or ())


@dataclass
class Annotations:
    """What all lists say.

    Parameters:
        official: what the lists of UCF101 and HMDB51 say, by file name without ending.
        files: the lists that were read.
        clips: what the others say, by id.
    """

    official: dict[str, OfficialClip] = field(default_factory=dict)
    files: list[Path] = field(default_factory=list)
    clips: dict[str, list[Annotation]] = field(default_factory=lambda: defaultdict(list))

    def find(self, stem: str) -> Annotation | None:
        """What the lists say of a file of this name (without its ending); None: nothing.

        Files of Kinetics are called `<id>_<start>_<end>`, in seconds; those that are called
        `<id>` alone must be trimmed, too.
        """
        if stem in self.clips:
            found = self.clips[stem]
            if len(found) > 1:
                problem = "several sections of it are listed: cut them out first"
                return replace(found[0], problem=problem)
            return found[0]
        match = _CUT.fullmatch(stem)
        if match is None:
            return None
        seconds = int(match["start"]), int(match["end"])
        for clip in self.clips.get(match["id"], ()):
            if clip.section is not None and clip.seconds == seconds:
                return replace(clip, section=replace(clip.section, cut=True))
        return None

    def add(self, clip: Annotation) -> None:
        """Adds a clip.

        Raises:
            DataError: another list, or another line, contradicts it.
        """
        same = [c for c in self.clips[clip.name] if c.seconds == clip.seconds]
        for other in same:
            if (other.label, other.split) != (clip.label, clip.split):
                raise DataError(
                    f"{clip.source.name}: {clip.name} is {_told(clip)}, but {_told(other)} in "
                    f"{other.source.name}"
                )
        if not same:
            self.clips[clip.name].append(clip)


def read_annotations(paths: Sequence[Path]) -> Annotations:
    """Reads those of the text files that are annotation lists; others are passed over.

    Raises:
        DataError: a list makes no sense, or two contradict each other.
    """
    found = Annotations()
    for folder in sorted({p.parent for p in paths if _OFFICIAL.fullmatch(p.stem)}):
        clips = read_lists(folder)
        found.official |= _complete(clips)
        if clips:
            found.files += [p for p in paths if p.parent == folder and _OFFICIAL.fullmatch(p.stem)]
    rest = [p for p in paths if p not in found.files]
    contents = {p: _read_json(p) for p in rest if p.suffix.lower() == ".json"}
    labels = {p: set(c) for p, c in contents.items() if isinstance(c, dict) and p.stem == "labels"}
    known = {label for of in labels.values() for label in of}
    for path in rest:
        if path in contents:
            read = _read_something(path, contents[path], known, found)
        else:
            read = path.suffix.lower() in TABLES and _read_kinetics(path, found)
        if read:
            found.files.append(path)
    if any(path in contents for path in found.files):
        found.files += labels
    return found


def _complete(clips: dict[str, OfficialClip]) -> dict[str, OfficialClip]:
    """The clips; official splits of which there is no list at all are as published."""
    there = [any(c.splits[k] for c in clips.values()) for k in range(3)]
    completed = {}
    for stem, clip in clips.items():
        published = find_official(stem)
        first, second, third = (
            clip.splits[k] if there[k] or published is None else published.splits[k]
            for k in range(3)
        )
        completed[stem] = replace(clip, splits=(first, second, third))
    return completed


def _read_kinetics(path: Path, found: Annotations) -> bool:
    """A table with the columns label, youtube_id, time_start, time_end and split."""
    try:
        table = read_table(path)
    except DataError:
        return False  # any other text
    if "youtube_id" not in table.columns or not {"label", "split"} & set(table.columns):
        return False
    for number, row in table.rows:
        name = as_text(row.get("youtube_id", "")).strip()
        label = as_text(row.get("label", "")).strip()
        if not name:
            raise DataError(f"{path.name}, line {number}: youtube_id is empty")
        split = row.get("split", "").strip()
        clip = Annotation(
            name,
            label=label,
            split=read_split(split) if split else split_in(path.stem),
            source=path,
            group=name,
            section=read_section(row, path.name, number),
            problem="" if label else f"{path.name} does not tell its class",
        )
        if split and clip.split is None:
            raise DataError(f"{path.name}, line {number}: split {split[:60]!r} is not known")
        found.add(clip)
    return True


def _read_something(path: Path, content: Any, labels: set[str], found: Annotations) -> bool:
    """A list of objects with id, label and template; those of the test set have an id only."""
    if not isinstance(content, list) or not content:
        return False
    if not all(isinstance(row, dict) and isinstance(row.get("id"), str | int) for row in content):
        return False
    split = split_in(path.stem)
    for row in content:
        label = re.sub(r"[\[\]]", "", _text(row.get("template")) or _text(row.get("label"))).strip()
        problem = "" if label else f"{path.name} does not tell its class"
        if label and labels and label not in labels:
            problem = "its class is not in labels.json"
        found.add(Annotation(str(row["id"]), label, split, path, problem=problem))
    return True


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _read_json(path: Path) -> Any:
    with suppress(OSError, ValueError):
        return read_json(path)
    return None


def _told(clip: Annotation) -> str:
    return f"{clip.label!r} in the split {clip.split}" if clip.split else repr(clip.label)
