"""Live video: pictures go in as they come, and an answer comes out every step."""

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
from action_recognition.inference import Kept
from action_recognition.picture import SquareConverter
from action_recognition.timeline import Window, whole_steps

if TYPE_CHECKING:
    from action_recognition.recognizer import Recognizer

Picture = NDArray[np.uint8] | av.VideoFrame

_ROUNDING_S = 0.001  # as for files: a picture counts as on display this much earlier


class WindowCollector:
    """Pictures at any rate in, the clips that they make out.

    The pictures of clips lie on a grid, `interval_s` apart, that begins with the first picture;
    at each of its times the picture on display is taken, as `timeline.windows` does with a file.
    All others are passed over, unconverted. It holds the pictures of one clip, whatever comes.

    Parameters:
        preprocessing: of the model.
        step_s: seconds from clip to clip, rounded to whole intervals, at least one.
        gap_s: where time goes on by more than this between two pictures, or back by as much, the
            camera was off: it begins anew. A picture that is only older than the last is dropped.
        convert: frame -> square; by default for upright pictures with square pixels.
    """

    def __init__(
        self,
        preprocessing: Preprocessing,
        *,
        step_s: float,
        gap_s: float = 5.0,
        convert: SquareConverter | None = None,
    ) -> None:
        if not (0 < step_s < math.inf and gap_s > 0):
            raise UsageError(f"stream: step_s={step_s}, gap_s={gap_s}, must be more than 0")
        self._step = whole_steps(preprocessing, step_s)
        self._gap_s, self._interval_s = gap_s, preprocessing.interval_s
        self._convert = convert or SquareConverter(
            preprocessing.size, preprocessing.max_aspect, 1.0, 0
        )
        self._recent: deque[NDArray[np.uint8]] = deque(maxlen=preprocessing.frames)
        self.late = 0  # pictures that were dropped for being older than one before
        self._begin(0.0)

    def _begin(self, origin_s: float) -> None:
        self._origin_s, self._newest_s = origin_s, -math.inf
        self._shown: av.VideoFrame | None = None
        self._place = 0  # the next one on the grid
        self._given = False
        self._recent.clear()

    def feed(self, frame: Picture, time_s: float) -> list[Window]:
        """Takes the picture that is on display from `time_s` on; gives the clips it completes.

        Parameters:
            frame: (H, W, 3) uint8 RGB, or a decoded frame of PyAV.
            time_s: seconds by any clock.
        """
        if isinstance(frame, np.ndarray) and (
            frame.ndim != 3 or frame.shape[2] != 3 or frame.dtype != np.uint8 or not frame.size
        ):
            raise UsageError(
                f"stream: a picture of shape {frame.shape} and type {frame.dtype}, "
                "must be (H, W, 3) uint8"
            )
        if not math.isfinite(time_s):
            raise UsageError(f"stream: time_s={time_s}, must be a finite number of seconds")
        if self._shown is None or abs(time_s - self._newest_s) > self._gap_s:
            self._begin(time_s)
        elif time_s <= self._newest_s:
            self.late += 1
            return []
        found = self._fill(time_s - _ROUNDING_S)
        # A copy of an array: cameras write the next picture into the same memory.
        if isinstance(frame, np.ndarray):
            frame = av.VideoFrame.from_ndarray(frame, format="rgb24")
        self._shown = frame
        self._newest_s = time_s
        return found + self._fill(time_s + _ROUNDING_S)

    def end(self, time_s: float) -> list[Window]:
        """What the last picture, on display until `time_s`, still completes.

        Pictures that never made a whole clip make one here, with the last of them repeated.
        """
        if self._shown is None:
            return []
        found = self._fill(time_s + 1e-6 * self._interval_s)
        if not found and not self._given:
            length = self._recent.maxlen or 0
            while len(self._recent) < length:
                self._take()
            found = [self._window()]
        self._shown = None
        return found

    def _fill(self, until_s: float) -> list[Window]:
        """Takes the picture on display for each place of the grid before a time."""
        found = []
        while self._shown is not None and self._at_s(self._place) < until_s:
            self._take()
            first = self._place - (self._recent.maxlen or 0)
            if first >= 0 and first % self._step == 0:
                found.append(self._window())
        return found

    def _at_s(self, place: float) -> float:
        return self._origin_s + place * self._interval_s

    def _take(self) -> None:
        assert self._shown is not None
        self._recent.append(self._convert(self._shown))
        self._place += 1

    def _window(self) -> Window:
        self._given = True
        first = self._place - len(self._recent)
        middle = first + (len(self._recent) - 1) / 2
        return Window(first, self._at_s(middle), np.stack(self._recent))


