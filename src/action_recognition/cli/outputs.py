"""Files that commands write: none that exists is replaced unasked, and each is named."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from pathlib import Path, PurePath

from action_recognition.errors import UsageError, one_line
from action_recognition.files import file_in_the_way


def add_overwrite_option(parser: argparse.ArgumentParser) -> None:
    """`--overwrite`; `check_free` reads it."""
    parser.add_argument("--overwrite", action="store_true", help="replace files that exist")


def check_free(path: Path, videos: Iterable[str], *, overwrite: bool) -> Path:
    """The path, if it may be written.

    Parameters:
        videos: what the command reads.
        overwrite: a file of this name may be replaced.

    Raises:
        UsageError: there is such a file already, it is one of the videos, or a file stands where
            its folder is to be.
    """
    file = file_in_the_way(path.parent)
    if file is not None:
        raise UsageError(f"{path}: {file.name} is a file, not a folder")
    if path.exists():
        if path.is_dir():
            raise UsageError(f"{path}: it is a folder")
        if any(path.samefile(video) for video in videos if Path(video).exists()):
            raise UsageError(f"{path}: it is the video itself, which is never replaced")
        if not overwrite:
            raise UsageError(f"{path}: it exists already; --overwrite replaces it")
    return path


def another_name(name: str, taken: set[str]) -> str:
    """The name of a file, with a number where one of these names is the same; it is added to them.

    Upper and lower case count as the same, as they do on some systems.

    >>> taken = set()
    >>> [another_name(name, taken) for name in ("a.mp4", "A.mp4", "a.mp4", "b.mp4")]
    ['a.mp4', 'A-2.mp4', 'a-3.mp4', 'b.mp4']
    """
    path, number, free = PurePath(name), 1, name
    while free.casefold() in taken:
        number += 1
        free = f"{path.stem}-{number}{path.suffix}"
    taken.add(free.casefold())
    return free


def say_written(path: Path, about: str = "") -> None:
    """Prints the name of a file that was written."""
    print(one_line(str(path)) + (f"  {about}" if about else ""), flush=True)
