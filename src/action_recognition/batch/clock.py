"""Where the time of a worker goes: what it says of itself with each piece."""

from __future__ import annotations

import socket
import threading
import time
import uuid
from collections.abc import Callable
from typing import Any

from action_recognition.models.runtime import Runtime

_Row = dict[str, Any]


class Clock:
    """Measures the work of one worker, and the part of it in which the network runs.

    Parameters:
        runtime: its network; `run` is measured from now on.
    """

    def __init__(self, runtime: Runtime) -> None:
        self._node, self._worker = socket.gethostname(), uuid.uuid4().hex[:8]
        self._network = threading.local()  # a thread looks at one piece at a time
        run = runtime.run

        def measured(*frames: Any, **more: Any) -> Any:
            begun_s = time.perf_counter()
            try:
                return run(*frames, **more)
            finally:
                self._network.s = getattr(self._network, "s", 0.0) + time.perf_counter() - begun_s

        runtime.run = measured  # type: ignore[method-assign]

    def measure(self, look: Callable[[_Row], list[_Row]], row: _Row) -> list[_Row]:
        """The rows that `look` makes, with their machine, their worker and the seconds of each."""
        self._network.s = 0.0
        begun_s = time.perf_counter()
        made = look(row)
        each = {"work_s": time.perf_counter() - begun_s, "network_s": self._network.s}
        each = {name: seconds / len(made) for name, seconds in each.items()}
        return [{**row, **each, "node": self._node, "worker": self._worker} for row in made]
