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


def spread(frames: int, *, count: int = 8) -> NDArray[np.intp]:
    """Which of a clip's frames are shown: up to `count`, evenly spread, first and last among them.

    >>> spread(60), spread(3)
    (array([ 0,  8, 17, 25, 34, 42, 51, 59]), array([0, 1, 2]))
    """
    return np.linspace(0, frames - 1, min(count, frames)).round().astype(np.intp)


def pictures(frames: NDArray[np.uint8], times_s: NDArray[np.float64]) -> list[Picture]:
    """Some frames of a clip, see `spread`.

    Parameters:
        frames: (T, H, W, 3) uint8 RGB, T at least 1.
        times_s: (T,) when each is shown.
    """
    return [Picture(frames[t], float(times_s[t])) for t in spread(len(frames))]
