"""The work of all requests, one after the other: the network uses every core."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

from fastapi import HTTPException, Request

from action_recognition.serving.guard import BUSY, RETRY

Result = TypeVar("Result")
Item = TypeVar("Item")
_LOOK_S = 1.0  # between two looks whether a client is still there


class GoneError(Exception):
    """Nobody waits for the answer any more."""


class Jobs:
    """First come, first served. Used from one event loop.

    Parameters:
        most: requests that may have a place at once.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="recognizing")
        self._closed = threading.Event()
        self.taken = 0

    @contextmanager
    def place(self) -> Iterator[None]:
        """A place, to be taken before a body is read: what waits takes room.

        Raises:
            HTTPException: 503, there is none.
        """
        if self.taken >= self._most:
            raise HTTPException(503, BUSY, RETRY)
        self.taken += 1
        try:
            yield
        finally:
            self.taken -= 1

    async def run(self, work: Callable[[Callable[[], None]], Result], request: Request) -> Result:
        """What the work returns, or raises what it raises.

        Parameters:
            work: called in a thread with a function that raises `GoneError` when it is to end.
            request: whose client is waiting.

        Raises:
            GoneError: the client has gone, or the server ends.
        """
        unwanted = threading.Event()

        def go_on() -> None:
            if unwanted.is_set() or self._closed.is_set():
                raise GoneError

        def begin() -> Result:
            go_on()
            return work(go_on)

        done = asyncio.wrap_future(self._worker.submit(begin))
        while not (await asyncio.wait({done}, timeout=_LOOK_S))[0]:
            if not unwanted.is_set() and await request.is_disconnected():
                unwanted.set()  # its file stays open until the work has seen this
        return done.result()

    async def stream(
        self, work: Callable[[Callable[[], None], Callable[[Item], None]], None], request: Request
    ) -> AsyncGenerator[Item]:
        """What the work tells, as it comes; then raises what it raises, as `run` does.

        Parameters:
            work: called as by `run`, and with a function that takes what it tells.
        """
        loop, told = asyncio.get_running_loop(), asyncio.Queue[Item | None]()

        def tell(item: Item) -> None:
            loop.call_soon_threadsafe(told.put_nowait, item)

        running = asyncio.create_task(self.run(lambda go_on: work(go_on, tell), request))
        running.add_done_callback(lambda _: told.put_nowait(None))
        try:
            while (item := await told.get()) is not None:
                yield item
        finally:
            await asyncio.wait({running})  # its file stays open until then
        running.result()

    def close(self) -> None:
        """Ends the work."""
        self._closed.set()
        self._worker.shutdown(wait=False, cancel_futures=True)
