"""Which files are videos by their names, and the facts about one that was opened."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePath

FILE_EXTENSIONS: tuple[str, ...] = ("mp4", "m4v", "mov", "avi", "mkv", "webm", "3gp")


def has_video_name(path: PurePath) -> bool:
    """Whether a file is a video by its name: by its ending, and it is not hidden."""
    return path.suffix.lower()[1:] in FILE_EXTENSIONS and not path.name.startswith(".")


@dataclass(frozen=True)
class VideoInfo:
    """Facts about a video. `width` and `height` are in pixels, as displayed after rotation.

    `duration_s` is in seconds; `frame_rate` is the average in frames/s, 0 if the file does not give
    it; `rotation` is in degrees counter-clockwise, a multiple of 90, as applied for display.
    """

    duration_s: float
    frame_rate: float
    width: int
    height: int
    codec: str
    container: str
    rotation: int
    has_audio: bool
