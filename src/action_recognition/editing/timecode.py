"""Times as editing programs write them."""

from __future__ import annotations

import math
from dataclasses import dataclass

_FALLBACK = 25.0  # frames/s, where a file does not tell
_NEAR = 0.005  # frames/s: files round


@dataclass(frozen=True)
class FrameRate:
    """How a program counts the frames of a film.

    At 30000/1001 and 60000/1001 frames/s, the numbers of some frames are dropped, so that the
    timecode keeps step with the clock (SMPTE ST 12-1).

    Parameters:
        exact: frames/s.
        drops: whether numbers of frames are dropped.
    """

    exact: float
    drops: bool = False

    @classmethod
    def of(cls, frame_rate: float, timecode: str = "") -> FrameRate:
        """A rate as a file gives it; 0 stands for unknown, and 25 is taken.

        Parameters:
            timecode: of the camera, which says by its last separator whether it drops numbers;
                without one, they are dropped where there is a rule for it.
        """
        sane = frame_rate if math.isfinite(frame_rate) and 1 <= frame_rate <= 1000 else _FALLBACK
        whole = max(1, round(sane))
        ntsc = whole * 1000 / 1001
        if abs(sane - ntsc) > _NEAR or abs(sane - whole) <= _NEAR:
            return cls(sane)
        return cls(ntsc, drops=whole in (30, 60) and (not timecode or timecode[8] != ":"))

    @property
    def nominal(self) -> int:
        """Frames that are counted in a second."""
        return max(1, round(self.exact))

    def frame(self, time_s: float) -> int:
        """The frame that begins nearest to a time."""
        return max(0, round(time_s * self.exact))

    def number(self, timecode: str) -> int:
        """The frame that has a timecode, the inverse of `timecode`.

        >>> FrameRate.of(29.97).number("00:10:00;00"), FrameRate(25).number("01:00:00:01")
        (17982, 90001)
        """
        hours, minutes, seconds, frames = (int(timecode[k : k + 2]) for k in (0, 3, 6, 9))
        minutes += 60 * hours
        number = (60 * minutes + seconds) * self.nominal + frames
        return number - self._dropped * (minutes - minutes // 10)

    @property
    def _dropped(self) -> int:
        """Numbers that are dropped in each minute but every tenth."""
        return 2 * self.nominal // 30 if self.drops else 0

    def timecode(self, frame: int) -> str:
        """The timecode of a frame; the last separator is `;` where numbers are dropped.

        >>> FrameRate(25).timecode(25 * 61 + 3), FrameRate.of(29.97).timecode(1800)
        ('00:01:01:03', '00:01:00;02')
        >>> FrameRate.of(29.97).timecode(17982)  # ten minutes
        '00:10:00;00'
        """
        if self.drops:
            dropped = self._dropped
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
