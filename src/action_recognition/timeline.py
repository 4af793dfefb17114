"""The clips of a whole video, one after the other, decoded while the network is at work."""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from action_recognition.clips import Preprocessing
from action_recognition.video import Video

Item = TypeVar("Item")

_AHEAD = 16  # clips that are decoded ahead of the network: some 10 MB


@dataclass(frozen=True)
class Window:
    """One clip of many.

    Parameters:
        first: place of its first frame on the grid, in frame intervals.
        middle_s: in seconds from the first frame of the video.
        frames: (T, H, W, 3) uint8 RGB.
    """

    first: int
    middle_s: float
    frames: NDArray[np.uint8]


def windows(video: Video, preprocessing: Preprocessing, *, step_s: float) -> Iterator[Window]:
    """A clip every `step_s` seconds (rounded to a whole number of frame intervals, at least one).

    The first begins at 0; the last is the last that lies in the video whole. A video shorter than
    a clip has one, whose last frame is repeated. Clips that overlap share their decoded frames.

    Raises:
        VideoError: the video cannot be decoded to its end.
    """
    length, interval_s = preprocessing.frames, preprocessing.interval_s
    step = whole_steps(preprocessing, step_s)
    room = video.info.duration_s - preprocessing.span_s
    count = 1 + max(0, int(room / (step * interval_s) + 1e-6))
    starts = step * np.arange(count)
    wanted = np.unique(starts[:, None] + np.arange(length))
    ends = deque((starts + length - 1).tolist())
    recent: deque[NDArray[np.uint8]] = deque(maxlen=length)
    frames = video.stream_at(
        wanted * interval_s, size=preprocessing.size, max_aspect=preprocessing.max_aspect
    )
    for place, (_, frame) in zip(wanted, frames, strict=True):
        recent.append(frame)
        if place == ends[0]:
            first = ends.popleft() - length + 1
            yield Window(first, (first + (length - 1) / 2) * interval_s, np.stack(recent))


def whole_steps(preprocessing: Preprocessing, step_s: float) -> int:
    """Frame intervals in a step of `step_s` seconds: the nearest whole number, at least 1."""
    return max(1, round(step_s / preprocessing.interval_s))


def in_groups(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """Lists of `size` items, the last one shorter."""
    group: list[Item] = []
    for item in items:
        group.append(item)
        if len(group) == size:
            yield group
            group = []
    if group:
        yield group


def ahead(items: Iterable[Item], *, limit: int = _AHEAD) -> Generator[Item]:
    """The items, made by another thread while the caller works, at most `limit` of them waiting.

    What `items` raises is raised here. When the caller stops early, so does the thread.
    """
    ready: queue.Queue[tuple[str, Any]] = queue.Queue(limit)
    stopped = threading.Event()

    def put(kind: str, what: Any = None) -> bool:
        while not stopped.is_set():
            try:
                ready.put((kind, what), timeout=0.1)
            except queue.Full:
                continue
            return True
        return False

    def work() -> None:
        try:
            for item in items:
                if not put("item", item):
                    return
        except BaseException as error:  # handed on to the caller, whatever it is
            put("error", error)
        else:
            put("end")

    thread = threading.Thread(target=work, name="decoding", daemon=True)
    thread.start()
    try:
        while True:
            kind, what = ready.get()
            if kind == "end":
                return
            if kind == "error":
                raise what
            yield what
    finally:
        stopped.set()
        thread.join()
