"""One queue for all visitors: the network works for one after the other, first come, first served.

The work is done by a thread of its own, not by the script that draws a page. So a page that is
drawn anew, by a second click or another tab, keeps its place and finds the work that it asked for.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import wait as wait_for
from functools import cache
from typing import Any, Generic, TypeVar

from action_recognition.dashboard.limits import BusyError
from action_recognition.dashboard.memory import give_back
from action_recognition.dashboard.settings import LIMITS, Settings

Result = TypeVar("Result")
Tell = Callable[[str], None]  # takes the name of the stage that begins


class Job(Generic[Result]):
    """Work that waits in a queue, is done, or has failed.

    `stage` is the last one that the work told, empty before its turn.
    """

    def __init__(self, queue: JobQueue, number: int) -> None:
        self._queue, self._number = queue, number
        self.stage = ""
        self._future: Future[Result]

    @property
    def ahead(self) -> int:
        """How many jobs come before this one, the one that is worked on among them."""
        return max(0, self._number - self._queue.served)

    @property
    def done(self) -> bool:
        """Whether `result` returns at once."""
        return self._future.done()

    @property
    def failed(self) -> bool:
        """Whether the work has ended with an exception."""
        return self.done and self._future.exception() is not None

    def wait(self, timeout_s: float) -> bool:
        """Waits until the job is done, at most `timeout_s`; returns whether it is."""
        return bool(wait_for([self._future], timeout_s).done)

    def result(self) -> Result:
        """What the work returned, or raises what it raised; waits for it."""
        return self._future.result()


class JobQueue:
    """Jobs of all visitors, done one after the other in the order in which they came.

    Parameters:
        most: jobs that may be in it at once, the one that is worked on among them.
    """

    def __init__(self, most: int = LIMITS["waiting"]) -> None:
        self._most = most
        # One at a time: the network uses every core, and two at once would only slow each other.
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="recognizing")
        self._lock = threading.Lock()
        self._joined = 0
        self.served = 0  # jobs that are done

    def join(self, work: Callable[[Tell], Result]) -> Job[Result]:
        """Puts work at the end of the queue; it is called with a function that takes its stages.

        Raises:
            BusyError: the queue is full.
        """
        with self._lock:  # numbers in the order of the queue
            if self._joined - self.served >= self._most:
                raise BusyError
            job: Job[Result] = Job(self, self._joined)
            job._future = self._worker.submit(self._serve, job, work)
            self._joined += 1
        return job

    def _serve(self, job: Job[Any], work: Callable[[Tell], Result]) -> Result:
        def tell(stage: str) -> None:
            job.stage = stage

        try:
            return work(tell)
        finally:
            self.served += 1
            give_back()


@cache
def shared_queue() -> JobQueue:
    """The queue of all sessions of this server."""
    return JobQueue(Settings.read().waiting)


@cache
def making_queue() -> JobQueue:
    """Another one, for the files that are taken away: no answer waits until a film is encoded."""
    return JobQueue(Settings.read().waiting)
