"""What decoding a video showed, in a file of its own that is checked before it is believed."""

from __future__ import annotations

import hashlib
import json
import os
import stat
import threading
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from action_recognition.datasets.fingerprints import Fingerprint

# Raised when `Video.check` begins to refuse other files than before, fingerprints are taken
# otherwise, or entries are written otherwise: what is kept is then void.
_RULES = 3
_ENDS = 1 << 16  # bytes of a video, at its beginning and at its end, that tell it


@dataclass(frozen=True)
class Probe:
    """What decoding a file showed: its seconds, and why it is refused (empty: it is good)."""

    duration_s: float
    reason: str


Found = tuple[Probe, Fingerprint | None]  # no fingerprint where it is refused


def cache_folder() -> Path:
    """Where results are kept: $ACTION_RECOGNITION_CACHE, else `action-recognition` in the folder
    of the system for it: $XDG_CACHE_HOME, on Windows %LOCALAPPDATA%, else ~/.cache.
    """
    set_by_user = os.environ.get("ACTION_RECOGNITION_CACHE")
    if set_by_user:
        return Path(set_by_user).expanduser()
    of_system = os.environ.get("LOCALAPPDATA" if os.name == "nt" else "XDG_CACHE_HOME", "")
    if not Path(of_system).is_absolute():  # XDG: others are to be ignored
        of_system = "~/.cache"
    return Path(of_system).expanduser() / "action-recognition"


def key_of(path: Path) -> str | None:
    """A digest that tells a file and its state: place, size, time of change, beginning and end.

    Returns:
        None where it cannot be read, which is worth another try.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            return None
        state = f"{path.resolve()}|{path.stat().st_mtime_ns}|{content_of(path)}"
    except OSError:
        return None
    return hashlib.sha256(state.encode(errors="surrogateescape")).hexdigest()


def content_of(path: Path) -> str:
    """The size of a file, and a digest of its beginning and end.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        size, ends = os.fstat(file.fileno()).st_size, file.read(_ENDS)
        file.seek(max(len(ends), size - _ENDS))
        ends += file.read(_ENDS)
    return f"{size}-{hashlib.sha256(ends).hexdigest()}"


def load(key: str) -> Found | None:
    """What is kept of a file; None: nothing, or it is damaged or of another file."""
    try:
        content = _entry(key).read_bytes()
        if content[:32] != hashlib.sha256(content[32:]).digest():
            return None
        head, _, rows = content[32:].partition(b"\n")
        of, duration_s, reason = json.loads(head)
    except (OSError, ValueError):
        return None
    if of != key:
        return None
    if reason:
        return Probe(duration_s, reason), None
    return Probe(duration_s, ""), np.frombuffer(rows, "<f2").astype(np.float16).reshape(-1, 64)


def save(key: str, found: Found) -> None:
    """Keeps it; a disk that cannot be written to is no error."""
    (probe, fingerprint), path = found, _entry(key)
    body = json.dumps([key, probe.duration_s, probe.reason]).encode() + b"\n"
    if fingerprint is not None:
        body += fingerprint.astype("<f2").tobytes()
    temporary = path.with_suffix(f".{os.getpid()}.{threading.get_ident()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_bytes(hashlib.sha256(body).digest() + body)
        temporary.replace(path)
    except OSError:  # the next call takes longer, that is all
        with suppress(OSError):
            temporary.unlink()


def lock_of(key: str) -> Path:
    """The lock to hold while a file is decoded; a few locks serve all files."""
    return _entry("locks") / f"{key[:2]}.lock"


def _entry(key: str) -> Path:
    return cache_folder() / f"probes-{_RULES}" / key
