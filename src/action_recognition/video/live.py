"""Live sources: a camera, a network stream, or a file played in real time."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import av

from action_recognition.errors import VideoError
from action_recognition.video.decoder import Video
from action_recognition.video.opening import MAX_PIXELS
from action_recognition.video.transforms import SquareConverter

_URL = re.compile(r"(rtsps?|rtmps?|https?|udp|rtp|srt)://", re.IGNORECASE)
_TIMEOUT_S = 10.0  # a source that is silent for so long has gone
_RESTART_S = 1.0  # a jump of the time stamps by more than this is no lateness


class LiveSource:
    """The frames of a live source, or of a file at its playing speed.

    Parameters:
        source: the number or path of a camera (0, /dev/video0), a URL (rtsp://, http://, ...), or
            a video file.

    The attribute `name` is used in errors; it omits the user and password of a URL.

    Raises:
        VideoError: the source cannot be opened; the message gives its name and the reason.
    """

    def __init__(self, source: str) -> None:
        self._file: Video | None = None
        if _URL.match(source):
            self.name = re.sub(r"//[^/@]*@", "//", source)
            self._container = self._open(source, {"rtsp_transport": "tcp"}, None)
        elif source.isdecimal() or _is_device(source):
            self.name = f"/dev/video{source}" if source.isdecimal() else source
            self._container = self._open(self.name, {}, "v4l2")
        else:
            self._file = Video(source)
            self.name = self._file.name

    def converter(self, size: int, max_aspect: float) -> SquareConverter:
        """A converter from the frames of this source to square pictures."""
        if self._file is not None:
            return self._file.square_converter(size, max_aspect)
        return SquareConverter(size, max_aspect)

    def frames(
        self,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> Iterator[tuple[float, av.VideoFrame]]:
        """Yields (seconds from the first frame, frame), never before that time has come.

        Raises:
            VideoError: the source failed.
        """
        frames = self._received() if self._file is None else self._file.timed_frames()
        began_s: float | None = None
        last_s = 0.0
        for time_s, frame in frames:
            if began_s is None or not -_RESTART_S < time_s - last_s < _RESTART_S:
                began_s = clock() - time_s
            last_s = time_s
            early_s = began_s + time_s - clock()
            if early_s > 0:
                sleep(early_s)
            yield time_s, frame

    def close(self) -> None:
        """Releases the source."""
        if self._file is not None:
            self._file.close()
        else:
            self._container.close()

    def __enter__(self) -> LiveSource:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _open(
        self, source: str, options: dict[str, str], kind: str | None
    ) -> av.container.InputContainer:
        try:
            container = av.open(
                source, format=kind, options=options, timeout=_TIMEOUT_S,
                metadata_errors="replace",
            )  # fmt: skip
        except (av.FFmpegError, ValueError, OSError, MemoryError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise VideoError(self.name, f"it cannot be opened ({reason})") from None
        if not container.streams.video:
            container.close()
            raise VideoError(self.name, "it holds no picture stream")
        return container

    def _received(self) -> Iterator[tuple[float, av.VideoFrame]]:
        first_s = math.nan
        stream = self._container.streams.video[0]
        stream.codec_context.options = {"max_pixels": str(MAX_PIXELS)}
        try:
            for packet in self._container.demux(stream):
                try:
                    frames = packet.decode()
                except av.InvalidDataError:  # a damaged packet: the next keyframe mends it
                    continue
                for frame in frames:
                    if frame.time is None:
                        continue
                    first_s = frame.time if math.isnan(first_s) else first_s
                    yield frame.time - first_s, frame
        except (av.FFmpegError, OSError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise VideoError(self.name, f"it broke off ({reason})") from None
        if math.isnan(first_s):
            raise VideoError(self.name, "it gave no picture")


def _is_device(source: str) -> bool:
    try:
        return Path(source).is_char_device()
    except (OSError, ValueError):
        return False
