"""Files that make the next call quicker, and that can be deleted at any time."""

from __future__ import annotations

import os
import threading
from contextlib import suppress
from pathlib import Path


def cache_folder() -> Path:
    """Where they are kept: $ACTION_RECOGNITION_CACHE, else ~/.cache/action-recognition."""
    set_by_user = os.environ.get("ACTION_RECOGNITION_CACHE")
    return Path(set_by_user or "~/.cache/action-recognition").expanduser()


def write_cached(path: Path, content: bytes) -> None:
    """Writes a file of the cache, whole or not at all; where that fails, there is none."""
    # Threads can be at the same file, too: by a link, it can have two names.
    temporary = path.with_suffix(f".{os.getpid()}.{threading.get_ident()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_bytes(content)
        temporary.replace(path)
    except OSError:  # without a cache the next call takes longer, that is all
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
