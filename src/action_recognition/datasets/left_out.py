"""Entries of a data folder that are not taken, each with its reason, and how they are told."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from action_recognition.datasets.file_names import as_text

_MAX_FOLDERS = 5  # with a line of its own for each reason
_MAX_NAMES = 10
_MAX_COUNTS = 20


Kind = Literal["file", "folder", "link", "clip"]


@dataclass(frozen=True)
class LeftOut:
    """An entry of a data folder that gives no clip.

    Parameters:
        path: of the file, the link, or the folder that is left out as a whole.
        reason: the same words for all entries of a kind.
        kind: what the entry is; a clip is named by a list, but not there.
        files: how many files are left out by it: 1, or those of the folder; 0 for a folder whose
            files are entries of their own, and for what is not there.
    """

    path: Path
    reason: str
    kind: Kind = "file"
    files: int = 1


def describe(entries: Iterable[LeftOut]) -> list[str]:
    """Lines that name the entries, by reason and folder; of many, how many there are in each."""
    by_reason: dict[tuple[str, str], list[LeftOut]] = defaultdict(list)
    for entry in entries:
        by_reason[entry.reason, entry.kind].append(entry)
    return [
        as_text(line)
        for (reason, kind), found in sorted(by_reason.items())
        for line in _lines(reason, kind, found)
    ]


def _lines(reason: str, kind: str, entries: Sequence[LeftOut]) -> Iterator[str]:
    by_folder: dict[Path, list[str]] = defaultdict(list)
    for entry in entries:
        by_folder[entry.path.parent].append(_name(entry))
    if len(by_folder) > _MAX_FOLDERS:
        counts = Counter({str(folder): len(names) for folder, names in by_folder.items()})
        shown = some([f"{folder}: {n}" for folder, n in sorted(counts.items())], _MAX_COUNTS)
        where = f"in {len(by_folder)} folders"
        yield f"left out: {_count(len(entries), kind)} {where} ({reason}): {shown}"
        return
    for folder, names in sorted(by_folder.items()):
        shown = some(sorted(names), _MAX_NAMES)
        yield f"left out: {_count(len(names), kind)} in {folder} ({reason}): {shown}"


def _name(entry: LeftOut) -> str:
    name = entry.path.name or str(entry.path)
    return f"{name} with {entry.files} files" if entry.files > 1 else name


def _count(number: int, kind: str) -> str:
    return f"{number} {kind}" if number == 1 else f"{number} {kind}s"


def some(names: Sequence[str], most: int) -> str:
    """The first of the names, and how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
