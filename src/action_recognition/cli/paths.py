"""The videos that somebody names: files, folders, and patterns such as `clips/*.mp4`."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from action_recognition.errors import UsageError
from action_recognition.video import has_video_name


def video_files(names: Iterable[str]) -> list[str]:
    """The files that names stand for, in order.

    A folder stands for the videos in it and in the folders below it, known by their endings;
    hidden ones and links to folders are left out. A pattern is filled in where no file has its
    name: `*`, `?`, `[...]`, and `**` for folders at any depth. Any other name stands for itself.

    Raises:
        UsageError: a folder holds no videos, or nothing fits a pattern.
    """
    return [file for name in names for file in _files(name)]


def _files(name: str) -> list[str]:
    if os.path.isdir(name):  # noqa: PTH112  # False, and no error, for a name that cannot exist
        found = sorted(_videos_below(name))
        if not found:
            raise UsageError(f"{name}: there are no videos in this folder")
        return found
    if not glob.has_magic(name) or os.path.lexists(name):
        return [name]
    fitting = sorted(glob.glob(name, recursive=True))  # noqa: PTH207  # keeps names as given
    found = [
        file
        for path in fitting
        for file in (sorted(_videos_below(path)) if Path(path).is_dir() else [path])
    ]
    if not found:
        raise UsageError(f"{name}: no file has a name like this")
    return found


def _videos_below(folder: str) -> Iterator[str]:
    for here, folders, files in os.walk(folder):
        folders[:] = [f for f in folders if not f.startswith(".")]
        for file in files:
            if has_video_name(Path(file)) and not file.startswith("."):
                yield os.path.join(here, file)  # noqa: PTH118  # keeps `./` as given
