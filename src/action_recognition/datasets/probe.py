"""Every clip decoded once: its length, its fingerprint, or why it is refused.

What is known is not done again (`kept_probes`), neither by another process at the same time.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from action_recognition.datasets.fingerprints import Fingerprint, take_fingerprint
from action_recognition.datasets.kept_probes import (
    Found,
    Probe,
    cache_folder,
    key_of,
    load,
    lock_of,
    save,
)
from action_recognition.datasets.locking import only_one
from action_recognition.errors import VideoError
from action_recognition.video import Video

__all__ = ["Probe", "cache_folder", "probe", "read_fingerprints"]

Part = TypeVar("Part")


def probe(
    paths: Sequence[Path], *, on_progress: Callable[[int, int], None] | None = None
) -> list[Probe]:
    """Decodes each file in full, several at a time.

    A file that was decoded before and has not changed is not decoded again: results are kept in the
    cache folder.
    """
    return _look(paths, lambda path: _find(path)[0], on_progress)


def read_fingerprints(
    paths: Sequence[Path], *, on_progress: Callable[[int, int], None] | None = None
) -> list[Fingerprint | None]:
    """The fingerprint of each file; None for a file that is refused. It is decoded if need be."""
    return _look(paths, lambda path: _find(path)[1], on_progress)


def _look(
    paths: Sequence[Path],
    part: Callable[[Path], Part],
    on_progress: Callable[[int, int], None] | None,
) -> list[Part]:
    results: list[Part] = []
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for result in pool.map(part, paths):
            results.append(result)
            if on_progress is not None:
                on_progress(len(results), len(paths))
    return results


def _find(path: Path) -> Found:
    key = key_of(path)
    if key is None:
        return _decode(path)
    found = load(key)
    if found is not None:
        return found
    with only_one(lock_of(key)):
        found = load(key)
        if found is None:
            found = _decode(path)
            if key_of(path) == key:  # it was not changed in the meantime
                save(key, found)
    return found


def _decode(path: Path) -> Found:
    try:
        with Video(path) as video:
            fingerprint = take_fingerprint(video)
            return Probe(round(video.info.duration_s, 3), ""), fingerprint
    except VideoError as error:
        return Probe(0.0, error.reason), None
