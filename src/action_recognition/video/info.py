"""Which files are videos by their names, and the facts about one that was opened."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePath

from action_recognition.video.orientation import Orientation

_TIMECODE = re.compile(r"[0-2]\d:[0-5]\d:[0-5]\d[:;.]\d\d")
FILE_EXTENSIONS: tuple[str, ...] = ("mp4", "m4v", "mov", "avi", "mkv", "webm", "3gp")


def has_video_name(path: PurePath) -> bool:
    """Whether a file is a video by its name: by its ending, and it is not hidden."""
    return path.suffix.lower()[1:] in FILE_EXTENSIONS and not path.name.startswith(".")


@dataclass(frozen=True)
class VideoInfo:
    """Facts about a video. `width` and `height` are in pixels, as displayed.

    `duration_s` is how long its picture lasts, in seconds, by its own frames; `frame_rate` is the
    average in frames/s, 0 if the file does not give it; `orientation` is how stored frames are
    turned and mirrored for display; `start_s` is when a player shows the first frame, in seconds:
    more than 0 where the sound begins first; `timecode` is what a camera counted at the first
    frame, as in "10:30:00:00", with `;` before the frames where numbers are dropped; "" if it wrote
    none.
    """

    duration_s: float
    frame_rate: float
    width: int
    height: int
    codec: str
    container: str
    orientation: Orientation
    has_audio: bool
    start_s: float = 0.0
    timecode: str = ""

    def __post_init__(self) -> None:
        if self.timecode and not _TIMECODE.fullmatch(self.timecode):
            object.__setattr__(self, "timecode", "")  # a file can hold anything
