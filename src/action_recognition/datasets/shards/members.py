"""What lies in an uncompressed tar file and where, told by its headers alone."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from action_recognition.datasets.file_names import as_text
from action_recognition.errors import DataError

_MOST = 1_000_000  # entries of any kind


class Member(NamedTuple):
    """A regular file in a tar file: its name, and its bytes by place and number.

    Parameters:
        state: changes when its content does, as far as the header tells.
    """

    name: str
    offset: int
    size: int
    state: str


def members_of(file: BinaryIO, name: str) -> Iterator[Member]:
    """Yields the regular files of an uncompressed tar file, in its order.

    Parameters:
        name: of the tar file, for messages.

    Raises:
        DataError: it is compressed, truncated, damaged, or no tar file.
    """
    if is_compressed(file):
        raise DataError(f"{name}: it is a compressed archive: unpack it first")
    try:
        end = file.seek(0, io.SEEK_END)
        file.seek(0)
        with tarfile.TarFile.open(fileobj=file, mode="r:") as archive:
            for number in range(_MOST + 1):
                entry = archive.next()
                if entry is None:
                    _check_end(file, archive.offset, name)
                    return
                if entry.size < 0 or entry.offset_data + entry.size > end:
                    raise DataError(f"{name}: it is truncated or damaged")
                archive.members = []  # type: ignore[attr-defined]  # else it keeps them all
                if entry.isreg() and not entry.issparse() and number < _MOST:
                    state = f"{entry.size}-{entry.mtime}-{entry.chksum}"
                    yield Member(as_text(entry.name), entry.offset_data, entry.size, state)
    except (tarfile.TarError, EOFError, ValueError, OverflowError) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise DataError(f"{name}: it is damaged ({reason})") from None
    except OSError as error:
        raise DataError(f"{name}: it cannot be read ({error.strerror or error})") from None
    raise DataError(f"{name}: it has more than {_MOST} entries")


def _check_end(file: BinaryIO, offset: int, name: str) -> None:
    """Python takes the first header that makes no sense for the end: that must be zeros."""
    file.seek(offset)
    block = file.read(tarfile.BLOCKSIZE)
    if len(block) < tarfile.BLOCKSIZE or any(block):
        raise DataError(f"{name}: it is truncated or damaged")


def is_compressed(file: BinaryIO) -> bool:
    """Whether a file is compressed with gzip, bzip2, xz or zstd.

    Leaves it at its beginning.

    Raises:
        OSError: it cannot be read.
    """
    file.seek(0)
    head = file.read(6)
    file.seek(0)
    return head.startswith((b"\x1f\x8b", b"BZh", b"\xfd7zXZ\x00", b"\x28\xb5\x2f\xfd"))


def key_of(name: str) -> tuple[str, str]:
    """WebDataset's key of a member, and the rest of its name in small letters.

    >>> key_of("some/000007-jump.seg.MP4")
    ('some/000007-jump', 'seg.mp4')
    """
    folder, slash, file = name.rpartition("/")
    key, _, ending = file.partition(".")
    return folder + slash + key, ending.lower()
