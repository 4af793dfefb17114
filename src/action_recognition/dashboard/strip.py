"""The frames that the network looked at, as a strip of pictures with their times."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from action_recognition.clips import VideoClips


@dataclass(frozen=True)
class Picture:
    """One frame as the network saw it: pixels (H, W, 3) uint8 RGB, and its time in the video."""

    pixels: NDArray[np.uint8]
    time_s: float

    @property
    def caption(self) -> str:
        """The time as text, to a hundredth of a second."""
        return f"{self.time_s:.2f} s"


def pictures(clips: VideoClips, clip: int, *, count: int = 8) -> list[Picture]:
    """Up to `count` frames of one clip, spread evenly, its first and last among them."""
    length = clips.frames.shape[1]
    chosen = np.unique(np.linspace(0, length - 1, min(count, length)).round().astype(int))
    return [Picture(clips.frames[clip, t], float(clips.times_s[clip, t])) for t in chosen]
