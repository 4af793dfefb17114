"""Reading a video's frames by time, whatever decodes it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from typing import Self

import numpy as np
from numpy.typing import NDArray

from action_recognition.video.info import VideoInfo


class Frames(ABC):
    """A video that gives frames by time; a context that releases it.

    Attributes: `name`, used in errors and results; and `info`, the facts about the video.
    """

    name: str
    info: VideoInfo

    @abstractmethod
    def stream_at(
        self, times_s: Iterable[float], *, size: int, max_aspect: float = 4 / 3
    ) -> Iterator[tuple[float, NDArray[np.uint8]]]:
        """Like `frames_at`, but yields (start time, frame) one by one. The times must ascend."""

    @abstractmethod
    def close(self) -> None:
        """Releases the decoder. A file object given by the caller stays open."""

    def frames_at(
        self,
        times_s: Sequence[float] | NDArray[np.float64],
        *,
        size: int,
        max_aspect: float = 4 / 3,
    ) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
        """The frames on display at the given times, cropped and scaled to a square.

        A time before the first frame gives the first frame; a time after the last gives the last
        (policy `repeat_last`). Frames are centre-cropped to an aspect ratio between 1/max_aspect
        and max_aspect and scaled to size x size in the same step as their conversion to RGB.

        Parameters:
            times_s: N times in seconds from the first frame, in any order.
            size: side of the square, in pixels.
            max_aspect: largest ratio of the long to the short side to keep, at least 1.

        Returns:
            frames (N, size, size, 3) uint8 RGB, and the time in seconds at which each begins.

        Raises:
            VideoError: the file ends before a requested time within its declared duration.
        """
        wanted = np.asarray(times_s, dtype=np.float64)
        order = np.argsort(wanted, kind="stable")
        frames = np.empty((len(wanted), size, size, 3), dtype=np.uint8)
        actual = np.empty(len(wanted), dtype=np.float64)
        selected = self.stream_at(wanted[order], size=size, max_aspect=max_aspect)
        for position, (time_s, pixels) in zip(order, selected, strict=True):
            frames[position], actual[position] = pixels, time_s
        return frames, actual

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        i, kind = self.info, type(self).__name__
        return f"{kind}({self.name!r}, {i.duration_s:.2f} s, {i.width}x{i.height}, {i.codec})"
