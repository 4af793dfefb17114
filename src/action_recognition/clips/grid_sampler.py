"""Frames at any rate in, the frames of a grid out."""

from __future__ import annotations

import math

import av
import numpy as np
from numpy.typing import NDArray

from action_recognition.clips import Preprocessing
from action_recognition.errors import UsageError
from action_recognition.video.transforms import SquareConverter

Frame = NDArray[np.uint8] | av.VideoFrame

_ROUNDING_S = 0.001  # as for files: a frame counts as on display this much earlier


class GridSampler:
    """Takes frames at any rate and gives the frames of a regular grid.

    The times of the grid are `interval_s` apart and start at the first frame; at each of them, the
    frame on display is taken, as `clips.grid_frames` does with a file. All others are skipped.
    What is taken is not converted yet, so that a frame for which there is no time costs nothing.

    Parameters:
        preprocessing: that of the model.
        gap_s: if time jumps by more than this between two frames, forward or back, the camera was
            off and the grid starts afresh. A frame that is late by less is dropped.
        convert: frame -> square; None: frames are upright and have square pixels.

    Attributes: `convert`, which makes squares of the frames that are given; `late`, the number of
    frames that were dropped for being older than one before; and `origin_s`, where the grid starts.
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
        self.convert = convert or SquareConverter(preprocessing.size, preprocessing.max_aspect)
        self.late = 0
        self.origin_s, self._newest_s = 0.0, -math.inf
        self._shown: av.VideoFrame | None = None
        self._place = 0  # the next one on the grid

    def feed(self, frame: Frame, time_s: float) -> tuple[bool, list[av.VideoFrame]]:
        """Takes the frame that is on display from `time_s` on.

        Parameters:
            frame: (H, W, 3) uint8 RGB, or a decoded frame of PyAV.
            time_s: seconds by any clock.

        Returns:
            whether the grid starts afresh with this frame, and the next frames of the grid.
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

    def end(self, time_s: float) -> list[av.VideoFrame]:
        """The frames still due when the last one is on display until `time_s`.

        As in a file, the last place of the grid is the last one whose interval ends by then.
        """
        found = self._fill(time_s - (1 - 1e-6) * self._interval_s)
        self._shown = None
        return found

    def _fill(self, until_s: float) -> list[av.VideoFrame]:
        """Takes the frame on display for each place of the grid before a time."""
        found = []
        while self._shown is not None and self._at_s() < until_s:
            found.append(self._shown)
            self._place += 1
        return found

    def _at_s(self) -> float:
        return self.origin_s + self._place * self._interval_s
