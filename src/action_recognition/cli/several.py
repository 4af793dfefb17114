"""Commands that take one video or several: their argument, the loop over them, its exit code."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence

from action_recognition.errors import UsageError, VideoError


def add_files_argument(parser: argparse.ArgumentParser) -> None:
    """`FILE...`; `paths.video_files` finds the files."""
    parser.add_argument(
        "files",
        metavar="FILE",
        nargs="+",
        help="video files, folders, patterns such as 'clips/*.mp4'",
    )


def refuse_several(files: Sequence[str], option: str) -> None:
    """Raises UsageError where there are several videos, and an option gives something of one."""
    if len(files) > 1:
        raise UsageError(f"{option}: this is of one video, but {len(files)} are given")


def for_each(files: Sequence[str], work: Callable[[str], None]) -> int:
    """Does the work for one video after the other; one that fails does not stop the others.

    Returns:
        the exit code: 0, or 1 where some of several failed.

    Raises:
        VideoError, UsageError: the only one has failed.
    """
    if len(files) == 1:
        work(files[0])
        return 0
    failed = 0
    for file in files:
        try:
            work(file)
        except (VideoError, UsageError) as error:
            failed += 1
            print(f"action-recognition: {error}", file=sys.stderr)
    return 1 if failed else 0
