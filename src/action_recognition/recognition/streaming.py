"""Live video: frames go in as they come, and an answer comes out every step."""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any

import av
import numpy as np
from numpy.typing import NDArray

from action_recognition.clips import Preprocessing
from action_recognition.errors import UsageError
from action_recognition.picture import SquareConverter
from action_recognition.recognition.results import Verdict, rank
from action_recognition.recognition.segmentation import Moment
from action_recognition.recognition.windows import Windows

if TYPE_CHECKING:
    from action_recognition.recognition.recognizer import Recognizer

Frame = NDArray[np.uint8] | av.VideoFrame

_ROUNDING_S = 0.001  # as for files: a frame counts as on display this much earlier


class GridSampler:
    """Frames at any rate in, the frames of a grid out.

    The grid's times are `interval_s` apart and begin with the first frame; at each of them the
    frame on display is taken, as `clips.grid_frames` does with a file. All others are passed over,
    unconverted.

    Parameters:
        preprocessing: of the model.
        gap_s: where time goes on by more than this between two frames, or back by as much, the
            camera was off: it begins anew. A frame that is only older than the last is dropped.
        convert: frame -> square; by default for upright frames with square pixels.
    """

    def __init__(
        self,
        preprocessing: Preprocessing,
        *,
        gap_s: float = 5.0,
        convert: SquareConverter | None = None,
    ) -> None:
        if not gap_s > 0:
            raise UsageError(f"stream: gap_s={gap_s}, must be more than 0")
        self._gap_s, self._interval_s = gap_s, preprocessing.interval_s
        self._convert = convert or SquareConverter(
            preprocessing.size, preprocessing.max_aspect, 1.0, 0
        )
        self.late = 0  # frames that were dropped for being older than one before
        self.origin_s, self._newest_s = 0.0, -math.inf
        self._shown: av.VideoFrame | None = None
        self._place = 0  # the next one on the grid

    def feed(self, frame: Frame, time_s: float) -> tuple[bool, list[NDArray[np.uint8]]]:
        """Takes the frame that is on display from `time_s` on.

        Parameters:
            frame: (H, W, 3) uint8 RGB, or a decoded frame of PyAV.
            time_s: seconds by any clock.

        Returns:
            whether it begins anew with this frame, and the next frames of the grid, square.
        """
        if isinstance(frame, np.ndarray) and (
            frame.ndim != 3 or frame.shape[2] != 3 or frame.dtype != np.uint8 or not frame.size
        ):
            raise UsageError(
                f"stream: a frame of shape {frame.shape} and type {frame.dtype}, "
                "must be (H, W, 3) uint8"
            )
        if not math.isfinite(time_s):
            raise UsageError(f"stream: time_s={time_s}, must be a finite number of seconds")
        begins = self._shown is None or abs(time_s - self._newest_s) > self._gap_s
        if begins:
            self.origin_s, self._newest_s = time_s, -math.inf
            self._shown, self._place = None, 0
        elif time_s <= self._newest_s:
            self.late += 1
            return False, []
        found = self._fill(time_s - _ROUNDING_S)
        # A copy of an array: cameras write the next frame into the same memory.
        if isinstance(frame, np.ndarray):
            frame = av.VideoFrame.from_ndarray(frame, format="rgb24")
        self._shown = frame
        self._newest_s = time_s
        return begins, found + self._fill(time_s + _ROUNDING_S)

    def end(self, time_s: float) -> list[NDArray[np.uint8]]:
        """What the last frame, on display until `time_s`, still gives.

        As in a file, the last place of the grid is the one whose interval has room before the end.
        """
        found = self._fill(time_s - (1 - 1e-6) * self._interval_s)
        self._shown = None
        return found

    def _fill(self, until_s: float) -> list[NDArray[np.uint8]]:
        """Takes the frame on display for each place of the grid before a time."""
        found = []
        while self._shown is not None and self._at_s() < until_s:
            found.append(self._convert(self._shown))
            self._place += 1
        return found

    def _at_s(self) -> float:
        return self.origin_s + self._place * self._interval_s


