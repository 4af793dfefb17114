"""Consecutive frames in, an answer every step out."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from action_recognition.clips import Preprocessing
from action_recognition.errors import UsageError
from action_recognition.models.runtime import Runtime, State
from action_recognition.recognition.motion import Motion
from action_recognition.recognition.segmentation import Moment

Made = NDArray[np.float32]
MakeMoment = Callable[[float, Made, Made, bool], Moment]


class Windows:
    """Processes one film frame by frame, each frame once; every film needs its own object.

    The first answer covers the first window of frames, and another follows every step. A film
    shorter than a window gets one answer, at its end.

    Parameters:
        runtime: runs the network.
        make: (time in seconds, logits, likeness, whether nothing moves) -> answer.
        step_s: seconds between answers, rounded to a whole number of frame intervals, at least 1.

    Attributes: `step` and `window`, in frames; `interval_s`; and `seen`, the number of frames so
    far.

    Raises:
        UsageError: `step_s` is not greater than 0.
    """

    def __init__(
        self, runtime: Runtime, make: MakeMoment, preprocessing: Preprocessing, *, step_s: float
    ) -> None:
        if not 0 < step_s < float("inf"):
            raise UsageError(f"step_s={step_s}, must be more than 0 seconds")
        self._runtime, self._make = runtime, make
        self.interval_s = preprocessing.interval_s
        self.step = max(1, round(step_s / preprocessing.interval_s))
        self.window = runtime.window
        self._state: State = None
        self.seen = 0
        self._last: tuple[Made, Made] | None = None
        self._motion = Motion(self.window)
        self._shown: NDArray[np.uint8] | None = None
        self._repeated = 0  # how often the last frame has come again

    def feed(self, frames: NDArray[np.uint8]) -> Iterator[Moment]:
        """Takes the next frames, (T, H, W, 3) uint8 RGB, T at least 1; yields the answers due."""
        settled = self._settled(frames)
        bounds = [0, *(np.flatnonzero(np.diff(settled)) + 1), len(frames)]
        for begin, end in itertools.pairwise(bounds):
            yield from self._feed(frames[begin:end], settled=bool(settled[begin]))

    def _feed(self, frames: NDArray[np.uint8], *, settled: bool) -> Iterator[Moment]:
        if settled and self._last is not None:
            logits, likeness = (np.repeat(made[None], len(frames), axis=0) for made in self._last)
            stills: Iterable[bool] = itertools.repeat(True, len(frames))
        else:
            run = self._runtime.run(frames[None], self._state)
            logits, likeness, self._state = run[0][0], run[1][0], run[3]
            stills = self._motion.feed(frames)
        first, self.seen = self.seen, self.seen + len(frames)
        self._last = logits[-1], likeness[-1]
        for k, still in enumerate(stills):
            beyond = first + k + 1 - self.window  # frames before the window
            if beyond >= 0 and beyond % self.step == 0:
                middle = beyond + (self.window - 1) / 2
                yield self._make(middle * self.interval_s, logits[k], likeness[k], still)

    def _settled(self, frames: NDArray[np.uint8]) -> NDArray[np.bool_]:
        """(T,): whether a frame repeats one that has filled a window already.

        A file of a few frames can last a day by its time stamps: the network then has nothing new
        to see, and what it says stays as it is.
        """
        before = frames[:1] if self._shown is None else self._shown
        known = np.concatenate([before, frames])
        self._shown = frames[-1:]
        settled = np.empty(len(frames), bool)
        for k, again in enumerate((known[1:] == known[:-1]).all((1, 2, 3))):
            self._repeated = self._repeated + 1 if again else 0
            settled[k] = self._repeated > self.window
        return settled

    def end(self) -> Iterator[Moment]:
        """Ends the film; yields the answer if the film is shorter than a window."""
        if self._last is not None and self.seen < self.window:
            last, self._last = self._last, None  # asked again, it has been given
            middle = (self.seen - 1) / 2
            yield self._make(middle * self.interval_s, *last, self._motion.still)
