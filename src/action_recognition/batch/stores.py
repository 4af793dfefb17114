"""Folders of this machine and of object stores, through one interface: that of pyarrow."""

from __future__ import annotations

import io
import os
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pyarrow import fs

from action_recognition.errors import UsageError

_BLOCK_BYTES = 4 * 2**20  # of a request
_BLOCKS_KEPT = 8  # of each file: a decoder reads back and forth, above all while it opens one


def is_url(name: str) -> bool:
    """Whether a name is the URL of an object store, as `s3://bucket/films` is."""
    return name.partition("://")[0].isalnum() and "://" in name


def split_url(url: str) -> tuple[str, str]:
    """`s3://bucket/films?region=x` -> `s3://bucket?region=x` and `bucket/films`.

    Raises:
        UsageError: it holds a password, which would be written into tables and logs.
    """
    head, _, query = url.partition("?")
    scheme, _, path = head.partition("://")
    if urlsplit(url).password is not None:
        raise UsageError("a URL must not hold credentials: give them in the environment")
    bucket = path.partition("/")[0]
    return f"{scheme}://{bucket}" + (f"?{query}" if query else ""), path.rstrip("/")


@lru_cache(maxsize=16)
def open_store(root: str) -> fs.FileSystem:
    """The file system of a store; "" is this machine's.

    Raises:
        UsageError: there is no such kind of store, or its address makes no sense.
    """
    if not root:
        return fs.LocalFileSystem()
    try:
        return fs.FileSystem.from_uri(root)[0]
    except (ValueError, OSError) as error:
        reason = str(error).splitlines()[0]
        raise UsageError(f"{root.partition('?')[0]}: it cannot be opened ({reason})") from None


def locate(name: str) -> tuple[str, str]:
    """(root, path) of a URL, or of a folder or file of this machine (root "")."""
    if is_url(name):
        return split_url(name)
    return "", str(Path(name).absolute())


class BlockFile(io.RawIOBase):
    """A file of an object store, read in blocks of 4 MiB, the last of which are kept.

    Each read of such a file is a request over the network, and a decoder makes many small ones.

    Parameters:
        file: seeks and reads; stays open.
    """

    def __init__(self, file: Any) -> None:
        self._file, self._place = file, 0
        self._size = file.seek(0, os.SEEK_END)
        self._block = lru_cache(_BLOCKS_KEPT)(self._read_block)

    def readable(self) -> bool:
        """True."""
        return True

    def seekable(self) -> bool:
        """True."""
        return True

    def tell(self) -> int:
        """The place of the next byte."""
        return self._place

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Goes to a place; reads nothing."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._place, os.SEEK_END: self._size}[whence]
        if base + offset < 0:
            raise ValueError(f"negative seek position {base + offset}")
        self._place = base + offset
        return self._place

    def readinto(self, buffer: Any) -> int:
        """Reads up to the end of a block."""
        number, begin = divmod(self._place, _BLOCK_BYTES)
        found = b"" if self._place >= self._size else self._block(number)
        part = found[begin : begin + len(buffer)]
        buffer[: len(part)] = part
        self._place += len(part)
        return len(part)

    def _read_block(self, number: int) -> bytes:
        self._file.seek(number * _BLOCK_BYTES)
        return bytes(self._file.read(_BLOCK_BYTES))
