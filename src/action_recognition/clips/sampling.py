"""Which frames of a video the network sees, as arrays.

Frames are sampled by time, `interval_s` apart, whatever the frame rate of the video.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from action_recognition.clips.preprocessing import Preprocessing
from action_recognition.video.frames import Frames

# `predict` sees every frame of the grid in a video of up to this many; of a longer one, stretches.
WHOLE_FRAMES = 60
STRETCHES = 5


@dataclass(frozen=True)
class VideoClips:
    """Frames read from one video, as one clip or several of equal length.

    `frames` is (N, T, H, W, 3) uint8 RGB; `times_s` is (N, T), the time at which each frame begins,
    in seconds as a player counts.
    """

    frames: NDArray[np.uint8]
    times_s: NDArray[np.float64]


def clip_times(duration_s: float, interval_s: float, *, window: int) -> NDArray[np.float64]:
    """The times of the frames that `predict` uses, (clips, frames), in seconds.

    If the grid has at most 60 frames, they form one clip. Otherwise there are five clips of
    `window` frames each (at most 60), spread evenly from beginning to end. There is always at least
    one frame, whatever the duration.

    >>> clip_times(0.7, 0.2, window=16)
    array([[0. , 0.2, 0.4]])
    """
    count = grid_count(duration_s, interval_s)
    if count <= WHOLE_FRAMES:
        length, starts = count, np.zeros(1)
    else:
        length = min(window, WHOLE_FRAMES)
        starts = np.linspace(0, count - length, STRETCHES).round()
    return np.asarray((starts[:, None] + np.arange(length)) * interval_s, np.float64)


def read_clips(
    video: Frames,
    preprocessing: Preprocessing,
    *,
    window: int,
    part: tuple[float, float] | None = None,
) -> VideoClips:
    """Reads the frames at the times given by `clip_times`.

    Parameters:
        part: where to begin and to end, in seconds as a player counts; None: the whole video.

    Raises:
        VideoError: the video is truncated or cannot be decoded.
    """
    p, start_s, end_s = preprocessing, 0.0, video.info.duration_s
    if part is not None:
        start_s = min(max(0.0, part[0] - video.info.start_s), end_s)
        end_s = min(max(start_s, part[1] - video.info.start_s), end_s)
    times = start_s + clip_times(end_s - start_s, p.interval_s, window=window)
    frames, actual = video.frames_at(times.ravel(), size=p.size, max_aspect=p.max_aspect)
    actual += video.info.start_s
    return VideoClips(frames.reshape(*times.shape, *frames.shape[1:]), actual.reshape(times.shape))


def grid_count(duration_s: float, interval_s: float) -> int:
    """The number of frames on the grid of a video; at least one."""
    return max(1, int(duration_s / interval_s + 1e-6))


def grid_frames(
    video: Frames, preprocessing: Preprocessing, *, begin: int = 0, end: int | None = None
) -> Iterator[NDArray[np.uint8]]:
    """Yields every frame of the grid, (H, W, 3) uint8 RGB, one by one from first to last.

    Parameters:
        begin, end: yield only the frames from `begin` up to, but not including, `end`; None: to
            the last.

    Raises:
        VideoError: the video cannot be decoded to its end.
    """
    p = preprocessing
    count = grid_count(video.info.duration_s, p.interval_s)
    times = (k * p.interval_s for k in range(begin, count if end is None else min(end, count)))
    for _, frame in video.stream_at(times, size=p.size, max_aspect=p.max_aspect):
        yield frame
