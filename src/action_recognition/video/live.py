"""Live sources: a camera, a network stream, or a file played in real time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import av

from action_recognition.errors import VideoError
from action_recognition.video.decoder import Video
from action_recognition.video.live_connection import Address
from action_recognition.video.live_reader import LiveReader, Received
from action_recognition.video.transforms import SquareConverter


class LiveSource:
    """The frames of a live source, or of a file at its playing speed.

    A thread reads a live source; frames that nobody takes within a second are dropped before they
    are decoded. A source that breaks off is opened again, up to five times in a row; one behind
    http that comes to its end has ended.

    Parameters:
        source: the number or path of a camera (0, /dev/video0), a URL (rtsp://, http://, ...), or
            a video file.
        notify: is told in a sentence when the source is opened again; called in another thread.
        reopen: open a live source again when it ends, too.

    Attributes: `name`, used in messages, without the user, password and query of a URL; `received`,
    the number of frames so far; and `dropped`, how many of them were late or damaged.

    Raises:
        VideoError: the source cannot be opened; the message gives its name and the reason.
    """

    def __init__(
        self,
        source: str,
        *,
        notify: Callable[[str], None] = lambda sentence: None,
        reopen: bool = False,
    ) -> None:
        self._file: Video | None = None
        self._reader: LiveReader | None = None
        self._given = self._damaged = 0
        address = Address.of(source)
        if address is None:
            self._file = Video(source)
            self.name = self._file.name
        else:
            self._reader = LiveReader(address, notify=notify, reopen=reopen)
            self.name = address.name

    @property
    def dropped(self) -> int:
        """The number of frames that were dropped because they were late or damaged."""
        return self._damaged + (self._reader.dropped if self._reader is not None else 0)

    @property
    def received(self) -> int:
        """The number of frames so far, those that were dropped among them."""
        return self._given + self.dropped

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

        The time is that of the source's own stamps; where it brings none, or some that do not go
        as fast as the clock, that of the arrival. It goes on across a break.

        Parameters:
            clock: gives the time in seconds; called in another thread, too.
            sleep: waits for so many seconds.

        Raises:
            VideoError: the source failed, or broke off and could not be opened again.
        """
        timed = self._file_frames(clock) if self._reader is None else self._live_frames(clock)
        for time_s, due_s, frame in timed:
            early_s = due_s - clock()
            if early_s > 0:
                sleep(early_s)
            self._given += 1
            yield time_s, frame
        if not self._given:
            raise VideoError(self.name, "it gave no picture")

    def close(self) -> None:
        """Releases the source."""
        if self._file is not None:
            self._file.close()
        if self._reader is not None:
            self._reader.close()

    def __enter__(self) -> LiveSource:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _file_frames(
        self, clock: Callable[[], float]
    ) -> Iterator[tuple[float, float, av.VideoFrame]]:
        assert self._file is not None
        began_s = clock()
        for time_s, frame in self._file.timed_frames():
            yield time_s, began_s + time_s, frame

    def _live_frames(
        self, clock: Callable[[], float]
    ) -> Iterator[tuple[float, float, av.VideoFrame]]:
        assert self._reader is not None
        for gap, received in self._reader.packets(clock):
            if gap:
                received.codec.flush_buffers()
            for frame in self._decode(received):
                own_s = frame.opaque
                time_s = own_s if isinstance(own_s, float) else received.time_s
                yield time_s, received.due_s + time_s - received.time_s, frame

    def _decode(self, received: Received) -> list[av.VideoFrame]:
        try:
            return received.codec.decode(received.packet)
        except (av.FFmpegError, ValueError):  # a damaged packet: the next keyframe mends it
            self._damaged += 1
            return []
