"""Which videos are to be searched: files, folders, patterns and archives, in one list."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePath

from action_recognition.errors import VideoError
from action_recognition.search.archives import Member, VideoArchive, has_archive_name
from action_recognition.video import has_video_name


@dataclass(frozen=True)
class Place:
    """Where a video is.

    Parameters:
        path: the file, or the archive that holds it.
        below: the path below what was named: of a named file, its name.
        size: in bytes.
        member: of an archive; None: the file itself.
    """

    path: Path
    below: PurePath
    size: int
    member: Member | None = field(default=None, compare=False)

    @property
    def shown(self) -> str:
        """The path as it is printed; of a member, that of the archive with its own behind it."""
        return str(self.path) if self.member is None else f"{self.path}/{self.member.name}"

    @property
    def name(self) -> str:
        """The name in messages."""
        if self.member is None:
            return self.path.name or str(self.path)
        return f"{self.path.name}/{self.member.name}"

    @property
    def key(self) -> bytes:
        """What the index calls it."""
        path = os.fsencode(os.path.realpath(self.path))
        if self.member is None:
            return path
        return path + b"\0" + self.member.name.encode(errors="surrogatepass")


def find_places(
    paths: Sequence[str | Path], *, recursive: bool = True
) -> tuple[list[Place], list[VideoError]]:
    """The videos that are named, each once, and what cannot be searched.

    In folders, and among what a pattern such as `"films/**/*.mp4"` matches, files that are neither
    videos nor archives by their names are passed over, hidden ones too. A file that is named is
    taken whatever its name.

    Parameters:
        recursive: whether to look into the folders of a folder.
    """
    places: dict[tuple[str, str], Place] = {}
    errors: list[VideoError] = []
    for named in map(str, paths):
        found = _named(named, recursive=recursive)
        if not found:
            errors.append(VideoError(named, _why_nothing(named)))
        for path, below in found:
            try:
                for place in _places(path, below):
                    member = "" if place.member is None else place.member.name
                    places.setdefault((os.path.realpath(path), member), place)
            except VideoError as error:
                errors.append(error)
    return list(places.values()), errors


def _named(named: str, *, recursive: bool) -> list[tuple[Path, PurePath]]:
    """The files behind one word of the command line, with their paths below it."""
    path = Path(named)
    if _exists(path):
        return list(_below(path, recursive=recursive)) if path.is_dir() else [(path, _tail(path))]
    if not glob.has_magic(named):
        return []
    found: list[tuple[Path, PurePath]] = []
    for match in sorted(glob.glob(named, recursive=True)):  # noqa: PTH207
        path = Path(match)
        if path.is_dir():
            found += _below(path, recursive=recursive) if not named.endswith("**") else []
        elif _wanted(path):
            found.append((path, _tail(path)))
    return found


def _below(folder: Path, *, recursive: bool) -> Iterator[tuple[Path, PurePath]]:
    for here, folders, files in os.walk(folder):  # does not follow links to folders
        folders[:] = sorted(f for f in folders if not f.startswith(".")) if recursive else []
        for path in (Path(here, name) for name in sorted(files)):
            if _wanted(path):
                yield path, path.relative_to(folder)


def _places(path: Path, below: PurePath) -> Iterator[Place]:
    if not has_archive_name(path):
        yield Place(path, below, _size(path))
        return
    with VideoArchive(path) as archive:
        for member in archive.members:
            parts = [p for p in PurePath(member.name).parts if p not in ("..", "/", "\\")]
            yield Place(path, below.joinpath(*parts), member.size, member)


def _wanted(path: Path) -> bool:
    return has_video_name(path) or has_archive_name(path)


def _why_nothing(named: str) -> str:
    if _exists(Path(named)):
        return "there is no video in it"
    return "nothing matches it" if glob.has_magic(named) else "there is no such file"


def _tail(path: Path) -> PurePath:
    return PurePath(path.name or "video")


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):  # too long; a NUL in it
        return False


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
