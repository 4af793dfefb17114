"""One walk through a data folder: each entry is a video, a possible list, or left out by name."""

from __future__ import annotations

import errno
import os
import stat
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from action_recognition.datasets.left_out import Kind, LeftOut
from action_recognition.errors import DataError
from action_recognition.video import has_video_name

_LISTS = {".csv", ".tsv", ".txt", ".json"}
_PICTURES = {".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp", ".ppm", ".heic"}
_OTHER_VIDEOS = {
    ".264", ".265", ".3g2", ".amv", ".apng", ".asf", ".divx", ".dv", ".f4v", ".flv", ".gif",
    ".h264", ".h265", ".hevc", ".m1v", ".m2ts", ".m2v", ".mjpeg", ".mjpg", ".mpe", ".mpeg",
    ".mpg", ".mts", ".mxf", ".ogg", ".ogv", ".qt", ".rm", ".rmvb", ".ts", ".vob", ".wmv", ".wtv",
    ".y4m", ".yuv",
}  # fmt: skip
_ARCHIVES = {".zip", ".rar", ".7z", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".zst"}
_WORKBOOKS = {".xls", ".xlsx", ".ods", ".numbers"}
# What systems put into folders by themselves: nobody misses it.
_OF_THE_SYSTEM = {
    "thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r", "__macosx", "@eadir", "$recycle.bin",
    "system volume information", "lost+found",
}  # fmt: skip

_TAKEN_ALREADY = "already taken under another name"
_NO_FILE = "neither file nor folder"


@dataclass(frozen=True)
class Found:
    """What a walk found. Paths go through links as they are named, and are sorted.

    Parameters:
        videos: files that are videos by their names.
        lists: text files, which may be annotation lists.
        left_out: all other entries, but for hidden ones and those of the system.
        folders: all folders that were walked through, the first one among them.
    """

    videos: tuple[Path, ...]
    lists: tuple[Path, ...]
    left_out: tuple[LeftOut, ...]
    folders: tuple[Path, ...]


def walk(root: Path, seen: set[str] | None = None) -> Found:
    """Walks through a folder and all folders in it.

    Links to folders and to files are followed. No file and no folder is taken twice, whatever
    names it has; the real one goes before links to it.

    Parameters:
        seen: the real paths that were met before, in other folders; those of this one are added.

    Raises:
        DataError: there is no such folder.
    """
    if root.is_file():
        raise DataError(f"{root}: this is a file, not a folder of clips")
    if not root.is_dir():
        raise DataError(f"{root}: there is no such folder of clips")
    steps = _Walk(set() if seen is None else seen)
    steps.go(root)
    return Found(
        tuple(sorted(steps.videos)),
        tuple(sorted(steps.lists)),
        tuple(sorted(steps.left_out, key=lambda entry: entry.path)),
        tuple(sorted(steps.folders)),
    )


def videos_in(folder: Path) -> list[Path]:
    """Video files in a folder and the folders in it, by their names, sorted; no hidden ones."""
    return list(walk(folder).videos)


def without_videos(found: Found, files: Iterable[Path]) -> list[LeftOut]:
    """Folders that give nothing, though the folder around them does: classes without a video.

    Parameters:
        files: those that are of use, videos and annotation lists.
    """
    useful = {folder for path in files for folder in path.parents}
    told = {entry.path for entry in found.left_out}
    return [
        LeftOut(folder, "no video that can be read", "folder", files=0)
        for folder in found.folders
        if folder not in useful and folder not in told and folder.parent in useful
    ]


def why_not_read(name: str) -> str:
    """Why a file of this name is not read as a video."""
    ending = Path(name).suffix.lower()
    if ending in _OTHER_VIDEOS:
        return f"the format {ending} is not read"
    if ending in _PICTURES:
        return "single pictures, not a video"
    if ending in _ARCHIVES:
        return "archive; unpack it first"
    if ending in _WORKBOOKS:
        return "workbook; as CSV it could be read"
    return "not a video"


