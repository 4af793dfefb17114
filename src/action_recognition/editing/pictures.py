"""Whole frames of a video as pictures, whatever decodes it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from PIL import Image

from action_recognition.video.frames import Frames
from action_recognition.video.info import VideoInfo

_WHOLE = 40.0  # no video is longer for its width than this: nothing is cropped


def fitted(info: VideoInfo, longest: int) -> tuple[int, int]:
    """Width and height in pixels, in the shape of the video, at most `longest` and not enlarged."""
    scale = min(1.0, longest / max(info.width, info.height))
    return max(1, round(info.width * scale)), max(1, round(info.height * scale))


def whole_frames(
    video: Frames, times_s: Iterable[float], size: tuple[int, int]
) -> Iterator[Image.Image]:
    """The frames on display at ascending times, in seconds as a player counts.

    Parameters:
        size: width and height of the pictures, in pixels.
    """
    first_s = video.info.start_s
    since_first = (max(0.0, time_s - first_s) for time_s in times_s)
    for _, square in video.stream_at(since_first, size=max(16, *size), max_aspect=_WHOLE):
        yield Image.fromarray(square).resize(size, Image.Resampling.LANCZOS)
