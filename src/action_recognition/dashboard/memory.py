"""What keeps the memory of the server from growing with the number of its visits."""

from __future__ import annotations

import ctypes
import sys
from functools import partial

from streamlit.runtime import memory_session_storage
from streamlit.runtime.memory_session_storage import MemorySessionStorage

CLOSED_VISITS = 32  # each holds its last answer, some 2 MB, for a browser that comes back
_ARENAS = 2  # parts of the heap; by default, up to eight for each core, and none shrinks
_M_ARENA_MAX = -8  # of <malloc.h>


def bound_memory() -> None:
    """Bounds the visits that are kept after they were closed, and the parts of the heap.

    Called before Streamlit's runtime is made. Streamlit itself keeps up to 128 closed visits, each
    for two minutes.
    """
    memory_session_storage.MemorySessionStorage = partial(  # type: ignore[misc, assignment]
        MemorySessionStorage, CLOSED_VISITS
    )
    if sys.platform == "linux":
        mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # glibc has it
        if mallopt is not None:
            mallopt(_M_ARENA_MAX, _ARENAS)
