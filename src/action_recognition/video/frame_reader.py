"""Decodes the picture of a file in order or from a key frame on, and knows when it is not whole."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Iterator

import av

from action_recognition.errors import VideoError
from action_recognition.video.length import (
    in_seconds,
    is_shown,
    lists_every_packet,
    picture_end_s,
    stamp,
)
from action_recognition.video.limits import Limits
from action_recognition.video.opening import open_container, picture_stream
from action_recognition.video.skipping import Skipping, can_skip
from action_recognition.video.source import TRUNCATED_SHARE, Source, check_file, header_is_wrong
from action_recognition.video.transforms import SMALL_PIXELS
from action_recognition.video.work import Work

# From this gap between two wanted frames on, seeking beats decoding everything between them.
_SEEK_GAP_S = 12.0

# Missing end of a file that is still taken as rounding in its header.
_TRUNCATED_MIN_S = 0.5

# Matroska rounds time stamps to milliseconds: a frame counts as on display this much earlier.
_ROUNDING_S = 0.001

_THREAD_PIXELS = 100_000_000  # in all threads together: 3 of 8K, 12 of 4K

TimedFrame = tuple[float, av.VideoFrame]  # seconds from the first frame


class FrameReader:
    """The decoded frames of one file: PyAV's own, neither scaled nor rotated.

    Attributes:
        container, stream: as they are open now; decoding from the start opens them anew.
        first: the first frame.
        start_s: when it begins, in seconds by the clock of the file.
        rate: the average frame rate in frames/s; 0 if the file does not give it.
        end_s: when the last frame ends, by the packets of the file; None: no packet has a time.
        work: what it has cost so far.

    Raises:
        VideoError: see `Video`.
    """

    def __init__(self, source: Source, name: str, limits: Limits) -> None:
        self._source, self._name = source, name
        self.work = Work(limits, name)
        check_file(source, name)
        with self.work:
            self._open()
            self.end_s = picture_end_s(self.container, self.stream)
            self.container.close()
        self._seeks_pay = True
        self._skipping: Skipping | None = None
        self._restart()

    def _open(self) -> None:
        self.container = open_container(self._source, self._name)
        try:
            self.stream = picture_stream(self.container, self._name, self.work)
        except BaseException:
            self.container.close()
            raise

    def _restart(self) -> None:
        self._open()
        rate = self.stream.average_rate or self.stream.guessed_rate
        self.rate = float(rate) if rate else 0.0
        codec = self.stream.codec_context
        limit = str(self.work.limits.pixels)
        codec.options = {"max_pixels": limit}  # the size can change further on
        pixels = codec.width * codec.height
        if pixels <= SMALL_PIXELS:
            codec.thread_count = 1
        else:  # each thread holds a frame
            codec.thread_type = "AUTO"
            codec.thread_count = max(1, min(os.cpu_count() or 1, _THREAD_PIXELS // pixels))
        self._read_s = -math.inf  # end of the last packet seen, any stream, in container time
        self._packet_s = self._frame_s = -math.inf  # last picture: in the file, and decoded
        self._decoded = self._decode()
        self._fresh = True
        try:
            self.first = self._decode_first()
        except BaseException:
            self.container.close()
            raise

    def _decode(self) -> Iterator[av.VideoFrame]:
        """Frames in display order from the current position; damaged packets are passed over."""
        packets = self.container.demux()
        while True:
            try:
                with self.work:
                    packet = next(packets, None)
            except (av.FFmpegError, ValueError):
                return  # the demuxer met damage: what follows cannot be read, _check_end decides
            if packet is None:
                return
            if packet.pts is not None and packet.time_base is not None:
                end = packet.pts + (packet.duration or 0)
                self._read_s = max(self._read_s, in_seconds(end, packet.time_base))
            if packet.stream is not self.stream and packet.stream.index != self.stream.index:
                continue
            begins_s = stamp(packet, self.container)
            skipped = self._skip(packet, begins_s)
            if begins_s is not None and is_shown(packet) and not skipped:
                self._packet_s = max(self._packet_s, begins_s)
            try:
                with self.work:
                    frames = packet.decode()
            except (av.FFmpegError, ValueError):
                continue
            for frame in frames:
                if isinstance(frame, av.VideoFrame):
                    self.work.frame(frame)
                    yield frame

    def _skip(self, packet: av.Packet, begins_s: float | None) -> bool:
        if self._skipping is None:
            return False
        skipped = begins_s is not None and self._skipping.skips(packet, begins_s - self.start_s)
        self.stream.codec_context.skip_frame = "NONREF" if skipped else "DEFAULT"
        return skipped

    def _decode_first(self) -> av.VideoFrame:
        frame = next(self._decoded, None)
        if frame is None:
            self._check_end()
            raise VideoError(self._name, "it holds no decodable frame")
        self.start_s = self._frame_s = stamp(frame, self.container) or 0.0
        return frame

    def timed_frames(self, near_s: float = 0.0) -> Iterator[TimedFrame]:
        """Yields all frames from the start, each with its time in seconds from the first frame.

        Parameters:
            near_s: if the file can seek, start at the last keyframe before this time.

        Raises:
            VideoError: the file ends earlier than its header says.
        """
        self._skipping = None
        if not self._fresh:
            self.container.close()
            self._restart()
        self._fresh = False
        if near_s > _SEEK_GAP_S:
            landed = self._seek(near_s)
            if landed is None:
                yield from self.timed_frames()
            else:
                yield landed[1]
                yield from landed[0]
            return
        yield 0.0, self.first
        yield from self._remaining(0.0)
        self._check_end()

    def _remaining(self, time_s: float) -> Iterator[TimedFrame]:
        for frame in self._decoded:
            begins_s = stamp(frame, self.container)
            if begins_s is not None:
                time_s = begins_s - self.start_s
            else:  # the last frames of an AVI carry no time stamp
                time_s += 1 / self.rate if self.rate else 0.0
            self._frame_s = max(self._frame_s, time_s + self.start_s)
            yield time_s, frame

    def select(self, wanted: Iterable[float]) -> Iterator[TimedFrame]:
        """For each of the wanted times, in rising order: the frame on display then."""
        skipping = Skipping(wanted)
        able = can_skip(self.container.format.name, self.stream.codec_context.name)
        frames, shown = self._begin(skipping if able else None)
        upcoming = next(frames, None)
        for time_s in skipping.times():
            if upcoming is not None and self._seek_pays(upcoming[0], time_s):
                landed = self._seek(time_s)
                # Key frames are rare here: what was decoded already would be so again, and again.
                self._seeks_pay = landed is not None and landed[1][0] > upcoming[0]
                # Where it cannot seek, it decodes on, from the start.
                frames, shown = landed or self._begin(self._skipping)
                upcoming = next(frames, None)
            shown, upcoming = _on_display(time_s, shown, upcoming, frames)
            if self._skipping and skipping.missed(shown[0], time_s + _ROUNDING_S):
                self._unskip()
                frames, shown = self._seek(time_s) or self._begin(None)
                shown, upcoming = _on_display(time_s, shown, next(frames, None), frames)
            yield shown

    def _begin(self, skipping: Skipping | None) -> tuple[Iterator[TimedFrame], TimedFrame]:
        """All frames from the start: those after the first, and the first."""
        self._skipping = None  # the first frame is wanted, whatever it is
        frames = self.timed_frames()
        first = next(frames)
        self._skipping = skipping
        return frames, first

    def _unskip(self) -> None:
        self._skipping = None
        self.stream.codec_context.skip_frame = "DEFAULT"

    def _seek_pays(self, from_s: float, to_s: float) -> bool:
        """Whether a key frame lies between two times, so far as the file's index tells."""
        if to_s - from_s <= _SEEK_GAP_S or not self._seeks_pay or self.stream.time_base is None:
            return False
        index, tick = self.stream.index_entries, self.stream.time_base
        try:
            place = index.search_timestamp(int((to_s + self.start_s) / tick))
            return place < 0 or float(index[place].timestamp * tick) - self.start_s > from_s
        except (av.FFmpegError, IndexError, OverflowError):
            return True

    def _seek(self, time_s: float) -> tuple[Iterator[TimedFrame], TimedFrame] | None:
        """Goes to the last keyframe before `time_s`; None where the file does not allow it."""
        time_base = self.stream.time_base
        if time_base is None:
            return None
        try:
            self.container.seek(
                int((time_s + self.start_s) / time_base), stream=self.stream, backward=True
            )
        except (av.FFmpegError, OverflowError):
            return None
        self._decoded = self._decode()
        frames = self._remaining(time_s)
        landed = next(frames, None)
        if landed is None or landed[0] > time_s + _ROUNDING_S:
            return None

        def until_end() -> Iterator[TimedFrame]:
            yield from frames
            self._check_end()

        return until_end(), landed

    def _check_end(self) -> None:
        """Checks, once the file is exhausted, that it reached the end declared by its header."""
        undecoded = self._packet_s - self._frame_s
        if math.isfinite(undecoded) and undecoded > max(
            _TRUNCATED_MIN_S, TRUNCATED_SHARE * (self._packet_s - self.start_s)
        ):
            raise VideoError(
                self._name, f"it is damaged: its last {undecoded:.1f} s cannot be decoded"
            )
        if not self.container.duration or lists_every_packet(self.container, self.stream):
            return
        start = (self.container.start_time or 0) / av.time_base
        if self.container.format.name.startswith("matroska"):
            start = 0.0  # its duration is counted from 0, wherever the first frame is
        declared = self.container.duration / av.time_base
        readable = max(0.0, self._read_s - start)
        if declared - readable <= max(_TRUNCATED_MIN_S, TRUNCATED_SHARE * declared):
            return
        if not header_is_wrong(self._source):
            raise VideoError(
                self._name,
                f"it is truncated or damaged: its header promises {declared:.1f} s, "
                f"but only {readable:.1f} s can be read",
            )


def _on_display(
    time_s: float, shown: TimedFrame, upcoming: TimedFrame | None, frames: Iterator[TimedFrame]
) -> tuple[TimedFrame, TimedFrame | None]:
    """The frame that is on display at a time, and the one after it."""
    while upcoming is not None and upcoming[0] <= time_s + _ROUNDING_S:
        shown, upcoming = upcoming, next(frames, None)
    return shown, upcoming
