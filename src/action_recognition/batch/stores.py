"""Folders of this machine and of object stores, through one interface: that of pyarrow."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from urllib.parse import urlsplit

from pyarrow import fs

from action_recognition.errors import UsageError


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
