"""Where a video comes from: a path or a file object, checked before FFmpeg sees it."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from action_recognition.errors import VideoError
from action_recognition.video.containers import (
    container_kind,
    is_whole,
    missing_share,
)

Source = str | Path | BinaryIO

# Missing end of a file, as a share of it, that is still taken as rounding in its header.
TRUNCATED_SHARE = 0.05

_SUPPORTED = "MP4, MOV, AVI, MKV or WebM"


def name_of(source: Source) -> str:
    """The name used for a source in messages: its file name, without folders."""
    if isinstance(source, (str, Path)):
        return Path(source).name or str(source)
    return Path(str(getattr(source, "name", "video"))).name


def check_file(source: Source, name: str) -> None:
    """Checks what can be checked before a file is opened as a video.

    Raises:
        VideoError: the file is missing, not a regular file, not readable, empty, or truncated.
    """
    if not isinstance(source, (str, Path)):
        _check_bytes(source, name)
        return
    path = Path(source)
    try:
        if path.is_dir():
            raise VideoError(name, "it is a folder, not a video file")
        if not path.exists():
            raise VideoError(name, "there is no such file")
        if not path.is_file():
            raise VideoError(name, "it is not a regular file")
        with path.open("rb") as file:
            _check_bytes(file, name)
    except OSError as error:
        raise VideoError(name, f"it cannot be read ({error.strerror})") from None
    except ValueError:  # a NUL byte in the path
        raise VideoError(name, "there is no such file") from None


def _check_bytes(file: BinaryIO, name: str) -> None:
    if file.seek(0, io.SEEK_END) == 0:
        raise VideoError(name, "the file is empty")
    missing = missing_share(file)
    if missing > TRUNCATED_SHARE:
        raise VideoError(name, f"it is truncated: {missing:.0%} of the file is missing")


@contextmanager
def opened(source: Source) -> Iterator[BinaryIO]:
    """The bytes of a source from their beginning; a file object of the caller stays open."""
    if isinstance(source, (str, Path)):
        with Path(source).open("rb") as file:
            yield file
    else:
        source.seek(0)
        yield source


def header_is_wrong(source: Source) -> bool:
    """Whether a file is whole for certain, whatever length its header promises."""
    with opened(source) as file:
        return is_whole(file)


def why_not_opened(source: Source) -> str:
    """The likely reason why FFmpeg refused a file."""
    with opened(source) as file:
        kind = container_kind(file.read(16))
    if kind:
        return f"the {kind} file is truncated or damaged: its index cannot be read"
    return f"it is not a video file in a supported container ({_SUPPORTED})"
