"""Cuts a part out of a video, as an MP4 that browsers play: without loss, or to the frame.

Without loss, the packets of the original are copied, which takes no time, but such a part can only
begin at a key frame. To the frame, the picture is encoded anew. Either way the place is sought, and
memory does not grow with the length of the video or of the part.
"""

from __future__ import annotations

import errno
import io
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from heapq import merge
from pathlib import Path
from typing import Any, Literal, get_args

import av
from av.container import OutputContainer

from action_recognition.errors import UsageError, VideoError
from action_recognition.video.copying import COPYABLE, key_frame_before, picture_packets
from action_recognition.video.decoder import Video
from action_recognition.video.encoding import encoded_packets
from action_recognition.video.limits import DEFAULT_LIMITS, Limits
from action_recognition.video.opening import open_container
from action_recognition.video.overlays import Overlay
from action_recognition.video.sound import Timed, add_sound
from action_recognition.video.source import Source
from action_recognition.video.work import Work

Mode = Literal["auto", "copy", "exact"]
MODES: tuple[Mode, ...] = get_args(Mode)
_PLAYED = ("h264", "vp9", "av1")  # in MP4, by every browser, with these pixels:
_PIXEL_FORMATS = ("yuv420p", "yuvj420p")
_DISK = (errno.ENOSPC, errno.EFBIG, errno.EIO, errno.EROFS)  # no fault of the video


@dataclass(frozen=True)
class Cut:
    """What was cut out.

    Parameters:
        start_s, end_s: in seconds as a player of the original counts.
        copied: whether its picture is that of the original, without loss.
    """

    start_s: float
    end_s: float
    copied: bool


def write_cut(
    source: Source,
    out: Path | io.BytesIO,
    start_s: float,
    end_s: float,
    *,
    name: str | None = None,
    mode: Mode = "auto",
    overlays: Iterable[Overlay] | None = None,
    limits: Limits = DEFAULT_LIMITS,
    on_progress: Callable[[float, float], None] | None = None,
) -> Cut:
    """Writes a part of a video as MP4 with its index first; the sound comes along.

    Parameters:
        source: a path, or a seekable binary file object.
        out: a path, or a buffer in memory.
        start_s, end_s: in seconds as a player counts; cropped to the video.
        name: the name used in errors; None: the file name.
        mode: "copy": copy the packets from the last key frame at or before the start on, so that
            the part may begin earlier than asked, and end a few frames later where frames refer to
            later ones. "exact": encode the frames from start to end as H.264, upright. "auto": copy
            where a key frame lies within half a frame of the start and browsers play the codec,
            else exact.
        overlays: lie over the picture, in order of `start_s`; then it is always encoded.
        on_progress: called with (seconds done, seconds in total).

    Raises:
        UsageError: there is no such mode, or nothing of the video lies between the times.
        VideoError: the video cannot be read, or cannot be cut in this mode.
    """
    if mode not in MODES:
        raise UsageError(f"mode {mode!r}: must be one of {', '.join(MODES)}")
    with Video(source, name=name, limits=limits) as video:
        first_s = video.info.start_s
        begin_s, finish_s = max(start_s, 0.0), min(end_s, first_s + video.info.duration_s)
        if not finish_s > max(begin_s, first_s):
            asked = f"{start_s:g} to {end_s:g} s"
            raise UsageError(f"{video.name}: {asked}: the video shows nothing there")
        job = _Job(source, video, Work(limits, video.name), on_progress)
        if overlays is None and mode != "exact":
            at_s = _copy_from(job, begin_s, mode)
            if at_s is not None:
                return job.copy(out, at_s, finish_s)
        return job.encode(out, begin_s, finish_s, overlays)


def _copy_from(job: _Job, start_s: float, mode: Mode) -> float | None:
    """Where a copy begins, in seconds as a player counts; None where the mode wants no copy."""
    video = job.video
    copyable = video.info.codec in COPYABLE and "avi" not in video.info.container
    if mode == "auto":
        _, first = next(video.timed_frames())
        played = video.info.codec in _PLAYED and first.format.name in _PIXEL_FORMATS
        if not (copyable and played) or video.info.orientation.mirrored:
            return None
    elif not copyable:
        kind = f"{video.info.codec} in {video.info.container.split(',')[0]}"
        raise VideoError(video.name, f"{kind} cannot be copied into MP4; cut it in mode exact")
    half_s = 0.5 / (video.info.frame_rate or 25)
    with job.opened() as container:
        key_s = key_frame_before(container, video.name, job.work, start_s + job.origin_s + half_s)
    if key_s is None:
        if mode == "copy":
            raise VideoError(video.name, "no key frame is found; cut it in mode exact")
        return None
    at_s = key_s - job.origin_s
    return at_s if mode == "copy" or at_s >= start_s - half_s else None


