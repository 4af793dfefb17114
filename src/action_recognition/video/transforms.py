"""Turns decoded frames into square RGB pictures: crop, scale, rotate."""

from __future__ import annotations

import av
import numpy as np
from av.video.reformatter import Interpolation, VideoReformatter
from numpy.typing import NDArray

from action_recognition.video.orientation import UPRIGHT, Orientation

SMALL_PIXELS = 640 * 480  # up to this, more threads for a frame cost more than they gain


class SquareConverter:
    """Frame -> (size, size, 3) RGB: crops to the aspect range, scales, and rotates for display.

    One swscale context serves the whole stream (8 times as fast as one per frame), and a frame
    requested twice in a row is converted once.
    """

    def __init__(
        self,
        size: int,
        max_aspect: float,
        pixel_aspect: float = 1.0,
        orientation: Orientation = UPRIGHT,
    ) -> None:
        self._size = size
        self._max_aspect = max_aspect
        self._pixel_aspect = pixel_aspect
        self._orientation = orientation
        self._reformatter = VideoReformatter()
        self._last: tuple[av.VideoFrame, NDArray[np.uint8]] | None = None

    def __call__(self, frame: av.VideoFrame) -> NDArray[np.uint8]:
        """Decoded frame -> (size, size, 3) uint8 RGB, upright."""
        if self._last is not None and self._last[0] is frame:
            return self._last[1]
        size = self._size
        width, height = frame.width * self._pixel_aspect, float(frame.height)
        scaled_width = max(size, round(size * width / min(width, height * self._max_aspect)))
        scaled_height = max(size, round(size * height / min(height, width * self._max_aspect)))
        scaled = self._reformatter.reformat(
            frame,
            width=scaled_width,
            height=scaled_height,
            format="rgb24",
            interpolation=Interpolation.BILINEAR,
            threads=1 if frame.width * frame.height <= SMALL_PIXELS else 2,
        )
        left, top = (scaled_width - size) // 2, (scaled_height - size) // 2
        whole = scaled.to_ndarray()[top : top + size, left : left + size]
        image = self._orientation.upright(whole)
        self._last = (frame, image)
        return image
