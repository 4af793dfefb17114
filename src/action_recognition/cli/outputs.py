"""Files that commands write: none that exists is replaced unasked, and each is named."""

from __future__ import annotations

import argparse
from pathlib import Path

from action_recognition.errors import UsageError, one_line


def add_overwrite_option(parser: argparse.ArgumentParser) -> None:
    """`--overwrite`; `check_free` reads it."""
    parser.add_argument("--overwrite", action="store_true", help="replace files that exist")


def check_free(path: Path, options: argparse.Namespace) -> Path:
    """The path, if it may be written.

    Raises:
        UsageError: there is such a file already, and `--overwrite` is not given; or it is the video
            itself.
    """
    if path.exists():
        if path.is_dir():
            raise UsageError(f"{path}: it is a folder")
        if path.samefile(options.file):
            raise UsageError(f"{path}: it is the video itself, which is never replaced")
        if not options.overwrite:
            raise UsageError(f"{path}: it exists already; --overwrite replaces it")
    return path


def say_written(path: Path, about: str = "") -> None:
    """Prints the name of a file that was written."""
    print(one_line(str(path)) + (f"  {about}" if about else ""), flush=True)
