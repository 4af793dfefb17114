"""Many videos: what is asked, and what was found in each."""

from __future__ import annotations

import hashlib
import io
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from action_recognition.dashboard.formatting import either
from action_recognition.dashboard.media.thumbnails import SIDE, data_url
from action_recognition.dashboard.strangers import for_one_answer
from action_recognition.errors import VideoError
from action_recognition.recognition.recognizer import Recognizer
from action_recognition.recognition.results import Prediction
from action_recognition.recognition.segmentation import Segment
from action_recognition.search.thumbnails import middles
from action_recognition.video.inside import check_inside

_MAX_PICTURES = 200  # of one video


@dataclass(frozen=True)
class Item:
    """A video that is asked for: its name, and what gives its file.

    `open` returns bytes or a path, and raises VideoError where there is nothing to open. `content`
    is that of an upload, which is held in memory.
    """

    name: str
    open: Callable[[], bytes | Path] = field(repr=False)
    content: bytes | None = field(default=None, repr=False)
    size: int = 1  # bytes

    @classmethod
    def uploaded(cls, name: str, content: bytes) -> Item:
        """An upload."""
        return cls(name, lambda: content, content, len(content))

    @classmethod
    def on_server(cls, path: Path, folder: Path, root: Path) -> Item:
        """A file in a folder below `root`; where it leads is looked at when it is opened."""
        size = 1
        with suppress(OSError):
            size = path.stat().st_size
        name = str(path.relative_to(folder))
        return cls(name, lambda: check_inside(path, root), size=size)


@dataclass(frozen=True)
class Row:
    """A moment of a video, or all of it.

    Parameters:
        words: what it shows where the model is unsure: its two nearest actions.
        thumbnail: a picture as a data URL, empty where there is none.
    """

    segment: Segment
    words: str = ""
    thumbnail: str = ""


@dataclass(frozen=True)
class Found:
    """What was found in one video: a row for each moment, or one for all of a short video.

    `error` says why it cannot be read, or not further.
    """

    rows: tuple[Row, ...] = ()
    error: VideoError | None = None


@dataclass(frozen=True)
class Done:
    """A video that was done, and how it is opened again to be played.

    `digest` is that of an upload, which is looked for among those that are still here.
    """

    name: str
    found: Found
    open: Callable[[], bytes | Path] | None = field(default=None, repr=False)
    digest: str = ""


class Batch:
    """Videos on their way: `done` ones have been searched, `waiting` ones not.

    Parameters:
        items: the videos in the order in which they are to be done.
        clock: gives the time in seconds.
    """

    def __init__(
        self, items: Sequence[Item], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.total = len(items)
        self.waiting = deque(items)
        self.done: list[Done] = []
        self._clock, self._began = clock, clock()
        self._worked_s, self._worked = 0.0, 0  # and the bytes of it

    def take(self, found: Found, *, digest: str = "", kept: bool = False) -> None:
        """Takes what was found in the first of those that wait; its content is let go.

        Parameters:
            digest: of the content of an upload.
            kept: whether it was known already, so that nothing had to be done.
        """
        item, now = self.waiting.popleft(), self._clock()
        again = item.open if item.content is None else None
        self.done.append(Done(item.name, found, again, digest))
        if not kept:
            self._worked_s, self._worked = (
                self._worked_s + now - self._began,
                self._worked + item.size,
            )
        self._began = now

    def stop(self) -> None:
        """Nothing further is to be done."""
        self.waiting.clear()

    @property
    def left_s(self) -> float | None:
        """Seconds until all are done, by the bytes of those that were; None: not known yet."""
        if not self._worked or not self.waiting:
            return None
        rate = self._worked_s / self._worked
        spent = self._clock() - self._began
        return max(0.0, rate * sum(item.size for item in self.waiting) - spent)

    @property
    def state(self) -> str:
        """How far it is, in words."""
        stopped = not self.waiting and len(self.done) < self.total
        return f"{len(self.done)} of {self.total} done{', then stopped' if stopped else ''}"


def content_digest(content: bytes | Path) -> str:
    """SHA-256 of a file's content. Raises VideoError where it cannot be read."""
    if isinstance(content, bytes):
        return hashlib.sha256(content).hexdigest()
    try:
        with content.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise VideoError(content.name, f"it cannot be read ({error.strerror})") from None


def length_s(recognizer: Recognizer, content: bytes | Path, name: str) -> float:
    """How long a video is, in seconds. Raises VideoError where it cannot be read."""
    with for_one_answer(recognizer).open(_source(content), name) as video:
        return video.info.duration_s


def find(
    recognizer: Recognizer, content: bytes | Path, name: str, tell: Callable[[str], None]
) -> Found:
    """Recognises one short video; `tell` takes its stages."""
    try:
        answer = for_one_answer(recognizer).predict(
            _source(content), name=name, keep_frames=True, on_stage=tell
        )
    except VideoError as error:
        return Found(error=error)
    start_s = answer.video.start_s
    segment = Segment(
        start_s,
        start_s + answer.video.duration_s,
        answer.action,
        answer.nearest_action,
        answer.probability,
        answer.known_probability,
    )
    words = either(answer.ranked) if answer.unsure else ""
    return Found((Row(segment, words, _thumbnail(answer)),))


def find_moments(
    recognizer: Recognizer,
    content: bytes | Path,
    name: str,
    segments: Callable[[], Sequence[Segment]],
) -> Found:
    """The moments of a long video, with a picture of those that show an action.

    Parameters:
        segments: gives them; raises VideoError where it cannot be read.
    """
    try:
        found = segments()
    except VideoError as error:
        return Found(error=error)
    shown = [s for s in found if s.action is not None][:_MAX_PICTURES]
    limited = for_one_answer(recognizer)
    pictures = iter(middles(shown, lambda: limited.open(_source(content), name), SIDE))
    wanted = set(map(id, shown))
    return Found(tuple(Row(s, "", next(pictures) if id(s) in wanted else "") for s in found))


def _source(content: bytes | Path) -> io.BytesIO | Path:
    return io.BytesIO(content) if isinstance(content, bytes) else content


def _thumbnail(prediction: Prediction) -> str:
    if prediction.clips is None:
        return ""
    frames = prediction.clips.frames[len(prediction.clips.frames) // 2]
    aspect = prediction.video.width / prediction.video.height
    aspect = min(max(aspect, 3 / 4), 4 / 3)  # the network's frames are cropped to this
    return data_url(frames[len(frames) // 2], aspect=aspect)
