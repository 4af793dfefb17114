"""Every clip decoded once: its length, its fingerprint, or why it is refused.

What is known is not done again.
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from action_recognition.datasets.fingerprints import Fingerprint, take_fingerprint
from action_recognition.errors import VideoError
from action_recognition.regular_file import read_json
from action_recognition.video import Video

# Raised when `Video.check` begins to refuse other files than before, or fingerprints are taken
# otherwise: what is kept is then void.
_RULES = 2


@dataclass(frozen=True)
class Probe:
    """What decoding a file showed: its seconds, and why it is refused (empty: it is good)."""

    duration_s: float
    reason: str


def cache_folder() -> Path:
    """Where results are kept: $ACTION_RECOGNITION_CACHE, else ~/.cache/action-recognition."""
    set_by_user = os.environ.get("ACTION_RECOGNITION_CACHE")
    return Path(set_by_user or "~/.cache/action-recognition").expanduser()


def probe(
    paths: Sequence[Path], *, on_progress: Callable[[int, int], None] | None = None
) -> list[Probe]:
    """Decodes each file in full, several at a time.

    A file that was decoded before, with the same size and time of change, is not decoded again:
    results are kept in `probes.json` of the cache folder, fingerprints beside it.
    """
    known = _load()
    keys = [_key(p) for p in paths]

    def of(path: Path, key: str | None) -> Probe:
        if key is not None and key in known:
            found = known[key]
            if found.reason or _fingerprint_file(key).exists():
                return found
        return _decode(path, key)[0]

    results: list[Probe] = []
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for result in pool.map(of, paths, keys):
            results.append(result)
            if on_progress is not None:
                on_progress(len(results), len(paths))
    found = {k: r for k, r in zip(keys, results, strict=True) if k is not None}
    if not found.items() <= known.items():
        _save(_load() | found)
    return results


def read_fingerprints(
    paths: Sequence[Path], *, on_progress: Callable[[int, int], None] | None = None
) -> list[Fingerprint | None]:
    """The fingerprint of each file; None for a file that is refused. It is decoded if need be."""
    probes = probe(paths, on_progress=on_progress)

    def of(path: Path, found: Probe) -> Fingerprint | None:
        if found.reason:
            return None
        key = _key(path)
        kept = _load_fingerprint(key)
        return _decode(path, key)[1] if kept is None else kept

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(of, paths, probes))


def _decode(path: Path, key: str | None) -> tuple[Probe, Fingerprint | None]:
    try:
        with Video(path) as video:
            fingerprint = take_fingerprint(video)
            result = Probe(round(video.info.duration_s, 3), "")
    except VideoError as error:
        return Probe(0.0, error.reason), None
    if key is not None:
        _save_fingerprint(key, fingerprint)
    return result, fingerprint


def _key(path: Path) -> str | None:
    """Tells a file and its state; None where it cannot be read, which is worth another try."""
    try:
        facts = path.stat()
    except OSError:
        return None
    return f"{path.resolve()}|{facts.st_size}|{facts.st_mtime_ns}"


def _load() -> dict[str, Probe]:
    try:
        stored = read_json(cache_folder() / "probes.json")
        if stored["rules"] != _RULES:
            return {}
        return {k: Probe(float(v[0]), str(v[1])) for k, v in stored["files"].items()}
    except (
        OSError, ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError
    ):  # fmt: skip
        return {}


def _save(probes: dict[str, Probe]) -> None:
    path = cache_folder() / "probes.json"
    temporary = path.with_suffix(f".{os.getpid()}.tmp")
    stored = {"rules": _RULES, "files": {k: [p.duration_s, p.reason] for k, p in probes.items()}}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text(json.dumps(stored), encoding="utf-8")  # ASCII: any name can be kept
        temporary.replace(path)
    except OSError:
        pass  # without a cache the next call takes longer, that is all


def _fingerprint_file(key: str) -> Path:
    name = hashlib.sha256(key.encode(errors="surrogateescape")).hexdigest()[:32]
    return cache_folder() / f"fingerprints-{_RULES}" / f"{name}.npy"


def _load_fingerprint(key: str | None) -> Fingerprint | None:
    if key is None:
        return None
    try:
        kept: Fingerprint = np.load(_fingerprint_file(key), allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    return kept


def _save_fingerprint(key: str, fingerprint: Fingerprint) -> None:
    path = _fingerprint_file(key)
    # The same file can be there twice, by a link, and be decoded in two threads.
    temporary = path.with_suffix(f".{os.getpid()}.{threading.get_ident()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as file:
            np.save(file, fingerprint, allow_pickle=False)
        temporary.replace(path)
    except OSError:
        pass
