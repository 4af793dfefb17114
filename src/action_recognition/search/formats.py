"""Moments of many videos as lines, for people and for programs."""

from __future__ import annotations

import csv
import io
from pathlib import PurePath
from typing import Any

from action_recognition.errors import one_line
from action_recognition.recognition.formats import answer, as_utf8, clock, spreadsheet_text
from action_recognition.recognition.segmentation import Segment

CSV_COLUMNS = (
    "file", "start_s", "end_s", "action", "nearest_action", "probability", "known_probability",
    "unsure", "second_action", "second_probability",
)  # fmt: skip
_TEXTS = ("file", "action", "nearest_action", "second_action")


def as_line(shown: str, segment: Segment) -> str:
    """A moment for people.

    >>> as_line("a.mp4", Segment(12, 31.4, "Running", "Running", 0.875, 1.0))
    'a.mp4  0:12.0 to 0:31.4  Running 87.5 %'
    """
    span = f"{clock(segment.start_s)} to {clock(segment.end_s)}"
    return f"{one_line(shown)}  {span}  {answer(segment)}"


def as_object(shown: str, segment: Segment) -> dict[str, Any]:
    """A moment as plain values, ready for JSON."""
    return {"file": shown, **segment.to_dict()}


def as_csv_row(shown: str, segment: Segment) -> str:
    """A moment as a row of CSV, see `CSV_COLUMNS`; `action` is empty where it is not known."""
    facts = as_object(shown, segment)
    facts |= {"unsure": str(facts["unsure"]).lower()}
    facts |= {name: spreadsheet_text(facts[name] or "") for name in _TEXTS}
    out = io.StringIO()
    csv.writer(out, lineterminator="").writerow([facts[name] for name in CSV_COLUMNS])
    return as_utf8(out.getvalue())


def subtitle_path(below: PurePath, taken: set[PurePath]) -> PurePath:
    """Where the subtitles of a video go: players look for its name with another ending.

    Parameters:
        taken: those of other videos; this one is added.

    >>> taken = set()
    >>> [str(subtitle_path(PurePath(name), taken)) for name in ("a.mp4", "a.avi", "a.avi")]
    ['a.vtt', 'a.avi.vtt', 'a.avi.2.vtt']
    """
    path, number = below.with_suffix(".vtt"), 1
    while path in taken:
        ending = f".{number}.vtt" if number > 1 else ".vtt"
        path, number = below.with_name(below.name + ending), number + 1
    taken.add(path)
    return path
