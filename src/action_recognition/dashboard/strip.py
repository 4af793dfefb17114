"""The frames that the network looked at, as a strip of pictures with their times."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Picture:
    """One frame as the network saw it: pixels (H, W, 3) uint8 RGB, and its time in the video."""

    pixels: NDArray[np.uint8]
    time_s: float

    @property
    def caption(self) -> str:
        """The time as text, to a hundredth of a second."""
        return f"{self.time_s:.2f} s"


def pictures(
    frames: NDArray[np.uint8], times_s: NDArray[np.float64], *, count: int = 8
) -> list[Picture]:
    """Up to `count` frames of a clip, spread evenly, its first and last among them.

    Parameters:
        frames: (T, H, W, 3) uint8 RGB.
        times_s: (T,) when each is shown.
    """
    chosen = np.unique(np.linspace(0, len(frames) - 1, min(count, len(frames))).round().astype(int))
    return [Picture(frames[t], float(times_s[t])) for t in chosen]
