"""The folder of a training run: what it holds, and how a resumed run goes on from it.

It may be moved, renamed or copied in between: nothing in it names its place.

- `settings.json`: what the run is, to be compared with the run that resumes it.
- `strength.json`: what the regression has chosen.
- `last.ckpt`, `best.ckpt`: the network after the last epoch, and after the best one.
- `tuned.json`: the record of a tuning that is finished.
- `figures/metrics.csv`: the figures of each epoch since the run was begun or last resumed.
- `refit/`: the same of the second training.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from action_recognition.errors import UsageError
from action_recognition.files import make_folder, write_whole

LAST, BEST = "last.ckpt", "best.ckpt"
STRENGTH, TUNED, REFIT = "strength.json", "tuned.json", "refit"
_SETTINGS = "settings.json"


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keeps other trainings out of a folder, until the process ends; it may be nested.

    Raises:
        UsageError: another training is at work there, or nothing can be written beside it.
    """
    place = folder.resolve()  # the same by way of a link
    lock = FileLock(place.with_name(f".{place.name}.lock"), timeout=0, is_singleton=True)
    try:
        make_folder(place.parent)
        lock.acquire()
    except Timeout:
        raise UsageError(f"{folder}: another training is at work in this folder") from None
    except OSError as error:
        raise UsageError(f"{folder}: cannot be written ({error.strerror})") from None
    try:
        yield
    finally:
        lock.release()


def begun(folder: Path) -> int | None:
    """Tells a run in the folder from one that begins there later; None: there is none."""
    try:
        return (folder / _SETTINGS).stat().st_mtime_ns
    except OSError:
        return None


def prepare_folder(
    folder: Path,
    record: Mapping[str, Any],
    *,
    resume: bool,
    on_note: Callable[[str], None] = lambda _: None,
) -> Path | None:
    """The checkpoint to continue from, or None; a fresh run clears the files of an old one.

    Parameters:
        record: what describes the run.
        on_note: called with a sentence about what has changed but does not prevent resuming.

    Raises:
        UsageError: there is nothing to resume, it is another run, or its files are damaged.
    """
    described = json.loads(json.dumps(dict(record)))
    if not resume:
        make_folder(folder)
        for name in (LAST, BEST, TUNED):
            for place in (folder, folder / REFIT):
                (place / name).unlink(missing_ok=True)
        write_json(folder / _SETTINGS, described)
        return None
    if not (folder / _SETTINGS).exists():
        raise UsageError(f"nothing to resume: {folder} holds no interrupted training")
    before = read_json(folder / _SETTINGS)
    now, then = _identity(described), _identity(before)
    changed = [key for key in now if now[key] != then.get(key)]
    if "init_weights" not in changed and "init" in changed:
        changed.remove("init")  # the same model in another place
    if changed:
        raise UsageError(
            f"cannot resume: {', '.join(changed)} differ from those of the interrupted run; "
            "use the same options and data, or start anew without --resume"
        )
    if described.get("versions") != before.get("versions"):
        on_note(
            "resumed with other versions of Python or its libraries than the run began with: the "
            "model can differ a little from that of an uninterrupted run"
        )
    return folder / LAST if (folder / LAST).exists() else None


def _identity(record: Mapping[str, Any]) -> dict[str, Any]:
    """What must be the same; not what is used only after tuning, or only for its speed."""
    kept = copy.deepcopy({k: v for k, v in record.items() if k not in ("date", "versions")})
    for name in ("workers", "film_epochs"):
        kept.get("settings", {}).pop(name, None)
    return kept


def write_json(path: Path, value: object) -> None:
    """Replaces a JSON file."""
    write_whole(path, json.dumps(value, indent=1).encode())


def read_json(path: Path) -> Any:
    """The content of a JSON file of the folder.

    Raises:
        UsageError: it is missing or damaged.
    """
    content = read_whole(path)
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        raise cannot_resume(path, "it is damaged") from None


def read_whole(path: Path) -> bytes:
    """The bytes of a file of the folder.

    Raises:
        UsageError: it cannot be read.
    """
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise cannot_resume(path, "it is missing") from None
    except OSError as error:
        raise cannot_resume(path, error.strerror or str(error)) from None


def cannot_resume(path: Path, reason: str) -> UsageError:
    """The error of a file of the folder that cannot be used."""
    return UsageError(f"cannot resume: {path}: {reason}; start anew without --resume")
