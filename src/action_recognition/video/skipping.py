"""Spares the decoder those frames that are not asked for and that no other frame is made from."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence

import av

from action_recognition.video.length import in_seconds

# Of these, FFmpeg leaves out frames that are no references, and the others come out bit for bit.
_CODECS = ("h264", "hevc")

_MARGIN_S = 0.003  # Matroska rounds time stamps to milliseconds, and so are durations
_KEPT = 1000  # times that are behind, at most: what is behind is not needed


class FewAtOnce(Iterator[float]):
    """Times of which the next few are known, and those after them only once these were dealt with.

    Parameters:
        more: gives the next few; none: there are no more.
    """

    def __init__(self, more: Callable[[], Sequence[float]]) -> None:
        self._batches = iter(more, [])
        self.known: deque[float] = deque()

    def __next__(self) -> float:
        if not self.known:
            self.known.extend(next(self._batches))
        return self.known.popleft()


class Skipping:
    """Which packets hold frames for the wanted times.

    Which frame is on display when is known only once all are decoded. So a packet's own duration is
    believed, and `missed` tells where that was wrong.

    Parameters:
        wanted: in seconds from the first frame, in rising order; taken as they are needed, of
            `FewAtOnce` no further than they are known.
    """

    def __init__(self, wanted: Iterable[float]) -> None:
        self._wanted = iter(wanted)
        self._times: list[float] = []  # that were taken, in rising order
        self._next = 0
        self._skipped: deque[float] = deque()

    def times(self) -> Iterator[float]:
        """The wanted times, one by one."""
        while self._next < len(self._times) or self._take(next(self._wanted, None)):
            if self._next > _KEPT:
                del self._times[: self._next - 1]
                self._next = 1
            self._next += 1
            yield self._times[self._next - 1]

    def skips(self, packet: av.Packet, begins_s: float) -> bool:
        """Whether the frame of a packet, shown from this time on, can be left out."""
        if self._needed(packet, begins_s):
            return False
        self._skipped.append(begins_s)
        return True

    def missed(self, shown_s: float, until_s: float) -> bool:
        """Whether a frame was skipped that begins after the one on display, up to a time."""
        while self._skipped and self._skipped[0] <= shown_s:
            self._skipped.popleft()
        return any(shown_s < begins_s <= until_s for begins_s in self._skipped)

    def _needed(self, packet: av.Packet, begins_s: float) -> bool:
        if packet.pts is None or not packet.duration or packet.time_base is None:
            return True
        until_s = begins_s + in_seconds(packet.duration, packet.time_base) + _MARGIN_S
        while not self._times or self._times[-1] < until_s:
            if isinstance(self._wanted, FewAtOnce) and not self._wanted.known:
                return True  # nobody knows
            if not self._take(next(self._wanted, None)):
                break
        first = bisect_left(self._times, begins_s - _MARGIN_S)
        return first < bisect_right(self._times, until_s)

    def _take(self, time_s: float | None) -> bool:
        if time_s is None:
            return False
        self._times.append(time_s)
        return True


def can_skip(container: str, codec: str) -> bool:
    """Whether frames can be left out. Packets of AVI do not say when they are shown."""
    return codec in _CODECS and container != "avi"
