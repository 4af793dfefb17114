"""How much visitors may ask for at once. What is over a limit is told `BUSY`, and may try again."""

from __future__ import annotations

import threading
from collections import OrderedDict

from action_recognition.errors import ActionRecognitionError

BUSY = "The server is busy; please try again in a moment."
_MOST_TOLD = 10_000  # visits that are still to be told: those that have gone never ask


class BusyError(ActionRecognitionError):
    """More is asked for than the operator allows at once."""

    def __init__(self) -> None:
        super().__init__(BUSY)


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