@dataclass(frozen=True)
class StreamAnswer:
    """What is seen in the seconds around a time.

    Parameters:
        time_s: the middle of the clip that was looked at, by the clock of the pictures.
        ranked: (action, probability), most probable first; probabilities in 0..1 with sum 1.
        known: probability, in 0..1, that it is one of the known actions; 1 without such a rule.
        latency_s: from the last picture of the clip to the answer.
    """

    time_s: float
    ranked: tuple[tuple[str, float], ...]
    known: float
    latency_s: float

    @property
    def action(self) -> str | None:
        """The most probable action; None: none of those that the model knows."""
        return self.ranked[0][0] if self.known >= 0.5 else None

    def to_dict(self) -> dict[str, Any]:
        """Plain values, fit for JSON."""
        return {
            "time_s": round(self.time_s, 3),
            "action": self.action,
            "probability": round(self.ranked[0][1], 6),
            "known": round(self.known, 4),
            "probabilities": {action: round(p, 6) for action, p in self.ranked},
            "latency_s": round(self.latency_s, 3),
        }


class Stream:
    """A live stream, and all that is remembered of it (see `Recognizer.stream`).

    The rule for what comes too quickly: nothing queues. Pictures between those that a clip needs
    are passed over, pictures older than the last are dropped (`late` counts them), and while the
    network works, one clip waits at most: a newer one takes its place (`passed_over`).
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
        preprocessing = recognizer.model.preprocessing
        self._collector = WindowCollector(
            preprocessing, step_s=step_s, gap_s=gap_s, convert=convert
        )
        self._recognizer, self._wait = recognizer, wait
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="recognizing")
        self._lock = threading.Lock()
        self._waiting: tuple[Window, float] | None = None
        self._working: Future[None] | None = None
        self._busy = False
        self._kept = Kept()
        self._answers: deque[StreamAnswer] = deque()
        self.passed_over = 0

    @property
    def late(self) -> int:
        """Pictures that were dropped for being older than one before."""
        return self._collector.late

    def feed(self, frame: Picture, time_s: float) -> list[StreamAnswer]:
        """Takes a picture; gives the answers that were found since the last call, mostly none.

        Parameters:
            frame: (H, W, 3) uint8 RGB, or a decoded frame of PyAV.
            time_s: when it came, in seconds by any clock that goes forward.

        Raises:
            UsageError: the picture or its time makes no sense.
        """
        self._offer(self._collector.feed(frame, time_s))
        return self._found()

    def end(self, time_s: float) -> list[StreamAnswer]:
        """No picture comes any more, the last was on display until `time_s`: the last answers."""
        self._offer(self._collector.end(time_s))
        if self._working is not None:
            self._working.result()
        return self._found()

    def close(self) -> None:
        """Ends the thread of the network; a clip that waits is given up."""
        with self._lock:
            self._waiting = None
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

    def _offer(self, windows: list[Window]) -> None:
        came = time.monotonic()
        for window in windows:
            if self._wait:
                self._answer(window, came)
                continue
            with self._lock:
                self.passed_over += self._waiting is not None
                self._waiting = (window, came)
                if not self._busy:
                    self._busy = True
                    self._working = self._worker.submit(self._work)

    def _work(self) -> None:
        while True:
            with self._lock:
                if self._waiting is None:
                    self._busy = False
                    return
                (window, came), self._waiting = self._waiting, None
            self._answer(window, came)

    def _answer(self, window: Window, came: float) -> None:
        (moment,) = self._recognizer.look_at([window], self._kept)
        classes, shares = self._recognizer.classes, moment.probabilities
        order = np.argsort(-shares, kind="stable")
        ranked = tuple((classes[k], float(shares[k])) for k in order)
        latency_s = time.monotonic() - came
        self._answers.append(StreamAnswer(moment.time_s, ranked, moment.known, latency_s))

    def _found(self) -> list[StreamAnswer]:
        if self._working is not None and self._working.done():
            self._working.result()  # raises what the network raised
        return [self._answers.popleft() for _ in range(len(self._answers))]
