"""Times as editing programs write them."""

from __future__ import annotations

import math
from dataclasses import dataclass

_FALLBACK = 25.0  # frames/s, where a file does not tell


@dataclass(frozen=True)
class FrameRate:
    """How a program counts the frames of a film.

    At 30000/1001 and 60000/1001 frames/s, the numbers of some frames are dropped, so that the
    timecode keeps step with the clock (SMPTE ST 12-1).

    Parameters:
        exact: frames/s.
    """

    exact: float

    @classmethod
    def of(cls, frame_rate: float) -> FrameRate:
        """A rate as a file gives it; 0 stands for unknown, and 25 is taken."""
        sane = frame_rate if math.isfinite(frame_rate) and 1 <= frame_rate <= 1000 else _FALLBACK
        ntsc = round(sane) * 1000 / 1001
        return cls(ntsc if abs(sane - ntsc) < 0.005 and abs(sane - round(sane)) > 0.005 else sane)

    @property
    def nominal(self) -> int:
        """Frames that are counted in a second."""
        return max(1, round(self.exact))

    @property
    def drops(self) -> bool:
        """Whether numbers of frames are dropped."""
        return self.nominal in (30, 60) and self.exact == self.nominal * 1000 / 1001

    def frame(self, time_s: float) -> int:
        """The frame that begins nearest to a time."""
        return max(0, round(time_s * self.exact))

    def timecode(self, frame: int) -> str:
        """The timecode of a frame; the last separator is `;` where numbers are dropped.

        >>> FrameRate(25).timecode(25 * 61 + 3), FrameRate.of(29.97).timecode(1800)
        ('00:01:01:03', '00:01:00;02')
        >>> FrameRate.of(29.97).timecode(17982)  # ten minutes
        '00:10:00;00'
        """
        if self.drops:
            dropped = 2 * self.nominal // 30
            in_minute = 60 * self.nominal - dropped
            in_ten = 10 * in_minute + dropped
            tens, rest = divmod(frame, in_ten)
            frame += 9 * dropped * tens
            if rest > dropped:
                frame += dropped * ((rest - dropped) // in_minute)
        seconds, frames = divmod(frame, self.nominal)
        minutes, hours = seconds // 60 % 60, seconds // 3600 % 24
        mark = ";" if self.drops else ":"
        return f"{hours:02}:{minutes:02}:{seconds % 60:02}{mark}{frames:02}"


def clock(time_s: float) -> str:
    """A time as a person reads it.

    >>> clock(61.25), clock(3661)
    ('1:01.2', '1:01:01.0')
    """
    minutes, seconds = divmod(round(time_s, 1), 60)
    hours, minutes = divmod(int(minutes), 60)
    return f"{hours}:{minutes:02}:{seconds:04.1f}" if hours else f"{minutes}:{seconds:04.1f}"
