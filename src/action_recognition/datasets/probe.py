"""Every clip decoded once: its length, or why it is refused. What is known is not done again."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from action_recognition.cache import cache_folder, write_cached
from action_recognition.errors import VideoError
from action_recognition.video import Video

# Raised when `Video.check` begins to refuse other files than before: what is kept is then void.
_RULES = 1


@dataclass(frozen=True)
class Probe:
    """What decoding a file showed: its seconds, and why it is refused (empty: it is good)."""

    duration_s: float
    reason: str


def probe(
    paths: Sequence[Path], *, on_progress: Callable[[int, int], None] | None = None
) -> list[Probe]:
    """Decodes each file in full, several at a time.

    A file that was decoded before, with the same size and time of change, is not decoded again:
    results are kept in `probes.json` of the cache folder.
    """
    known = _load()
    keys = [_key(p) for p in paths]

    def of(path: Path, key: str | None) -> Probe:
        if key is not None and key in known:
            return known[key]
        try:
            with Video(path) as video:
                video.check()
                return Probe(round(video.info.duration_s, 3), "")
        except VideoError as error:
            return Probe(0.0, error.reason)

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


def _key(path: Path) -> str | None:
    """Tells a file and its state; None where it cannot be read, which is worth another try."""
    try:
        facts = path.stat()
    except OSError:
        return None
    return f"{path.resolve()}|{facts.st_size}|{facts.st_mtime_ns}"


def _load() -> dict[str, Probe]:
    try:
        stored = json.loads((cache_folder() / "probes.json").read_text(encoding="utf-8"))
        if stored["rules"] != _RULES:
            return {}
        return {k: Probe(float(v[0]), str(v[1])) for k, v in stored["files"].items()}
    except (OSError, ValueError, TypeError, KeyError, IndexError, AttributeError):
        return {}


def _save(probes: dict[str, Probe]) -> None:
    stored = {"rules": _RULES, "files": {k: [p.duration_s, p.reason] for k, p in probes.items()}}
    # ASCII: any name can be kept
    write_cached(cache_folder() / "probes.json", json.dumps(stored).encode())
