"""The folder on the server that the operator allowed: nothing outside of it is reached."""

from __future__ import annotations

import os
from pathlib import Path

from action_recognition.errors import UsageError
from action_recognition.video import has_video_name

MAX_VIDEOS = 500
_MAX_FOLDERS = 200  # offered for choice; others can be typed


def folder_below(root: Path, name: str) -> Path:
    """The folder `name` in the allowed one, links followed; "" is the allowed folder itself.

    Raises:
        UsageError: there is no such folder, or it lies outside. It does not tell which: what
            there is elsewhere on the server is nobody's business.
    """
    try:
        allowed = root.resolve(strict=True)
        folder = (allowed / name).resolve(strict=True)
        inside = folder.is_relative_to(allowed) and folder.is_dir()
    except (OSError, ValueError, RuntimeError):  # missing; a NUL in the name; links in a circle
        inside = False
    if not inside:
        raise UsageError(f"{name or root.name}: there is no such folder below the allowed one")
    return folder


def folders_below(root: Path) -> list[str]:
    """Names of the folders in the allowed one, relative to it, those in the first two levels."""
    found = []
    for folder, names, _ in os.walk(root):  # does not follow links to folders
        names[:] = [n for n in names if n[0] != "." and not Path(folder, n).is_symlink()]
        here = Path(folder).relative_to(root)
        found += [str(here / name) for name in names]
        if len(here.parts) >= 1:
            names.clear()
    return sorted(found)[:_MAX_FOLDERS]


def videos_below(folder: Path) -> list[Path]:
    """Video files in a folder and the folders in it, by their endings, at most `MAX_VIDEOS`.

    Pipes, sockets and devices are left out. Links to folders are not followed; `video.inside` says
    where a link to a file leads.
    """
    found: list[Path] = []
    for here, names, files in os.walk(folder):
        names[:] = sorted(n for n in names if not n.startswith("."))
        paths = (Path(here, name) for name in sorted(files) if has_video_name(Path(name)))
        found += [path for path in paths if path.is_file() or path.is_symlink()]
        if len(found) >= MAX_VIDEOS:
            break
    return found[:MAX_VIDEOS]
