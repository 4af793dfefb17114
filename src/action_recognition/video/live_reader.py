"""Reads a live source in a thread of its own, so that it never waits for what is done with it."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import av
from av.video.codeccontext import VideoCodecContext

from action_recognition.errors import VideoError
from action_recognition.video.live_clock import LiveClock
from action_recognition.video.live_connection import Address, Connection, why

Clock = Callable[[], float]

PAUSES_S = (0.5, 1.0, 2.0, 4.0, 8.0)  # before each try to open a source again

_LATE_S = 1.0  # what waited for longer than this is dropped
_MOST_PACKETS, _MOST_BYTES = 2000, 64_000_000  # that wait; HLS begins with twenty seconds
_MOST_DAMAGED = 1000  # in a row; FFmpeg looks for the next JPEG part line by line
_POLL_S = 0.5  # a wait without an end cannot be interrupted on Windows
_CLOSING_S = 0.3  # a thread inside FFmpeg is not waited for any longer: it ends by itself


@dataclass(frozen=True)
class Received:
    """A packet of pictures.

    Parameters:
        packet: to be decoded; its `opaque` is the time of its picture, None where it has no stamp.
        codec: that decodes it.
        time_s: its own time, in seconds from the first one.
        due_s: when to show it, by the clock of the reader.
    """

    packet: av.Packet
    codec: VideoCodecContext
    time_s: float
    due_s: float


class LiveReader:
    """Connects to a source, and again when it breaks off; keeps only what is not late.

    Parameters:
        address: of the source.
        notify: is told in a sentence when the source is opened again; called in another thread.
        reopen: open it again when it ends, too, not only when it breaks off.

    The attribute `dropped` is the number of packets that were dropped because they waited too long.

    Raises:
        VideoError: the source cannot be opened.
    """

    def __init__(self, address: Address, *, notify: Callable[[str], None], reopen: bool) -> None:
        self._address, self._notify, self._reopen = address, notify, reopen
        self.dropped = 0
        self._changed = threading.Condition()
        self._waiting: deque[Received] = deque()
        self._bytes = 0  # of them
        self._gap = False  # since the last one that was taken
        self._stored = self._opened = self._ended = self._closed = False
        self._clock: Clock | None = None
        self._error: BaseException | None = None
        self._times = LiveClock()
        self._newest = (0.0, 0.0)  # time and due time of the last packet
        self._tries = 0  # to open it again, since the last packet
        self._thread = threading.Thread(target=self._work, name="live source", daemon=True)
        self._thread.start()
        try:
            with self._changed:
                self._wait(lambda: self._opened or self._ended)
        except BaseException:  # Ctrl-C
            self.close()
            raise
        if self._error is not None:
            raise self._error

    def packets(self, clock: Clock = time.monotonic) -> Iterator[tuple[bool, Received]]:
        """Yields (whether some were dropped before it, packet), those that are late left out.

        Parameters:
            clock: gives the time in seconds; called in another thread, too.

        Raises:
            VideoError: the source broke off and could not be opened again.
        """
        with self._changed:
            self._clock = clock
            self._changed.notify_all()
        while (taken := self._take(clock)) is not None:
            yield taken

    def close(self) -> None:
        """Ends the thread; where FFmpeg is waiting for the source, in a while."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._thread.join(_CLOSING_S)

    def _wait(self, until: Callable[[], bool], most_s: float | None = None) -> bool:
        """Waits, with the lock held; False after `most_s` seconds."""
        end_s = None if most_s is None else time.monotonic() + most_s
        while not until():
            left_s = _POLL_S if end_s is None else end_s - time.monotonic()
            if left_s <= 0:
                return False
            self._changed.wait(min(_POLL_S, left_s))
        return True

    def _take(self, clock: Clock) -> tuple[bool, Received] | None:
        with self._changed:
            self._wait(lambda: bool(self._waiting) or self._ended)
            self._skip_late(clock())
            if not self._waiting:
                if self._error is not None:
                    raise self._error
                return None
            gap, self._gap = self._gap, False
            first = self._waiting.popleft()
            self._bytes -= first.packet.size
            self._changed.notify_all()
            return gap, first

    def _skip_late(self, now_s: float) -> None:
        """If the first packet is late, goes on at the last keyframe that is due."""
        if self._stored or not self._waiting or now_s - self._waiting[0].due_s <= _LATE_S:
            return
        keys = [
            place
            for place, item in enumerate(self._waiting)
            if item.packet.is_keyframe and item.due_s <= now_s
        ]
        if keys:
            self._drop(keys[-1])
        elif self._ended:  # nothing comes that could be caught up with
            self._drop(len(self._waiting))

    def _drop(self, count: int) -> None:
        for _ in range(count):
            size = self._waiting.popleft().packet.size
            self._bytes -= size
            self.dropped += size > 0  # an empty one is the end
        self._gap |= count > 0

    # -- in the thread ---------------------------------------------------------------------

    def _work(self) -> None:
        try:
            connection: Connection | None = self._address.open()
            with self._changed:
                self._opened = True
                self._changed.notify_all()
                self._wait(lambda: self._clock is not None or self._closed)
            while connection is not None:
                try:
                    reason = self._receive(connection)
                finally:
                    connection.close()
                connection = None if reason is None else self._open_again(reason)
        except BaseException as error:  # raised by who takes the packets, whatever it is
            self._error = error
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def _receive(self, connection: Connection) -> str | None:
        """Takes what comes; says why nothing comes any more, None: it has ended."""
        self._stored = connection.stored
        self._times.connect(stamped=connection.stamped, stored=connection.stored)
        damaged = 0
        while damaged <= _MOST_DAMAGED:
            try:
                for packet in connection.packets():
                    # AVI repeats a picture by an empty packet; the decoder takes it for the end.
                    if packet.size or packet.dts is None:
                        self._keep(packet, connection)
                    damaged = 0
                    if self._closed:
                        return None
                ended = connection.stored or (self._address.can_end and not self._reopen)
                return None if ended else "it ended"
            except av.InvalidDataError:
                damaged += 1
            except (av.FFmpegError, OSError) as error:
                if connection.stored:
                    raise VideoError(self._address.name, f"it broke off ({why(error)})") from None
                return f"it broke off ({why(error)})"
        return "it sends no video any more"

    def _keep(self, packet: av.Packet, connection: Connection) -> None:
        clock = self._clock
        assert clock is not None, "it is set before reading begins"
        was_stamped, now_s = self._times.stamped, clock()
        if packet.size:
            decoded_s, shown_s = connection.stamps(packet)
            time_s, due_s = self._newest = self._times.at(decoded_s, shown_s, now_s)
            if self._times.stamped and decoded_s is not None and shown_s is not None:
                packet.opaque = time_s + shown_s - decoded_s
        else:  # the end, which comes after the last one, however long ago that was
            time_s, due_s = self._newest[0], max(self._newest[1], now_s)
        item = Received(packet, connection.codec, time_s, due_s)
        with self._changed:
            if was_stamped and not self._times.stamped:
                self._drop(len(self._waiting))  # by stamps that were wrong
            if self._stored:
                self._wait(lambda: self._has_room() or self._closed)
            elif not self._has_room():
                self._drop(len(self._waiting))
            self._tries = 0 if packet.size else self._tries
            self._waiting.append(item)
            self._bytes += packet.size
            self._changed.notify_all()

    def _has_room(self) -> bool:
        return len(self._waiting) < _MOST_PACKETS and self._bytes < _MOST_BYTES

    def _open_again(self, reason: str) -> Connection | None:
        """Tries it after pauses that grow; None: closed in the meantime."""
        name = self._address.name
        while self._tries < len(PAUSES_S):
            pause_s = PAUSES_S[self._tries]
            self._tries += 1
            self._notify(
                f"{name}: {reason}; it is opened again in {pause_s:g} s "
                f"(try {self._tries} of {len(PAUSES_S)})"
            )
            with self._changed:
                if self._wait(lambda: self._closed, pause_s):
                    return None
            try:
                return self._address.open()
            except VideoError as error:
                reason = error.reason
        raise VideoError(name, f"{reason}; {len(PAUSES_S)} tries to open it again have failed")
