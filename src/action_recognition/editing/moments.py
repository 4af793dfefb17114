"""When the moments begin and end that are taken away, and how their files are called."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import PurePath

from action_recognition.errors import UsageError
from action_recognition.recognition.segmentation import Segment

_LONGEST_STEM, _LONGEST_ACTION = 80, 60  # characters: with the times, below 255 bytes
_UNSAFE = re.compile(r'[<>:"/\\|?*\s\x00-\x1f\x7f\ud800-\udfff]+')  # on Windows, or anywhere


def widen(segments: Iterable[Segment], margin_s: float, *, end_s: float) -> list[Segment]:
    """The segments with some seconds before and after, within a video that ends at `end_s`."""
    return [
        replace(
            s,
            start_s=max(0.0, s.start_s - margin_s),
            end_s=min(end_s, s.end_s + margin_s) if s.start_s < end_s else s.end_s,
        )
        for s in segments
    ]


def parse_span(text: str) -> tuple[float, float]:
    """Two times, in seconds or as a clock shows them.

    >>> parse_span("12-31.4"), parse_span("1:02-1:09.5"), parse_span("1:00:00-1:00:10")
    ((12.0, 31.4), (62.0, 69.5), (3600.0, 3610.0))

    Raises:
        UsageError: it is no such text, or the second time is not after the first.
    """
    first, _, last = text.partition("-")
    try:
        start_s, end_s = _seconds(first), _seconds(last)
    except ValueError:
        raise UsageError(f"{text}: a moment is given as START-END, for example 12-31.4") from None
    if not start_s < end_s:
        raise UsageError(f"{text}: a moment must end after its start")
    return start_s, end_s


def _seconds(text: str) -> float:
    seconds = 0.0
    for part in text.split(":"):
        if not re.fullmatch(r"\d+(\.\d*)?", part.strip()):
            raise ValueError
        seconds = 60 * seconds + float(part)
    return seconds


def file_name(video: str, segment: Segment, ending: str) -> str:
    """How the file of a moment is called; every system takes the name.

    >>> fall = Segment(12.0, 31.42, "Falling on Floor", "Falling on Floor", 0.9, 1.0)
    >>> file_name("my film.mp4", fall, "mp4")
    'my-film-0012.0-0031.4-Falling-on-Floor.mp4'
    """
    stem = _safe(PurePath(video).stem)[:_LONGEST_STEM] or "video"
    parts = [stem, f"{segment.start_s:06.1f}", f"{segment.end_s:06.1f}"]
    if segment.label:
        parts.append(_safe(segment.label)[:_LONGEST_ACTION])
    name = "-".join(filter(None, parts))
    while len(f"{name}.{ending}".encode()) > 240:
        name = name[:-1]
    return f"{name.rstrip('. -')}.{ending}"


def _safe(text: str) -> str:
    return _UNSAFE.sub("-", text).strip("-. ")
