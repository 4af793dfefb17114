"""Prepares items in another thread while the caller works."""

from __future__ import annotations

import queue
import threading
from collections.abc import Generator, Iterable, Iterator
from typing import Any, TypeVar

Item = TypeVar("Item")


def ahead(items: Iterable[Item], *, limit: int) -> Generator[Item]:
    """Yields items that another thread prepares while the caller works, at most `limit` in advance.

    Exceptions from `items` are raised here. If the caller stops early, so does the thread.
    """
    ready: queue.Queue[tuple[str, Any]] = queue.Queue(limit)
    stopped = threading.Event()

    def put(kind: str, what: Any = None) -> bool:
        while not stopped.is_set():
            try:
                ready.put((kind, what), timeout=0.1)
            except queue.Full:
                continue
            return True
        return False

    def work() -> None:
        try:
            for item in items:
                if not put("item", item):
                    return
        except BaseException as error:  # handed on to the caller, whatever it is
            put("error", error)
        else:
            put("end")

    thread = threading.Thread(target=work, name="decoding", daemon=True)
    thread.start()
    try:
        while True:
            kind, what = ready.get()
            if kind == "end":
                return
            if kind == "error":
                raise what
            yield what
    finally:
        stopped.set()
        thread.join()


def in_groups(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """Yields lists of `size` items; the last may be shorter."""
    group: list[Item] = []
    for item in items:
        group.append(item)
        if len(group) == size:
            yield group
            group = []
    if group:
        yield group
