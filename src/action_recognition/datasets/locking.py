"""What one process is at is not done by another one at the same time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_LONGEST_WAIT_S = 600.0


@contextmanager
def only_one(path: Path) -> Iterator[None]:
    """Other threads and processes wait while one is inside; the end of a process frees it.

    Where the disk has no locks, or it takes ten minutes, they do not wait.

    Parameters:
        path: of the lock, a file that stays.
    """
    try:
        from filelock import FileLock  # of the extra `train`

        path.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(path, timeout=_LONGEST_WAIT_S)
        lock.acquire()
    except (ImportError, OSError):
        yield
        return
    try:
        yield
    finally:
        lock.release()