@dataclass(frozen=True)
class StreamAnswer(Verdict):
    """What is seen in the seconds around a time.

    Parameters:
        time_s: the middle of the window that it is about, by the clock of the frames.
        ranked: (action, probability), most probable first; probabilities in 0..1 with sum 1.
        known_probability: in 0..1, that it is one of the known actions; 1 without such a rule.
        latency_s: from the last frame of the window to the answer.
    """

    time_s: float
    ranked: tuple[tuple[str, float], ...]
    known_probability: float
    latency_s: float

    def to_dict(self) -> dict[str, Any]:
        """Plain values, fit for JSON."""
        return {
            "time_s": round(self.time_s, 3),
            **self.verdict(),
            "probabilities": {action: round(p, 6) for action, p in self.ranked},
            "latency_s": round(self.latency_s, 3),
        }


@dataclass
class _Film:
    """Frames of the grid that follow each other, from one beginning to the next."""

    windows: Windows
    origin_s: float  # of the grid
    offered: int = 0  # frames of the grid so far
    dropped: int = 0  # of them, before the one that is computed


class Stream:
    """A live stream, and all that is remembered of it (see `Recognizer.stream`).

    The rule for what comes too quickly: nothing queues. Frames between those of the grid are passed
    over, frames older than the last are dropped (`late` counts them), and while the network works,
    as many frames wait at most as a window has; of more, the oldest are dropped (`passed_over`).
    """

    def __init__(
        self,
        recognizer: Recognizer,
        *,
        step_s: float = 1.0,
        wait: bool = False,
        gap_s: float = 5.0,
        convert: SquareConverter | None = None,
    ) -> None:
        self._sampler = GridSampler(recognizer.model.preprocessing, gap_s=gap_s, convert=convert)
        self._recognizer, self._wait, self._step_s = recognizer, wait, step_s
        self._interval_s = recognizer.model.preprocessing.interval_s
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="recognizing")
        self._lock = threading.Lock()
        # Frames that wait, each with its film, its place on the grid, and when it came.
        self._waiting: deque[tuple[_Film, int, NDArray[np.uint8], float]] = deque()
        self._film = _Film(recognizer.windows(step_s), 0.0)
        self._working: Future[None] | None = None
        self._busy = False
        self._answers: deque[StreamAnswer] = deque()
        self.passed_over = 0

    @property
    def late(self) -> int:
        """Frames that were dropped for being older than one before."""
        return self._sampler.late

    def feed(self, frame: Frame, time_s: float) -> list[StreamAnswer]:
        """Takes a frame; gives the answers that were found since the last call, mostly none.

        Parameters:
            frame: (H, W, 3) uint8 RGB, or a decoded frame of PyAV.
            time_s: when it came, in seconds by any clock that goes forward.

        Raises:
            UsageError: the frame or its time makes no sense.
        """
        begins, frames = self._sampler.feed(frame, time_s)
        if begins:
            windows = self._recognizer.windows(self._step_s)
            self._film = _Film(windows, self._sampler.origin_s)
        self._offer(frames)
        return self._found()

    def end(self, time_s: float) -> list[StreamAnswer]:
        """No frame comes any more, the last was on display until `time_s`: the last answers."""
        self._offer(self._sampler.end(time_s))
        if self._working is not None:
            self._working.result()
        for moment in self._film.windows.end():
            self._keep(moment, self._film, time.monotonic())
        return self._found()

    def close(self) -> None:
        """Ends the thread of the network; frames that wait are given up."""
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

    def _offer(self, frames: list[NDArray[np.uint8]]) -> None:
        came = time.monotonic()
        with self._lock:
            for frame in frames:
                self._waiting.append((self._film, self._film.offered, frame, came))
                self._film.offered += 1
            while not self._wait and len(self._waiting) > self._recognizer.window:
                self._waiting.popleft()
                self.passed_over += 1
            starts = bool(self._waiting) and not self._busy
            self._busy |= starts
        if starts and self._wait:
            self._work()
        elif starts:
            self._working = self._worker.submit(self._work)

    def _work(self) -> None:
        """Runs what waits, as many frames of one film at a time as are there."""
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
        for moment in film.windows.feed(np.stack(frames)):
            self._keep(moment, film, came)
        return True

    def _keep(self, moment: Moment, film: _Film, came: float) -> None:
        self._answers.append(
            StreamAnswer(
                time_s=film.origin_s + film.dropped * self._interval_s + moment.time_s,
                ranked=rank(self._recognizer.classes, moment.probabilities),
                known_probability=moment.known_probability,
                latency_s=time.monotonic() - came,
            )
        )

    def _found(self) -> list[StreamAnswer]:
        if self._working is not None and self._working.done():
            working, self._working = self._working, None
            working.result()  # raises what the network raised
        return [self._answers.popleft() for _ in range(len(self._answers))]
