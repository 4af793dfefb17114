"""How many bytes of uploads this server holds for all visits together, and whose go first."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol, cast
from weakref import ReferenceType, ref

from streamlit.runtime import Runtime
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.scriptrunner import get_script_run_ctx

IDLE_S = 600.0  # a visit that has done nothing for so long may lose its upload


class Holder(Protocol):
    """What a visit holds besides Streamlit's own record of its uploads."""

    def held(self) -> list[bytes]:
        """The contents of its uploads."""

    def let_go(self) -> None:
        """Holds no upload any more."""


@dataclass
class _Visit:
    holder: ReferenceType[Holder]
    seen_s: float


class Holdings:
    """The uploads of all visits.

    Parameters:
        files: Streamlit's record of uploads; None: there is no server.
        clock: gives the time in seconds.
    """

    def __init__(
        self,
        files: Callable[[], MemoryUploadedFileManager | None],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._files, self._clock = files, clock
        self._lock = threading.Lock()
        self._visits: dict[str, _Visit] = {}
        self._coming = 0  # bytes that are on their way

    def seen(self, visit: str, holder: Holder) -> None:
        """A visit does something just now."""
        with self._lock:
            self._visits[visit] = _Visit(ref(holder), self._clock())

    def total(self) -> int:
        """Bytes of all uploads, each counted once, those on their way among them."""
        files = self._files()
        contents = {} if files is None else _contents(files)
        for visit in self._living().values():
            holder = visit.holder()
            contents |= {} if holder is None else {id(data): len(data) for data in holder.held()}
        return sum(contents.values()) + self._coming

    def reserve(self, size: int, limit: int) -> bool:
        """Whether there is room for `size` more bytes within `limit`; it is kept until `arrived`.

        Where there is none, visits that have been idle for long lose their uploads, the one that
        has been so for the longest first.
        """
        idle = sorted(
            (visit.seen_s, name)
            for name, visit in self._living().items()
            if self._clock() - visit.seen_s > IDLE_S
        )
        while self.total() + size > limit:
            if not idle:
                return False
            self._drop(idle.pop(0)[1])
        with self._lock:
            self._coming += size
        return True

    def arrived(self, size: int) -> None:
        """What was reserved is held by Streamlit now, or did not come."""
        with self._lock:
            self._coming -= size

    def _living(self) -> Mapping[str, _Visit]:
        with self._lock:
            self._visits = {n: v for n, v in self._visits.items() if v.holder() is not None}
            return dict(self._visits)

    def _drop(self, name: str) -> None:
        with self._lock:
            visit = self._visits.pop(name)
        holder, files = visit.holder(), self._files()
        if holder is not None:
            holder.let_go()
        if files is not None:
            files.remove_session_files(name)


def visit_name() -> str:
    """Streamlit's name of the visit for which the page is being drawn; "" outside of one."""
    context = get_script_run_ctx()
    return "" if context is None else context.session_id


def _contents(files: MemoryUploadedFileManager) -> dict[int, int]:
    with files._lock:
        records = [r for session in files.file_storage.values() for r in session.values()]
    return {id(record.data): len(record.data) for record in records}


def _files() -> MemoryUploadedFileManager | None:
    if not Runtime.exists():
        return None
    return cast(MemoryUploadedFileManager, Runtime.instance().uploaded_file_mgr)


HOLDINGS = Holdings(_files)  # of this server
