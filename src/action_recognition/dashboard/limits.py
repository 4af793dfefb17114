"""How much visitors may ask for at once. What is over a limit is told `BUSY`, and may try again."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable

from action_recognition.errors import ActionRecognitionError

BUSY = "The server is busy; please try again in a moment."
_MINUTE_S = 60.0
_MOST_TOLD = 10_000  # visits that are still to be told: those that have gone never ask


class BusyError(ActionRecognitionError):
    """More is asked for than the operator allows at once."""

    def __init__(self) -> None:
        super().__init__(BUSY)


class Rate:
    """Counts what happens within a minute, of each visitor and of all.

    Parameters:
        each: how many times a visitor may within a minute.
        all_: how many times all of them together may.
        clock: gives the time in seconds.
    """

    def __init__(
        self, each: int, all_: int, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._each, self._all, self._clock = each, all_, clock
        self._lock = threading.Lock()
        self._times: deque[tuple[float, str]] = deque()
        self._of: defaultdict[str, int] = defaultdict(int)

    def allows(self, visitor: str) -> bool:
        """Whether a visitor may once more; counts it if so."""
        with self._lock:
            now_s = self._clock()
            while self._times and self._times[0][0] <= now_s - _MINUTE_S:
                gone = self._times.popleft()[1]
                self._of[gone] -= 1
                if not self._of[gone]:
                    del self._of[gone]
            if len(self._times) >= self._all or self._of.get(visitor, 0) >= self._each:
                return False
            self._times.append((now_s, visitor))
            self._of[visitor] += 1
            return True


class Refusals:
    """Visits whose upload was refused, until their page has said so."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._visits: OrderedDict[str, None] = OrderedDict()

    def add(self, visit: str) -> None:
        """An upload of this visit was refused."""
        with self._lock:
            self._visits[visit] = None
            while len(self._visits) > _MOST_TOLD:
                self._visits.popitem(last=False)

    def check(self, visit: str) -> None:
        """Raises BusyError, once, where an upload of this visit was refused."""
        with self._lock:
            if visit not in self._visits:
                return
            del self._visits[visit]
        raise BusyError


REFUSED = Refusals()  # of all visits to this server
