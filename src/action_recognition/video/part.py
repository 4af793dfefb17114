"""A video that lies within another file, as in a tar archive: a range of its bytes."""

from __future__ import annotations

import io
import os
import threading
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from action_recognition.errors import VideoError

_AT_ONCE = 64 * 2**20  # bytes of a part that is read in one piece and held in memory
_HELD = 16  # files that a thread keeps open: twice the lanes of `random_clips`
_AHEAD = 2**20  # bytes: Linux reads no more ahead for one call


@dataclass(frozen=True)
class FilePart:
    """A range of bytes that is a video by itself.

    Parameters:
        path: of the file around it.
        offset, size: in bytes.
        name: of the video, for messages.
    """

    path: Path
    offset: int
    size: int
    name: str

    def open(self) -> BinaryIO:
        """Its bytes as a file. The file around it stays open in this thread for the next part.

        Raises:
            VideoError: it cannot be read, or the file around it is shorter.
        """
        try:
            if self.size > _AT_ONCE:
                return open_range(self.path.open("rb"), self.offset, self.size, self.name)
            return open_range(_hold(self.path), self.offset, self.size, self.name)
        except OSError as error:
            raise VideoError(self.name, f"it cannot be read ({error.strerror})") from None


Place = Path | FilePart  # where a clip is


def to_source(place: Place) -> Path | BinaryIO:
    """What `Video` reads it from.

    Raises:
        VideoError: see `FilePart.open`.
    """
    return place.open() if isinstance(place, FilePart) else place


def open_range(file: BinaryIO, offset: int, size: int, name: str) -> BinaryIO:
    """A range of an open file as a file; one of up to 64 MB is read at once.

    Parameters:
        name: of the range, for messages.

    Raises:
        OSError: it cannot be read.
        VideoError: the file ends before the range does.
    """
    if size > _AT_ONCE:
        return io.BufferedReader(FileRange(file, offset, size), _AHEAD)
    file.seek(offset)
    content = file.read(size)
    if len(content) < size:
        raise VideoError(name, "the file that holds it ends before it does")
    return io.BytesIO(content)


class FileRange(io.RawIOBase):
    """A range of an open file, in bytes; each read of it is one of the file."""

    def __init__(self, file: BinaryIO, offset: int, size: int) -> None:
        self._file, self._offset, self._size, self._at = file, offset, size, 0

    def readable(self) -> bool:
        """Yes."""
        return True

    def seekable(self) -> bool:
        """Yes."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Moves to another place, which may lie behind the end."""
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = max(0, start + offset)
        return self._at

    def readinto(self, buffer: Any) -> int:
        """Fills a buffer as far as the range goes."""
        self._file.seek(self._offset + self._at)
        content = self._file.read(max(0, min(len(buffer), self._size - self._at)))
        buffer[: len(content)] = content
        self._at += len(content)
        return len(content)


class _Held(threading.local):
    """The open files of one thread of one process: a fork must not share their places."""

    def __init__(self) -> None:
        self.process, self.files = 0, dict[Path, BinaryIO]()


_held = _Held()


def _hold(path: Path) -> BinaryIO:
    if _held.process != os.getpid():
        _held.process, _held.files = os.getpid(), {}
    file = _held.files.pop(path, None)
    if file is None:
        file = path.open("rb")
        _read_ahead(file)
        if len(_held.files) >= _HELD:
            _held.files.pop(next(iter(_held.files))).close()
    _held.files[path] = file  # the last one used is the last one
    return file


def _read_ahead(file: BinaryIO) -> None:
    """Has the system read the file from its beginning to its end, while its parts are awaited."""
    if hasattr(os, "posix_fadvise"):
        with suppress(OSError):
            for start in range(0, os.fstat(file.fileno()).st_size, _AHEAD):
                os.posix_fadvise(file.fileno(), start, _AHEAD, os.POSIX_FADV_WILLNEED)