class _Walk:
    def __init__(self, seen: set[str]) -> None:
        self.videos: list[Path] = []
        self.lists: list[Path] = []
        self.left_out: list[LeftOut] = []
        self.folders: list[Path] = []
        self._seen = seen

    def go(self, root: Path) -> None:
        folders, links = deque([root]), list[Path]()
        while folders:
            while folders:
                more, new = self._read(folders.popleft())
                folders += more
                links += new
            # Links last, so that what is real goes before what leads to it.
            folders += [link for link in sorted(links) if self._leads_on(link)]
            links.clear()

    def _read(self, folder: Path) -> tuple[list[Path], list[Path]]:
        """Takes the files of a folder; returns the folders and the links in it."""
        real = os.path.realpath(folder)
        if real in self._seen:
            kind: Kind = "link" if folder.is_symlink() else "folder"
            self.left_out.append(LeftOut(folder, _TAKEN_ALREADY, kind))
            return [], []
        self._seen.add(real)
        try:
            with os.scandir(folder) as listing:
                entries = [(folder / e.name, e) for e in listing if _is_wanted(e.name)]
        except OSError as error:
            reason = f"cannot be opened ({error.strerror})"
            self.left_out.append(LeftOut(folder, reason, "folder"))
            return [], []
        self.folders.append(folder)
        links = [path for path, e in entries if e.is_symlink()]
        folders = [path for path, e in entries if e.is_dir(follow_symlinks=False)]
        files = [path for path, e in entries if e.is_file(follow_symlinks=False)]
        other = {path for path, _ in entries} - {*links, *folders, *files}
        self.left_out += [LeftOut(path, _NO_FILE) for path in other]
        for path in self._without_frames(folder, files):
            self._take(path, f"{real}{os.sep}{path.name}", "file")
        return sorted(folders), links

    def _without_frames(self, folder: Path, files: list[Path]) -> list[Path]:
        """The files, without those of a video that is kept as pictures: one entry for all."""
        pictures = {p for p in files if p.suffix.lower() in _PICTURES}
        if len(pictures) < 2 or any(has_video_name(p) for p in files):
            return files
        reason = why_not_read(min(pictures).name)
        self.left_out.append(LeftOut(folder, reason, "folder", len(pictures)))
        return [p for p in files if p not in pictures]

    def _leads_on(self, link: Path) -> bool:
        """Whether a link leads to a folder that is to be walked through; takes what is a file."""
        real = os.path.realpath(link)
        reason = ""
        try:
            mode = link.stat().st_mode
        except OSError as error:
            mode, reason = 0, _why_broken(error)
        if stat.S_ISREG(mode):
            self._take(link, real, "link")
            return False
        if stat.S_ISDIR(mode) and Path(os.path.realpath(link.parent)).is_relative_to(real):
            reason = "leads back to a folder around it"
        elif stat.S_ISDIR(mode) and real in self._seen:
            reason = _TAKEN_ALREADY
        elif mode and not stat.S_ISDIR(mode):
            reason = _NO_FILE
        if reason:
            self.left_out.append(LeftOut(link, reason, "link"))
        return not reason

    def _take(self, path: Path, real: str, kind: Kind) -> None:
        if real in self._seen:
            self.left_out.append(LeftOut(path, _TAKEN_ALREADY, kind))
        elif has_video_name(path):
            self.videos.append(path)
        elif path.suffix.lower() in _LISTS:
            self.lists.append(path)
        else:
            self.left_out.append(LeftOut(path, why_not_read(path.name), kind))
        self._seen.add(real)


def _is_wanted(name: str) -> bool:
    return not name.startswith(".") and name.casefold() not in _OF_THE_SYSTEM


def _why_broken(error: OSError) -> str:
    if error.errno == errno.ELOOP:
        return "leads in a circle"
    if error.errno in (errno.ENOENT, errno.ENOTDIR):
        return "its target is gone"
    return f"cannot be opened ({error.strerror})"
