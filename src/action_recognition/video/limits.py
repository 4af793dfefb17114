"""What a video may cost: the same limits for the command line, the dashboard and the library.

They are counted while a file is decoded: what its header says is not believed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Any

from action_recognition.errors import UsageError


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
