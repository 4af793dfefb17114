"""UCF101 and HMDB51 into a folder: fetched, and of each archive only what is needed unpacked.

Below the root: `archives/` what was fetched, `splits/<data set>/` the official lists,
`videos/<data set>/<original class>/` the clips.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path, PurePosixPath

from action_recognition.datasets.download.archives import unpack
from action_recognition.datasets.download.fetch import fetch, locked
from action_recognition.datasets.download.sources import RemoteFile
from action_recognition.datasets.kept_probes import content_of
from action_recognition.errors import DataError
from action_recognition.files import read_json
from action_recognition.video import has_video_name

Progress = Callable[[int, int], None]


def acquire(
    files: Sequence[RemoteFile],
    root: str | Path,
    classes: Mapping[str, Sequence[str]],
    *,
    check_certificate: bool = True,
    attempts: int = 5,
    progress: Callable[[str], AbstractContextManager[Progress]],
) -> list[str]:
    """Fetches and unpacks; what is there already is left as it is.

    Parameters:
        classes: original class names wanted of each data set ("UCF101", "HMDB51").
        progress: makes the progress bar for a title; its function gets (bytes done, in all).

    Returns:
        a line for each file on what was done.

    Raises:
        DataError: a file cannot be fetched or unpacked, a class is not in its archive, or a
            folder cannot be written. What was done so far stays, and the next call goes on from
            there.
    """
    root = Path(root)
    report = []
    for file in files:
        wanted = sorted(set(classes[file.dataset])) if file.kind == "videos" else []
        if file.kind == "videos" and not wanted:
            report.append(f"{file.name}: not needed, no class of {file.dataset} is wanted")
            continue
        destination = root / file.kind / file.dataset.lower()
        record = _Record(destination)
        if record.covers(file, wanted):
            report.append(f"{file.name}: there already, {record.describe()}")
            continue
        with locked(root / file.kind, file.dataset.lower()):
            record = _Record(destination)  # another process may just have written it
            with progress(f"fetching {file.file_name}") as bar:
                archive = fetch(
                    file, root / "archives", check_certificate=check_certificate,
                    attempts=attempts, on_progress=bar,
                )  # fmt: skip
            try:
                with progress(f"unpacking {file.file_name}") as bar:
                    paths = unpack(
                        archive,
                        destination,
                        _place_videos(wanted) if file.kind == "videos" else _place_lists,
                        workspace=root / "archives" / "unpacking",
                        on_progress=bar,
                    )
                _check_content(file, archive, paths, wanted)
                record.write(paths, wanted)
            except OSError as error:
                raise DataError(f"{destination}: cannot be written ({error.strerror})") from None
        report.append(f"{file.name}: unpacked, {record.describe()}")
    return report


def _check_content(
    file: RemoteFile, archive: Path, paths: Sequence[Path], wanted: Sequence[str]
) -> None:
    missing = sorted(set(wanted) - {p.parent.name for p in paths})
    if missing:
        raise DataError(
            f"{archive.name}: no clip of class {missing[0]!r} in it: the class is called "
            f"otherwise in {file.dataset}, or this is another archive"
        )
    if not paths:
        raise DataError(f"{archive.name}: no split list in it, so it is not that of {file.dataset}")


def _place_videos(classes: Sequence[str]) -> Callable[[PurePosixPath], PurePosixPath | None]:
    """UCF101.rar holds `UCF-101/<class>/<clip>.avi`; hmdb51_org.rar `<class>.rar`, and in it
    `<class>/<clip>.avi`.
    """
    wanted = set(classes)

    def place(path: PurePosixPath) -> PurePosixPath | None:
        if path.name.startswith("."):
            return None
        if path.suffix.lower() == ".rar":
            return PurePosixPath(path.name) if path.stem in wanted else None
        known = has_video_name(path) and path.parent.name in wanted
        return PurePosixPath(path.parent.name, path.name) if known else None

    return place


def _place_lists(path: PurePosixPath) -> PurePosixPath | None:
    hidden = path.name.startswith(".")
    return PurePosixPath(path.name) if path.suffix == ".txt" and not hidden else None


class _Record:
    """What was unpacked into a folder, so that the next call need not look into the archive."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / ".unpacked.json"
        self.classes: list[str] = []
        self.files: dict[str, str] = {}  # name: `content_of`
        try:
            stored = read_json(self.path)
            if stored["seal"] == _seal(stored["classes"], stored["files"]):
                self.classes, self.files = stored["classes"], stored["files"]
        except (OSError, ValueError, TypeError, KeyError):
            pass

    def covers(self, file: RemoteFile, wanted: Sequence[str]) -> bool:
        """Whether all that is wanted was unpacked and still stands there as it was."""
        files = {n: s for n, s in self.files.items() if not wanted or _class_of(n) in wanted}
        if not files or not set(wanted) <= set(self.classes):
            return False
        try:
            return all(content_of(self.folder / n) == c for n, c in files.items())
        except OSError:
            return False

    def write(self, paths: Sequence[Path], classes: Sequence[str]) -> None:
        """Adds files; those of earlier calls stay listed while they exist."""
        earlier = {n: s for n, s in self.files.items() if (self.folder / n).is_file()}
        torn = {_class_of(n) for n in self.files if n not in earlier}
        self.files = earlier | {p.relative_to(self.folder).as_posix(): content_of(p) for p in paths}
        self.classes = sorted(({*self.classes} - torn) | {*classes})
        temporary = self.path.with_suffix(".part")
        seal = _seal(self.classes, self.files)
        stored = {"classes": self.classes, "files": self.files, "seal": seal}
        temporary.write_text(json.dumps(stored), encoding="utf-8")
        temporary.replace(self.path)

    def describe(self) -> str:
        """For example `536 files of 4 classes in data/videos/ucf101`."""
        of = f" of {len(self.classes)} classes" if self.classes else ""
        return f"{len(self.files)} files{of} in {self.folder}"


def _seal(classes: list[str], files: dict[str, str]) -> str:
    return hashlib.sha256(json.dumps([classes, files]).encode()).hexdigest()


def _class_of(file: str) -> str:
    return PurePosixPath(file).parts[0]
