"""How often visitors may ask within a minute."""

from __future__ import annotations

import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable

_MINUTE_S = 60.0


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
