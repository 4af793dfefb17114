"""File names as text, those of old systems, too, which are not UTF-8."""

from __future__ import annotations

import re

_NOT_UTF8 = re.compile("[\udc80-\udcff]")


def as_text(name: str) -> str:
    """A file name, or a field of a list, with each byte that is not UTF-8 read as Windows-1252.

    Python keeps such bytes of a file name as lone surrogates, which can be neither printed nor
    written to a model file.

    >>> as_text("caf\\udce9.mp4")
    'café.mp4'
    """
    return _NOT_UTF8.sub(_byte_as_text, name)


def _byte_as_text(match: re.Match[str]) -> str:
    byte = bytes([ord(match[0]) - 0xDC00])
    try:
        return byte.decode("cp1252")
    except UnicodeDecodeError:  # five bytes have no character there
        return byte.decode("latin-1")
