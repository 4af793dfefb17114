"""Live video: frames go in as they arrive, and an answer comes out every step."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from types import TracebackType
from typing import Any

import av
import numpy as np

from action_recognition.clips.grid_sampler import Frame, GridSampler
from action_recognition.recognition.results import Verdict, rank
from action_recognition.recognition.segmentation import Moment
from action_recognition.recognition.windows import Windows


@dataclass(frozen=True)
class StreamAnswer(Verdict):
    """The answer for the seconds around a point in time.

    Parameters:
        time_s: the middle of the window that it covers, in seconds by the clock of the frames.
        ranked: (action, probability), most probable first; probabilities in 0..1 with sum 1.
        known_probability: the probability, in 0..1, that it is one of the known actions; 1 if the
            model has no rule for it.
        latency_s: seconds from the last frame of the window to the answer.
    """

    time_s: float
    ranked: tuple[tuple[str, float], ...]
    known_probability: float
    latency_s: float

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return {
            "time_s": round(self.time_s, 3),
            **self.verdict(),
            "probabilities": {action: round(p, 6) for action, p in self.ranked},
            "latency_s": round(self.latency_s, 3),
        }


@dataclass
class _Film:
    """Consecutive frames of the grid, from one start of the stream to the next."""

    windows: Windows
    origin_s: float  # of the grid
    offered: int = 0  # frames of the grid so far
    dropped: int = 0  # of them, before the one that is computed


class Stream:
    """A live stream with all of its state (see `Recognizer.stream`).

    Frames that arrive too quickly never pile up. Those between the times of the grid are skipped,
    those older than the previous frame are dropped (`late` counts them), and at most one window of
    frames waits while the network works; beyond that, the oldest are dropped (`passed_over`) before
    they are converted.

    Parameters:
        begin: makes the `Windows` of a film; called again whenever the stream starts afresh.
        classes: names of the known actions.
        sampler: picks the frames of the grid from those that arrive.
        wait: whether `feed` returns only once every answer that is due has been found.
    """

    def __init__(
        self,
        begin: Callable[[], Windows],
        classes: Sequence[str],
        sampler: GridSampler,
        *,
        wait: bool = False,
    ) -> None:
        self._begin, self._classes, self._sampler, self._wait = begin, classes, sampler, wait
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="recognizing")
        self._lock = threading.Lock()
        # Frames that wait, each with its film, its place on the grid, and when it came.
        self._waiting: deque[tuple[_Film, int, av.VideoFrame, float]] = deque()
        self._film = _Film(begin(), 0.0)
        self._working: Future[None] | None = None
        self._busy = False
        self._answers: deque[StreamAnswer] = deque()
        self.passed_over = 0

    @property
    def late(self) -> int:
        """The number of frames dropped because they were older than an earlier one."""
        return self._sampler.late

    @property
    def dropped(self) -> int:
        """The number of frames that were dropped, for either reason."""
        return self.late + self.passed_over

    def feed(self, frame: Frame, time_s: float) -> list[StreamAnswer]:
        """Takes a frame; returns the answers found since the last call, usually none.

        Parameters:
            frame: (H, W, 3) uint8 RGB, or a decoded frame of PyAV.
            time_s: when it arrived, in seconds by any clock that runs forward.

        Raises:
            UsageError: the frame or its time is invalid.
        """
        begins, frames = self._sampler.feed(frame, time_s)
        if begins:
            self._film = _Film(self._begin(), self._sampler.origin_s)
        self._offer(frames)
        return self._found()

    def end(self, time_s: float) -> list[StreamAnswer]:
        """Ends the stream, its last frame shown until `time_s`; returns the last answers."""
        self._offer(self._sampler.end(time_s))
        if self._working is not None:
            self._working.result()
        for moment in self._film.windows.end():
            self._keep(moment, self._film, time.monotonic())
        return self._found()

    def close(self) -> None:
        """Stops the network's thread; waiting frames are discarded."""
        with self._lock:
            self._waiting.clear()
        self._worker.shutdown()

    def __enter__(self) -> Stream:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _offer(self, frames: list[av.VideoFrame]) -> None:
        came = time.monotonic()
        with self._lock:
            for frame in frames:
                self._waiting.append((self._film, self._film.offered, frame, came))
                self._film.offered += 1
            while not self._wait and len(self._waiting) > self._film.windows.window:
                self._waiting.popleft()
                self.passed_over += 1
            starts = bool(self._waiting) and not self._busy
            self._busy |= starts
        if starts and self._wait:
            self._work()
        elif starts:
            self._working = self._worker.submit(self._work)

    def _work(self) -> None:
        """Runs the waiting frames, all those of one film at a time."""
        try:
            while self._work_once():
                pass
        except BaseException:
            with self._lock:
                self._busy = False  # the next frame is tried again
            raise

    def _work_once(self) -> bool:
        with self._lock:
            if not self._waiting:
                self._busy = False
                return False
            film, place, _, came = self._waiting[0]
            frames = []
            while self._waiting and self._waiting[0][0] is film:
                *_, frame, came = self._waiting.popleft()
                frames.append(frame)
        film.dropped = place - film.windows.seen
        squares = np.stack([self._sampler.convert(frame) for frame in frames])
        for moment in film.windows.feed(squares):
            self._keep(moment, film, came)
        return True

    def _keep(self, moment: Moment, film: _Film, came: float) -> None:
        self._answers.append(
            StreamAnswer(
                time_s=film.origin_s + film.dropped * film.windows.interval_s + moment.time_s,
                ranked=rank(self._classes, moment.probabilities),
                known_probability=moment.known_probability,
                latency_s=time.monotonic() - came,
            )
        )

    def _found(self) -> list[StreamAnswer]:
        if self._working is not None and self._working.done():
            working, self._working = self._working, None
            working.result()  # raises what the network raised
        return [self._answers.popleft() for _ in range(len(self._answers))]
