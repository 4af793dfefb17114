"""How a batch looks at its videos."""

from __future__ import annotations

import math
from dataclasses import dataclass

from action_recognition.errors import UsageError
from action_recognition.video.limits import DEFAULT_LIMITS, Limits


@dataclass(frozen=True)
class Settings:
    """What workers need to know.

    Parameters:
        model: as for `Recognizer.load`; each worker must find it under this name.
        digest: of the model file.
        window, interval_s: see `Recognizer.window` and `Preprocessing`.
        step_s, dwell_s: as for `Recognizer.timeline`.
        piece_s: longer videos are split into pieces of this length, in seconds.
        device, limits, untrusted: as for `Recognizer`.

    Raises:
        UsageError: a value is out of range.
    """

    model: str
    digest: str
    window: int
    interval_s: float
    step_s: float = 1.0
    dwell_s: float = 2.0
    piece_s: float = 1200.0
    device: str = "auto"
    limits: Limits = DEFAULT_LIMITS
    untrusted: bool = False

    def __post_init__(self) -> None:
        if not 0 < self.step_s < math.inf:
            raise UsageError(f"step_s={self.step_s:g}, must be more than 0 seconds")
        if not 0 <= self.dwell_s < math.inf:
            raise UsageError(f"dwell_s={self.dwell_s:g}, must be at least 0 seconds")
        if not self.piece_s > 0:
            raise UsageError(f"piece_s={self.piece_s:g}, must be more than 0 seconds")

    @property
    def exact_step_s(self) -> float:
        """`step_s`, rounded to whole frames as the network's answers are."""
        return max(1, round(self.step_s / self.interval_s)) * self.interval_s
