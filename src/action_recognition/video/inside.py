"""Files in one folder only: what others name must not lead out of it."""

from __future__ import annotations

from pathlib import Path

from action_recognition.errors import VideoError


def check_inside(path: Path, root: Path) -> Path:
    """The file behind a path, links followed.

    Raises:
        VideoError: it is gone, lies outside of `root`, or is no regular file.
    """
    try:
        real = path.resolve(strict=True)
        inside = real.is_relative_to(root.resolve(strict=True))
    except (OSError, ValueError, RuntimeError):
        raise VideoError(path.name, "there is no such file") from None
    if not inside:
        raise VideoError(path.name, "it leads out of the allowed folder")
    if not real.is_file():  # opening a pipe would wait for ever
        raise VideoError(path.name, "it is not a regular file")
    return real
