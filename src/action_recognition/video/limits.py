"""What a video may cost: the same limits for the command line, the dashboard and the library.

They are counted while a file is decoded: what its header says is not believed.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, fields
from typing import Any

import av

from action_recognition.errors import UsageError, VideoError

_MAX_SIDES = 40  # long side / short side; scaling the short side up makes the long one grow too


@dataclass(frozen=True)
class Limits:
    """How much one video may take. Every value is greater than 0.

    Parameters:
        pixels: of one frame; 8K is 33 million.
        frame_bytes: bytes of one decoded frame. An 8K frame of 10 bits, 4:2:0, has 100 million.
        frames: frames decoded, those that are decoded a second time among them.
        video_s: seconds from the first frame to the end of the last.
        cpu_s: CPU seconds of the process while it reads and decodes.
        wall_s: seconds by the clock while it reads and decodes.
        streams: pictures, sounds, subtitles and others in one file.
        memory_bytes: memory of the worker process in which a stranger's file is decoded.
    """

    pixels: int = 40_000_000
    frame_bytes: int = 120_000_000
    frames: int = 6_000_000
    video_s: float = 24 * 3600.0
    cpu_s: float = 3600.0
    wall_s: float = 7200.0
    streams: int = 64
    memory_bytes: int = 1_200_000_000

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not 0 < value < math.inf:
                raise UsageError(f"limits: {field.name}={value}, must be more than 0")

    @classmethod
    def parse(cls, text: str, **defaults: float) -> Limits:
        """Limits from text such as "cpu_s=60, frames=20000"; the rest are the defaults.

        Raises:
            UsageError: there is no such limit, or a value is not a number greater than 0.
        """
        kinds = {field.name: int if field.type == "int" else float for field in fields(cls)}
        values: dict[str, Any] = dict(defaults)
        for part in filter(None, map(str.strip, text.split(","))):
            name, _, value = map(str.strip, part.partition("="))
            if name not in kinds:
                raise UsageError(f"limits: {name!r} is none of {', '.join(kinds)}")
            try:
                values[name] = kinds[name](float(value))
            except (ValueError, OverflowError):
                raise UsageError(f"limits: {part!r} has no number after '='") from None
        return cls(**values)


DEFAULT_LIMITS = Limits()


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
            lasts = f"it lasts {seconds / 3600:.1f} hours, over {self.limits.video_s / 3600:.4g}"
            self._refuse(lasts, "video_s")

    def streams(self, number: int) -> None:
        """Checks how many streams a file has."""
        if number > self.limits.streams:
            self._refuse(f"it has {number} streams, over {self.limits.streams}", "streams")

    def _refuse(self, reason: str, limit: str) -> None:
        raise VideoError(self._name, f"{reason} (limit {limit})")
