"""Counts what decoding a video costs, and ends it at a limit."""

from __future__ import annotations

import time

import av

from action_recognition.errors import VideoError
from action_recognition.video.limits import Limits

_MAX_SIDES = 40  # long side / short side; scaling the short side up makes the long one grow too


class Work:
    """What the decoding of one file has cost so far; used as a context around each step of it.

    Parameters:
        limits: raise VideoError where a step has gone beyond them.
        name: of the file, for errors.
    """

    def __init__(self, limits: Limits, name: str) -> None:
        self.limits, self._name = limits, name
        self._cpu_s = self._wall_s = 0.0
        self._frames = 0

    def __enter__(self) -> None:
        self._begun = time.process_time(), time.perf_counter()

    def __exit__(self, *_: object) -> None:
        self._cpu_s += time.process_time() - self._begun[0]
        self._wall_s += time.perf_counter() - self._begun[1]
        if self._cpu_s > self.limits.cpu_s:
            self._refuse(f"decoding it takes more than {self.limits.cpu_s:g} CPU seconds", "cpu_s")
        if self._wall_s > self.limits.wall_s:
            self._refuse(f"decoding it takes more than {self.limits.wall_s:g} seconds", "wall_s")

    def frame(self, frame: av.VideoFrame) -> None:
        """Counts a decoded frame."""
        self._frames += 1
        if self._frames > self.limits.frames:
            self._refuse(f"more than {self.limits.frames} frames would be decoded", "frames")
        self.size(frame.width, frame.height, frame.format)

    def size(self, width: int, height: int, pixel_format: av.VideoFormat | None) -> None:
        """Checks the size of a picture, in pixels and bytes.

        Parameters:
            pixel_format: None: not known yet.

        Raises:
            VideoError: it is too large, or too long for its width.
        """
        shape = f"its picture of {width}x{height} pixels"
        if width * height > self.limits.pixels:
            limit = f"{self.limits.pixels / 1e6:g} million pixels"
            self._refuse(f"{shape} is over the limit of {limit}", "pixels")
        if max(width, height) > _MAX_SIDES * min(width, height) > 0:
            raise VideoError(self._name, f"{shape} is more than {_MAX_SIDES} times as long as wide")
        if pixel_format is not None:
            size = width * height * pixel_format.padded_bits_per_pixel / 8
            if size > self.limits.frame_bytes:
                limit = f"{self.limits.frame_bytes / 1e6:g} MB"
                self._refuse(f"{shape} takes {size / 1e6:.0f} MB, over {limit}", "frame_bytes")

    def time(self, seconds: float) -> None:
        """Checks how long a video lasts, or how late a frame of it comes."""
        if seconds > self.limits.video_s:
            self._refuse(f"it lasts {_span(seconds)}, over {_span(self.limits.video_s)}", "video_s")

    def streams(self, number: int) -> None:
        """Checks how many streams a file has."""
        if number > self.limits.streams:
            self._refuse(f"it has {number} streams, over {self.limits.streams}", "streams")

    def _refuse(self, reason: str, limit: str) -> None:
        raise VideoError(self._name, f"{reason} (limit {limit})")


def _span(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < 3600 else f"{seconds / 3600:.1f} hours"
