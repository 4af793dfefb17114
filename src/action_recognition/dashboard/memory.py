"""What keeps the memory of the server from growing with its visits, or by more than an upload."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

from streamlit.runtime import memory_session_storage
from streamlit.runtime.memory_session_storage import MemorySessionStorage
from streamlit.runtime.uploaded_file_manager import UploadedFile, UploadedFileRec

CLOSED_VISITS = 32  # each holds its last answer, some 2 MB, for a browser that comes back
# Parameters of mallopt, of <malloc.h>, and what they are set to.
_HEAP = {
    -8: 2,  # M_ARENA_MAX: parts of the heap; by default, up to eight for each core, none shrinks
    -3: 2 * 2**20,  # M_MMAP_THRESHOLD: what is larger is given back at once; by default, it grows
    -1: 4 * 2**20,  # M_TRIM_THRESHOLD: free bytes at the end of the heap that are kept
}


def bound_memory() -> None:
    """Bounds what is kept of closed visits and of freed memory; an upload is held once.

    Called before Streamlit's runtime is made. Streamlit itself keeps up to 128 closed visits, each
    for two minutes, and copies a visit's upload each time that it draws the page.
    """
    memory_session_storage.MemorySessionStorage = partial(  # type: ignore[misc, assignment]
        MemorySessionStorage, CLOSED_VISITS
    )
    UploadedFile.__deepcopy__ = _same_content  # type: ignore[attr-defined]
    for parameter, value in _HEAP.items():
        _of_libc("mallopt")(parameter, value)


def give_back() -> None:
    """Gives freed memory in the midst of the heap back to the system, which takes a millisecond."""
    _of_libc("malloc_trim")(0)


def _of_libc(name: str) -> Callable[..., Any]:
    """A function of the C library; one that does nothing where it has none of this name."""
    if sys.platform != "linux":
        return lambda *_: None
    return getattr(ctypes.CDLL(None), name, lambda *_: None)  # glibc has them


def _same_content(file: UploadedFile, _: dict[int, Any]) -> UploadedFile:
    """A file of its own with the same bytes, which are shared until one of them is written to."""
    record = UploadedFileRec(file.file_id, file.name, file.type, file.getvalue())
    return UploadedFile(record, file._file_urls)
