"""Opens, checks and decodes videos. Seconds go in, RGB frames come out.

A `Video` trusts nothing about its file: the container must be on the allow-list, the size is
checked before the first frame is decoded, and any fault is raised as a `VideoError` that names the
file and the reason.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence

import av
import numpy as np
from numpy.typing import NDArray

from action_recognition.errors import VideoError
from action_recognition.video.info import VideoInfo
from action_recognition.video.length import is_shown, lists_every_packet, picture_end_s, stamp
from action_recognition.video.opening import MAX_PIXELS, check_size, open_container, picture_stream
from action_recognition.video.orientation import orientation_of
from action_recognition.video.source import (
    TRUNCATED_SHARE,
    Source,
    check_file,
    header_is_wrong,
    name_of,
)
from action_recognition.video.transforms import SquareConverter

_MAX_PIXEL_ASPECT = 8.0  # 4 is the most extreme that is in use (anamorphic film)

# From this gap between two wanted frames on, seeking beats decoding everything between them.
_SEEK_GAP_S = 12.0

# Missing end of a file that is still taken as rounding in its header.
_TRUNCATED_MIN_S = 0.5

# Matroska rounds time stamps to milliseconds: a frame counts as on display this much earlier.
_ROUNDING_S = 0.001

_SMALL_PIXELS = 640 * 480  # below this, starting decoder threads costs more than it gains


class Video:
    """A checked video, from which frames can be read by time.

    Parameters:
        source: a path, or a seekable binary file object (such as an upload held in memory).
        name: the name used in errors and results; None: the file name.

    Raises:
        VideoError: the file is missing, empty, not a video in a supported container, truncated
            before its index, without a video stream, too large, or without a decodable frame.
    """

    def __init__(self, source: Source, *, name: str | None = None) -> None:
        self._source = source
        self.name = name or name_of(source)
        check_file(source, self.name)
        self._open()
        self._picture_end_s = picture_end_s(self._container, self._stream)
        self._container.close()
        self._restart_decoding()
        self.info = self._read_info()

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

    def stream_at(
        self, times_s: Iterable[float], *, size: int, max_aspect: float = 4 / 3
    ) -> Iterator[tuple[float, NDArray[np.uint8]]]:
        """Like `frames_at`, but yields (start time, frame) one by one. The times must ascend."""
        to_square = self.square_converter(size, max_aspect)
        for time_s, frame in self._select(times_s):
            check_size(frame.width, frame.height, self.name)
            try:
                pixels = to_square(frame)
            except (av.FFmpegError, ValueError, MemoryError) as error:
                raise VideoError(
                    self.name, f"a frame cannot be converted to RGB ({error})"
                ) from None
            yield time_s, pixels

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
        self._container.close()

    def __enter__(self) -> Video:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        i = self.info
        return f"Video({self.name!r}, {i.duration_s:.2f} s, {i.width}x{i.height}, {i.codec})"

    # -- opening ---------------------------------------------------------------------------

    def _open(self) -> None:
        self._container = open_container(self._source, self.name)
        try:
            self._stream = picture_stream(self._container, self.name)
        except BaseException:
            self._container.close()
            raise

    def _restart_decoding(self) -> None:
        self._open()
        codec = self._stream.codec_context
        codec.options = {"max_pixels": str(MAX_PIXELS)}  # the size can change further on
        if codec.width * codec.height <= _SMALL_PIXELS:
            codec.thread_count = 1
        else:
            codec.thread_type = "AUTO"
        self._end_s = -math.inf  # end of the last packet seen, any stream, in container time
        self._packet_s = self._frame_s = -math.inf  # last picture: in the file, and decoded
        self._decoded = self._decode()
        self._fresh = True
        try:
            self._first = self._decode_first()
        except BaseException:
            self._container.close()
            raise

    def _decode(self) -> Iterator[av.VideoFrame]:
        """Frames in display order from the current position; damaged packets are passed over."""
        try:
            for packet in self._container.demux():
                if packet.pts is not None and packet.time_base is not None:
                    end = (packet.pts + (packet.duration or 0)) * packet.time_base
                    self._end_s = max(self._end_s, float(end))
                if packet.stream is not self._stream and packet.stream.index != self._stream.index:
                    continue
                begins_s = stamp(packet, self._container)
                if begins_s is not None and is_shown(packet):
                    self._packet_s = max(self._packet_s, begins_s)
                try:
                    frames = packet.decode()
                except (av.FFmpegError, ValueError):
                    continue
                for frame in frames:
                    if isinstance(frame, av.VideoFrame):
                        yield frame
        except (av.FFmpegError, ValueError):
            return  # the demuxer met damage: what follows cannot be read, _check_end decides

    def _decode_first(self) -> av.VideoFrame:
        frame = next(self._decoded, None)
        if frame is None:
            self._check_end()
            raise VideoError(self.name, "it holds no decodable frame")
        self._start_s = self._frame_s = stamp(frame, self._container) or 0.0
        return frame

    def _read_info(self) -> VideoInfo:
        stream, first = self._stream, self._first
        rate = stream.average_rate or stream.guessed_rate
        self._rate = float(rate) if rate else 0.0
        aspect = float(stream.sample_aspect_ratio or 1)
        sane = 1 / _MAX_PIXEL_ASPECT <= aspect <= _MAX_PIXEL_ASPECT
        self._pixel_aspect = aspect if sane else 1.0
        orientation = orientation_of(first)
        width, height = round(first.width * self._pixel_aspect), first.height
        if orientation.swaps_sides:
            width, height = height, width
        # In AVI, the first frame to come out of the decoder can carry a later one's place.
        began_s = self._start_s
        if self._container.format.name == "avi" and stream.start_time is not None:
            began_s = float(stream.start_time * (stream.time_base or 1))
        # Players move a file that begins before 0 to 0, and none that begins later.
        origin_s = min(0, self._container.start_time or 0) / av.time_base
        return VideoInfo(
            duration_s=self._duration_s(began_s),
            start_s=max(0.0, began_s - origin_s),
            frame_rate=self._rate,
            width=width,
            height=height,
            codec=stream.codec_context.name,
            container=self._container.format.name,
            orientation=orientation,
            has_audio=bool(self._container.streams.audio),
        )

    def _duration_s(self, began_s: float) -> float:
        shortest_s = 1 / self._rate if self._rate else 0.0
        if self._picture_end_s is not None:
            return max(self._picture_end_s - began_s, shortest_s)
        return max(time_s for time_s, _ in self.timed_frames()) + shortest_s  # no packet has a time

    # -- decoding --------------------------------------------------------------------------

    def timed_frames(self, near_s: float = 0.0) -> Iterator[tuple[float, av.VideoFrame]]:
        """Yields all frames from the start, each with its time in seconds from the first frame.

        The frames are PyAV's own: decoded, but neither scaled nor rotated.

        Parameters:
            near_s: if the file can seek, start at the last keyframe before this time.

        Raises:
            VideoError: the file ends earlier than its header says.
        """
        if not self._fresh:
            self._container.close()
            self._restart_decoding()
        self._fresh = False
        if near_s > _SEEK_GAP_S:
            landed = self._seek(near_s)
            if landed is None:
                yield from self.timed_frames()
            else:
                yield landed[1]
                yield from landed[0]
            return
        yield 0.0, self._first
        yield from self._remaining_frames(0.0)
        self._check_end()

    def _remaining_frames(self, time_s: float) -> Iterator[tuple[float, av.VideoFrame]]:
        for frame in self._decoded:
            begins_s = stamp(frame, self._container)
            if begins_s is not None:
                time_s = begins_s - self._start_s
            else:  # the last frames of an AVI carry no time stamp
                time_s += 1 / self._rate if self._rate else 0.0
            self._frame_s = max(self._frame_s, time_s + self._start_s)
            yield time_s, frame

    def _select(self, wanted: Iterable[float]) -> Iterator[tuple[float, av.VideoFrame]]:
        """For each of the wanted times, in rising order: the frame on display then."""
        frames = self.timed_frames()
        shown = next(frames)
        upcoming = next(frames, None)
        for time_s in wanted:
            if upcoming is not None and time_s - upcoming[0] > _SEEK_GAP_S:
                landed = self._seek(time_s)
                if landed is None:  # cannot seek here: decode on, from the start
                    frames = self.timed_frames()
                    shown = next(frames)
                else:
                    frames, shown = landed
                upcoming = next(frames, None)
            while upcoming is not None and upcoming[0] <= time_s + _ROUNDING_S:
                shown = upcoming
                upcoming = next(frames, None)
            yield shown

    def _seek(
        self, time_s: float
    ) -> tuple[Iterator[tuple[float, av.VideoFrame]], tuple[float, av.VideoFrame]] | None:
        """Goes to the last keyframe before `time_s`; None where the file does not allow it."""
        time_base = self._stream.time_base
        if time_base is None:
            return None
        try:
            self._container.seek(
                int((time_s + self._start_s) / time_base), stream=self._stream, backward=True
            )
        except (av.FFmpegError, OverflowError):
            return None
        self._decoded = self._decode()
        frames = self._remaining_frames(time_s)
        landed = next(frames, None)
        if landed is None or landed[0] > time_s + _ROUNDING_S:
            return None

        def until_end() -> Iterator[tuple[float, av.VideoFrame]]:
            yield from frames
            self._check_end()

        return until_end(), landed

    def _check_end(self) -> None:
        """Checks, once the file is exhausted, that it reached the end declared by its header."""
        undecoded = self._packet_s - self._frame_s
        if math.isfinite(undecoded) and undecoded > max(
            _TRUNCATED_MIN_S, TRUNCATED_SHARE * (self._packet_s - self._start_s)
        ):
            raise VideoError(
                self.name, f"it is damaged: its last {undecoded:.1f} s cannot be decoded"
            )
        if not self._container.duration or lists_every_packet(self._container, self._stream):
            return
        start = (self._container.start_time or 0) / av.time_base
        if self._container.format.name.startswith("matroska"):
            start = 0.0  # its duration is counted from 0, wherever the first frame is
        declared = self._container.duration / av.time_base
        readable = max(0.0, self._end_s - start)
        if declared - readable <= max(_TRUNCATED_MIN_S, TRUNCATED_SHARE * declared):
            return
        if not header_is_wrong(self._source):
            raise VideoError(
                self.name,
                f"it is truncated or damaged: its header promises {declared:.1f} s, "
                f"but only {readable:.1f} s can be read",
            )
