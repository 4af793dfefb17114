"""Videos decoded in processes of their own, on any machine of the cluster.

A worker that has a GPU would wait for its decoder. Here each of the videos that it looks at is
decoded by a Ray task, whose frames reach the worker in their order, a few batches ahead.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from itertools import islice

import numpy as np
import ray
from numpy.typing import NDArray

from action_recognition.errors import VideoError
from action_recognition.video.frames import Frames
from action_recognition.video.info import VideoInfo

Opened = Callable[[], AbstractContextManager[Frames]]
_FRAMES = 64  # of a batch: 6 MB for frames of 172 pixels
_BATCHES_AHEAD = 4  # of each video
_RETRIES = 3  # of a decoder that has ended; it decodes anew, and gives the same frames


class RemoteVideo(Frames):
    """A video that a Ray task decodes, which begins when its frames are asked for.

    Parameters:
        opened: gives the video, in the process that decodes.
        name: of the video.

    Raises:
        VideoError: it cannot be opened.
    """

    def __init__(self, opened: Opened, name: str) -> None:
        self._opened, self.name = opened, name
        found = ray.get(_facts.remote(opened))
        if isinstance(found, VideoError):
            raise found
        self.info: VideoInfo = found

    def stream_at(
        self, times_s: Iterable[float], *, size: int, max_aspect: float = 4 / 3
    ) -> Iterator[tuple[float, NDArray[np.uint8]]]:
        """See `Frames.stream_at`."""
        wanted = list(times_s)
        found = _decode.remote(self._opened, wanted, size, max_aspect)
        for reference in found:
            batch = ray.get(reference)
            if isinstance(batch, VideoError):
                raise batch
            yield from zip(*batch, strict=True)

    def close(self) -> None:
        """Nothing is open here."""


@ray.remote(num_cpus=1, max_retries=_RETRIES)
def _facts(opened: Opened) -> VideoInfo | VideoError:
    try:
        with opened() as video:
            return video.info
    except VideoError as error:
        return error


@ray.remote(
    num_cpus=1,
    num_returns="streaming",
    max_retries=_RETRIES,
    _generator_backpressure_num_objects=_BATCHES_AHEAD,
)
def _decode(
    opened: Opened, times_s: list[float], size: int, max_aspect: float
) -> Iterator[tuple[list[float], NDArray[np.uint8]] | VideoError]:
    """Yields times and frames (N, size, size, 3) uint8; at the end, the error if there is one."""
    try:
        with opened() as video:
            frames = video.stream_at(times_s, size=size, max_aspect=max_aspect)
            while group := list(islice(frames, _FRAMES)):
                yield [time_s for time_s, _ in group], np.stack([frame for _, frame in group])
    except VideoError as error:
        yield error
