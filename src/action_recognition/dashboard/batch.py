"""Many videos: what is asked, what was found in each, and the table of it."""

from __future__ import annotations

import csv
import hashlib
import io
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pandas as pd

from action_recognition.dashboard.formatting import either, nearest
from action_recognition.dashboard.media.thumbnails import data_url
from action_recognition.dashboard.strangers import for_one_answer
from action_recognition.errors import VideoError
from action_recognition.recognition.formats import spreadsheet_text
from action_recognition.recognition.recognizer import Recognizer
from action_recognition.recognition.results import Prediction
from action_recognition.video.inside import check_inside

ALL, KNOWN, UNSURE, FAILED = "All", "Known actions", "Unsure", "Not readable"
UNKNOWN = "None of these"
SHOW = (ALL, KNOWN, UNSURE, UNKNOWN, FAILED)


@dataclass(frozen=True)
class Item:
    """A video that is asked for: its name, and what gives its file.

    `open` returns bytes or a path, and raises VideoError where there is nothing to open. `content`
    is that of an upload, which is held in memory.
    """

    name: str
    open: Callable[[], bytes | Path] = field(repr=False)
    content: bytes | None = field(default=None, repr=False)

    @classmethod
    def uploaded(cls, name: str, content: bytes) -> Item:
        """An upload."""
        return cls(name, lambda: content, content)

    @classmethod
    def on_server(cls, path: Path, folder: Path, root: Path) -> Item:
        """A file in a folder below `root`; where it leads is looked at when it is opened."""
        return cls(str(path.relative_to(folder)), lambda: check_inside(path, root))


@dataclass(frozen=True)
class Found:
    """What was found in one video: a prediction without its frames, or why there is none.

    `thumbnail` is a picture as a data URL, empty where there is none.
    """

    answer: Prediction | VideoError
    thumbnail: str = ""


class Batch:
    """Videos on their way: `rows` are done, `waiting` are not; what is done is let go.

    Parameters:
        items: the videos in the order in which they are to be done.
    """

    def __init__(self, items: Sequence[Item]) -> None:
        self.total = len(items)
        self.waiting = deque(items)
        self.rows: list[tuple[str, Found]] = []

    def done(self, found: Found) -> None:
        """Takes what was found in the first of those that wait."""
        self.rows.append((self.waiting[0].name, found))
        self.waiting.popleft()

    def stop(self) -> None:
        """Nothing further is to be done."""
        self.waiting.clear()

    @property
    def state(self) -> str:
        """How far it is, in words."""
        stopped = not self.waiting and len(self.rows) < self.total
        return f"{len(self.rows)} of {self.total} done{', then stopped' if stopped else ''}"


def content_digest(content: bytes | Path) -> str:
    """SHA-256 of a file's content. Raises VideoError where it cannot be read."""
    if isinstance(content, bytes):
        return hashlib.sha256(content).hexdigest()
    try:
        with content.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise VideoError(content.name, f"it cannot be read ({error.strerror})") from None


def find(
    recognizer: Recognizer, content: bytes | Path, name: str, tell: Callable[[str], None]
) -> Found:
    """Recognises one video; `tell` takes its stages."""
    source = io.BytesIO(content) if isinstance(content, bytes) else content
    try:
        answer = for_one_answer(recognizer).predict(
            source, name=name, keep_frames=True, on_stage=tell
        )
    except VideoError as error:
        return Found(error)
    return Found(replace(answer, clips=None), _thumbnail(answer))


def kind(found: Found) -> str:
    """Which of `SHOW` a row belongs to."""
    if isinstance(found.answer, VideoError):
        return FAILED
    if found.answer.action is None:
        return UNKNOWN
    return UNSURE if found.answer.unsure else KNOWN


def select(
    rows: Sequence[tuple[str, Found]], show: str, actions: Sequence[str]
) -> list[tuple[str, Found]]:
    """The rows of a kind, and those whose nearest action is one of some where any are given."""
    kept = [(n, f) for n, f in rows if show in (ALL, kind(f))]
    if not actions:
        return kept
    return [
        (n, f)
        for n, f in kept
        if isinstance(f.answer, Prediction) and f.answer.nearest_action in actions
    ]


UNREADABLE = "not readable: see below"  # a cell would cut the reason off


def as_table(rows: Sequence[tuple[str, Found]]) -> pd.DataFrame:
    """The table on the page; what a file that cannot be read has not is empty,
    and the reason is for the list below.
    """
    columns = ["Picture", "Action", "Probability", "File", "Seconds", "Remark"]
    return pd.DataFrame([_cells(name, found) for name, found in rows], columns=columns)


def as_csv(rows: Sequence[tuple[str, Found]]) -> str:
    """The same as CSV, with a column for the reason why a file could not be read."""
    out = io.StringIO()
    table = csv.writer(out, lineterminator="\n")
    columns = ["action", "nearest_action", "probability", "known_probability", "unsure"]
    columns.append("elapsed_s")
    table.writerow(["file", *columns, "error"])
    for name, found in rows:
        facts, reason = dict.fromkeys(columns, ""), ""
        if isinstance(found.answer, VideoError):
            reason = spreadsheet_text(found.answer.reason)
        else:
            facts |= found.answer.to_dict()
            facts |= {"action": found.answer.action or ""}
            facts |= {n: spreadsheet_text(facts[n]) for n in ("action", "nearest_action")}
            facts |= {"unsure": str(found.answer.unsure).lower()}
        table.writerow([spreadsheet_text(name), *(facts[c] for c in columns), reason])
    return out.getvalue()


def _cells(name: str, found: Found) -> list[object]:
    answer = found.answer
    if isinstance(answer, VideoError):
        return [None, None, None, name, None, UNREADABLE]
    shown, remark = [answer.action, 100 * answer.probability], ""
    if answer.action is None:
        shown, remark = [UNKNOWN, None], f"nearest: {nearest(answer, of=1)}"
    elif answer.unsure:
        shown[0] = either(answer.ranked)
    return [found.thumbnail, *shown, name, answer.timings.total_s, remark]


def _thumbnail(prediction: Prediction) -> str:
    if prediction.clips is None:
        return ""
    frames = prediction.clips.frames[len(prediction.clips.frames) // 2]
    aspect = prediction.video.width / prediction.video.height
    aspect = min(max(aspect, 3 / 4), 4 / 3)  # the network's frames are cropped to this
    return data_url(frames[len(frames) // 2], aspect=aspect)
