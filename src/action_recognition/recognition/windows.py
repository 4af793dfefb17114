"""Consecutive frames in, an answer every step out."""

from __future__ import annotations

from collections.abc import Callable, Iterator

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

    def feed(self, frames: NDArray[np.uint8]) -> Iterator[Moment]:
        """Takes the next frames, (T, H, W, 3) uint8 RGB, T at least 1; yields the answers due."""
        logits, likeness, _, self._state = self._runtime.run(frames[None], self._state)
        first, self.seen = self.seen, self.seen + len(frames)
        self._last = logits[0, -1], likeness[0, -1]
        for k, still in enumerate(self._motion.feed(frames)):
            beyond = first + k + 1 - self.window  # frames before the window
            if beyond >= 0 and beyond % self.step == 0:
                middle = beyond + (self.window - 1) / 2
                yield self._make(middle * self.interval_s, logits[0, k], likeness[0, k], still)

    def end(self) -> Iterator[Moment]:
        """Ends the film; yields the answer if the film is shorter than a window."""
        if self._last is not None and self.seen < self.window:
            last, self._last = self._last, None  # asked again, it has been given
            middle = (self.seen - 1) / 2
            yield self._make(middle * self.interval_s, *last, self._motion.still)
