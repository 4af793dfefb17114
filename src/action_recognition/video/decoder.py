"""Opens, checks and decodes videos. Seconds go in, RGB frames come out.

A `Video` trusts nothing about its file: the container must be on the allow-list, the size is
checked before the first frame is decoded, and any fault is raised as a `VideoError` that names the
file and the reason.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import av
import numpy as np
from numpy.typing import NDArray

from action_recognition.errors import VideoError
from action_recognition.video.frame_reader import FrameReader, TimedFrame
from action_recognition.video.frames import Frames
from action_recognition.video.info import VideoInfo
from action_recognition.video.limits import DEFAULT_LIMITS, Limits
from action_recognition.video.orientation import orientation_of
from action_recognition.video.source import Source, name_of
from action_recognition.video.transforms import SquareConverter

_MAX_PIXEL_ASPECT = 8.0  # 4 is the most extreme that is in use (anamorphic film)


class Video(Frames):
    """A checked video, from which frames can be read by time.

    Parameters:
        source: a path, or a seekable binary file object (such as an upload held in memory).
        name: the name used in errors and results; None: the file name.
        limits: what reading it may cost, in all.

    Raises:
        VideoError: the file is missing, empty, not a video in a supported container, truncated
            before its index, without a video stream, without a decodable frame, or beyond a limit;
            the last also later, while it is decoded.
    """

    def __init__(
        self, source: Source, *, name: str | None = None, limits: Limits = DEFAULT_LIMITS
    ) -> None:
        self.name = name or name_of(source)
        try:
            self._reader = FrameReader(source, self.name, limits)
            try:
                self.info = self._read_info()
                self._reader.work.time(self.info.duration_s)
            except BaseException:
                self.close()
                raise
        except MemoryError:
            raise self._no_memory() from None

    def stream_at(
        self, times_s: Iterable[float], *, size: int, max_aspect: float = 4 / 3
    ) -> Iterator[tuple[float, NDArray[np.uint8]]]:
        """Like `frames_at`, but yields (start time, frame) one by one. The times must ascend.

        Raises:
            VideoError: the file ends before a requested time within its declared duration.
        """
        to_square = self.square_converter(size, max_aspect)
        try:
            for time_s, frame in self._reader.select(times_s):
                try:
                    with self._reader.work:
                        pixels = to_square(frame)
                except (av.FFmpegError, ValueError) as error:
                    reason = f"a frame cannot be converted to RGB ({error})"
                    raise VideoError(self.name, reason) from None
                yield time_s, pixels
        except MemoryError:
            raise self._no_memory() from None

    def timed_frames(self, near_s: float = 0.0) -> Iterator[TimedFrame]:
        """Yields all frames from the start, each with its time in seconds from the first frame.

        The frames are PyAV's own: decoded, but neither scaled nor rotated.

        Parameters:
            near_s: if the file can seek, start at the last keyframe before this time.

        Raises:
            VideoError: the file ends earlier than its header says.
        """
        try:
            yield from self._reader.timed_frames(near_s)
        except MemoryError:
            raise self._no_memory() from None

    def square_converter(self, size: int, max_aspect: float = 4 / 3) -> SquareConverter:
        """A converter that crops and scales frames of this video as `frames_at` does."""
        return SquareConverter(size, max_aspect, self._pixel_aspect, self.info.orientation)

    def check(self) -> int:
        """Decodes the whole video once and returns the number of frames.

        Raises:
            VideoError: the file is truncated, or nothing in it can be decoded.
        """
        return sum(1 for _ in self.timed_frames())

    def close(self) -> None:
        """Releases the decoder. A file object given by the caller stays open."""
        self._reader.container.close()

    def _no_memory(self) -> VideoError:
        return VideoError(self.name, "decoding it takes more memory than there is")

    def _read_info(self) -> VideoInfo:
        reader = self._reader
        stream, container, first = reader.stream, reader.container, reader.first
        aspect = float(stream.sample_aspect_ratio or 1)
        sane = 1 / _MAX_PIXEL_ASPECT <= aspect <= _MAX_PIXEL_ASPECT
        self._pixel_aspect = aspect if sane else 1.0
        orientation = orientation_of(first)
        width, height = round(first.width * self._pixel_aspect), first.height
        if orientation.swaps_sides:
            width, height = height, width
        # In AVI, the first frame to come out of the decoder can carry a later one's place.
        began_s = reader.start_s
        if container.format.name == "avi" and stream.start_time is not None:
            began_s = float(stream.start_time * (stream.time_base or 1))
        # Players move a file that begins before 0 to 0, and none that begins later.
        origin_s = min(0, container.start_time or 0) / av.time_base
        return VideoInfo(
            duration_s=self._duration_s(began_s),
            start_s=max(0.0, began_s - origin_s),
            frame_rate=reader.rate,
            width=width,
            height=height,
            codec=stream.codec_context.name,
            container=container.format.name,
            orientation=orientation,
            has_audio=bool(container.streams.audio),
            timecode=str(stream.metadata.get("timecode") or container.metadata.get("timecode", "")),
        )

    def _duration_s(self, began_s: float) -> float:
        reader = self._reader
        shortest_s = 1 / reader.rate if reader.rate else 0.0
        if reader.end_s is not None:
            return max(reader.end_s - began_s, shortest_s)
        return max(time_s for time_s, _ in self.timed_frames()) + shortest_s  # no packet has a time