class _Job:
    """One cut of one open video."""

    def __init__(
        self,
        source: Source,
        video: Video,
        work: Work,
        on_progress: Callable[[float, float], None] | None,
    ) -> None:
        self._source, self.video, self.work = source, video, work
        self._report = on_progress
        with self.opened() as container:
            # Players move a file that begins before 0 to 0; see `Video`.
            self.origin_s = min(0, container.start_time or 0) / av.time_base

    @contextmanager
    def opened(self) -> Iterator[Any]:
        """The file once more, with a place of its own."""
        container = open_container(another(self._source), self.video.name)
        try:
            yield container
        finally:
            container.close()

    def copy(self, out: Path | io.BytesIO, start_s: float, end_s: float) -> Cut:
        """Copies the packets between two times, of which the first is that of a key frame."""
        clock = start_s + self.origin_s, end_s + self.origin_s
        with self.opened() as pictures, self.opened() as sounds, opened_mp4(out) as container:
            picture = picture_packets(pictures, container, self.video.name, self.work, *clock)
            sound = add_sound(sounds, container, *clock, copy=True, work=self.work)
            self._write(container, picture, sound, end_s - start_s)
        return Cut(start_s, end_s, copied=True)

    def encode(
        self,
        out: Path | io.BytesIO,
        start_s: float,
        end_s: float,
        overlays: Iterable[Overlay] | None,
    ) -> Cut:
        """Encodes the frames between two times."""
        clock = start_s + self.origin_s, end_s + self.origin_s
        whole = start_s <= self.video.info.start_s  # then no packet is cut in two
        with self.opened() as sounds, opened_mp4(out) as container:
            picture = encoded_packets(
                self.video, container, start_s, end_s, work=self.work, overlays=overlays
            )
            sound = add_sound(sounds, container, *clock, copy=whole, work=self.work)
            self._write(container, picture, sound, end_s - start_s)
        return Cut(start_s, end_s, copied=False)

    def _write(
        self,
        container: OutputContainer,
        picture: Iterator[Timed],
        sound: Iterator[Timed],
        length_s: float,
    ) -> None:
        try:
            for time_s, packet in merge(picture, sound, key=lambda timed: timed[0]):
                with self.work:
                    container.mux(packet)
                if self._report is not None:
                    self._report(max(0.0, min(time_s, length_s)), length_s)
        except (av.FFmpegError, ValueError, MemoryError) as error:
            number = getattr(error, "errno", None)
            if number in _DISK:
                raise OSError(number, os.strerror(number)) from None
            raise VideoError(self.video.name, f"it cannot be cut ({error})") from None


@contextmanager
def opened_mp4(out: Path | io.BytesIO) -> Iterator[OutputContainer]:
    """An MP4 to write, whose index comes first once it is closed."""

    def reopen(url: str, flags: int, options: dict[str, str]) -> io.BytesIO:
        # To put the index first, FFmpeg reads what it has written so far a second time.
        return io.BytesIO(out.getvalue() if isinstance(out, io.BytesIO) else b"")

    options = {"movflags": "faststart"}
    if isinstance(out, Path):
        container = av.open(str(out.absolute()), "w", format="mp4", options=options)
    else:
        container = av.open(out, "w", format="mp4", options=options, io_open=reopen)
    with container:
        yield container


def another(source: Source) -> Source:
    """The same bytes, with a place of their own to read from."""
    if isinstance(source, (str, Path)):
        return source
    if isinstance(source, io.BytesIO):
        return io.BytesIO(source.getvalue())  # not a copy: both share it
    return io.BufferedReader(_Descriptor(source.fileno()), 2**16)


class _Descriptor(io.RawIOBase):
    """Reads an open file from a place of its own."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor, self._place = descriptor, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        content = os.pread(self._descriptor, len(buffer), self._place)
        buffer[: len(content)] = content
        self._place += len(content)
        return len(content)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        size = os.fstat(self._descriptor).st_size
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: size}[whence]
        self._place = max(0, base + offset)
        return self._place
