"""Files that others name are read within bounds; files that are replaced are whole at any moment.

A pipe, a device or a huge file is no file to read.
"""

from __future__ import annotations

import errno
import json
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

_FLAGS = (
    os.O_RDONLY
    | getattr(os, "O_NONBLOCK", 0)  # a pipe that nobody writes to would wait without end
    | getattr(os, "O_NOCTTY", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
)


def open_regular(path: Path) -> BinaryIO:
    """Opens a file for reading.

    Raises:
        OSError: it cannot be opened, or is a folder, a pipe, a socket or a device.
    """
    _check(path.stat().st_mode)  # devices may act on being opened
    handle = os.open(path, _FLAGS)
    try:
        _check(os.fstat(handle).st_mode)  # it may have been replaced meanwhile
        return os.fdopen(handle, "rb")
    except BaseException:
        os.close(handle)
        raise


def read_regular(path: Path, most: int) -> bytes:
    """All bytes of a file.

    Parameters:
        most: bytes that it may have.

    Raises:
        OSError: as for `open_regular`, or the file is larger.
    """
    with open_regular(path) as file:
        return read_rest(file, most)


def read_json(path: Path, most: int = 64 * 2**20) -> Any:
    """The content of a JSON file.

    Parameters:
        most: bytes that it may have.

    Raises:
        OSError: as for `read_regular`.
        ValueError: it is not JSON in UTF-8, or nested more deeply than any that is meant.
    """
    try:
        return json.loads(read_regular(path, most).decode("utf-8-sig"))
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def read_rest(file: BinaryIO, most: int) -> bytes:
    """What follows in a file.

    Parameters:
        most: bytes that the whole file may have.

    Raises:
        OSError: it cannot be read, or has more.
    """
    size = os.fstat(file.fileno()).st_size
    content = file.read(most + 1) if size <= most else b""
    if size > most or len(content) > most:  # the latter: it grows
        raise OSError(errno.EFBIG, f"it is larger than {most / 2**20:.0f} MB")
    return content


def file_in_the_way(folder: Path) -> Path | None:
    """The file that stands where this folder, or one around it, is to be; None: there is none."""
    return next((f for f in (folder, *folder.parents) if f.exists() and not f.is_dir()), None)


def make_folder(folder: Path) -> None:
    """Makes a folder, and those around it, where there is none.

    Raises:
        OSError: it cannot be made; a file that stands in the way is named.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        file = file_in_the_way(folder)
        if file is None:
            raise
        reason = f"{file.name} is a file, not a folder"
        raise OSError(errno.ENOTDIR, reason, error.filename) from None


def write_whole(path: Path, content: bytes) -> None:
    """Replaces a file; its folder is made where there is none.

    Raises:
        OSError: it cannot be written; its attribute `filename` is that of the file.
    """
    with replacing(path) as temporary, temporary.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Gives the name of a file to write, which then takes the place of `path`.

    Its folder is made where there is none. Where what is inside fails, all that was made is
    removed, and `path` is left as it was.

    Raises:
        OSError: it cannot be written; its attribute `filename` is that of the file.
    """
    temporary = path.with_name(path.name + ".tmp")
    new_folders = [folder for folder in path.parents if not folder.exists()]
    try:
        make_folder(path.parent)
        yield temporary
        temporary.replace(path)
    except BaseException as error:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        with suppress(OSError):  # another program may have put something there
            for folder in new_folders:
                folder.rmdir()
        if isinstance(error, OSError):
            raise OSError(error.errno, error.strerror, str(path)) from None
        raise


def _check(mode: int) -> None:
    if stat.S_ISDIR(mode):
        raise OSError(errno.EISDIR, "it is a folder")
    if not stat.S_ISREG(mode):
        raise OSError(errno.EINVAL, "it is not a regular file")
