"""Videos in ZIP, TAR and RAR archives, read one at a time and never unpacked beside them."""

from __future__ import annotations

import errno
import lzma
import shutil
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import IO, BinaryIO

from action_recognition.datasets.shards.members import is_compressed, members_of
from action_recognition.errors import DataError, VideoError
from action_recognition.video import has_video_name
from action_recognition.video.part import open_range

MAX_MEMBER_BYTES = 8 * 2**30  # of one video, which is held in the system's temporary folder
_MAX_MEMBERS = 200_000  # entries of any kind
_CHUNK = 1 << 20
_ENDINGS = (
    ".zip", ".rar", ".tar", ".tgz", ".tbz2", ".txz", ".tar.gz", ".tar.bz2", ".tar.xz"
)  # fmt: skip


def has_archive_name(path: Path) -> bool:
    """Whether a file is an archive by its name."""
    return path.name.lower().endswith(_ENDINGS) and not path.name.startswith(".")


@dataclass(frozen=True)
class Member:
    """A video in an archive.

    Parameters:
        name: what the archive calls it; it may hold anything.
        size: of its content, in bytes.
        state: changes when its content does, as far as the archive tells.
        offset: of its content in the archive, in bytes, where that is stored as it is.
    """

    name: str
    size: int
    state: str
    _open: Callable[[], IO[bytes]] = field(repr=False, compare=False)
    offset: int | None = None


class VideoArchive:
    """An open archive; use it in a `with` statement.

    Attributes:
        members: its videos by their names, in its order.

    Raises:
        VideoError: it cannot be read, is damaged, encrypted or not an archive.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._open = ExitStack()
        try:
            with self._explained():
                entries = islice(self._entries(), _MAX_MEMBERS)
                self.members = tuple(m for m in entries if has_video_name(PurePosixPath(m.name)))
        except BaseException:
            self._open.close()
            raise

    def __enter__(self) -> VideoArchive:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes its file."""
        self._open.close()

    @contextmanager
    def read(self, member: Member) -> Iterator[BinaryIO]:
        """The content of a video as a file that can be sought in; it is gone afterwards.

        Raises:
            VideoError: it is too large or damaged, or the disk is full.
        """
        if member.size > MAX_MEMBER_BYTES:
            most = f"{MAX_MEMBER_BYTES / 2**30:.0f} GB"
            raise VideoError(_name(self.path, member), f"it has more than {most}: unpack it first")
        with ExitStack() as held:
            with self._explained(member):
                content = held.enter_context(tempfile.TemporaryFile())
                with member._open() as source:
                    shutil.copyfileobj(source, content, _CHUNK)
                content.seek(0)
            yield content

    def _entries(self) -> Iterator[Member]:
        with self.path.open("rb") as file:
            start = file.read(8)
        if start.startswith(b"PK"):
            yield from self._of_zip(self._open.enter_context(zipfile.ZipFile(self.path)))
        elif start.startswith(b"Rar!"):
            yield from self._of_rar()
        else:
            yield from self._of_tar(self._open.enter_context(self.path.open("rb")))

    @staticmethod
    def _of_zip(archive: zipfile.ZipFile) -> Iterator[Member]:
        for entry in archive.infolist():
            if not entry.is_dir():
                state = f"{entry.file_size}-{entry.CRC:08x}"
                yield Member(entry.filename, entry.file_size, state, partial(archive.open, entry))

    def _of_tar(self, file: BinaryIO) -> Iterator[Member]:
        if not is_compressed(file):
            for found in members_of(file, self.path.name):
                content = partial(open_range, file, found.offset, found.size, found.name)
                yield Member(found.name, found.size, found.state, content, found.offset)
            return
        archive = self._open.enter_context(tarfile.TarFile.open(fileobj=file))
        for entry in archive:
            if entry.isreg():
                state = f"{entry.size}-{entry.mtime}-{entry.chksum}"
                yield Member(entry.name, entry.size, state, partial(_content, archive, entry))

    def _of_rar(self) -> Iterator[Member]:
        try:
            from action_recognition.datasets.download.archives import Archive
        except ModuleNotFoundError as error:
            reason = f"RAR archives need the extra 'train' ({error.name} is not installed)"
            raise VideoError(self.path.name, reason) from None
        archive = self._open.enter_context(Archive(self.path))
        for entry in archive.members:
            state = f"{entry.size}-{entry.crc}"
            yield Member(str(entry.path), entry.size, state, partial(_extracted, archive, entry))

    @contextmanager
    def _explained(self, member: Member | None = None) -> Iterator[None]:
        """Turns what can happen into one sentence."""
        name = _name(self.path, member)
        try:
            yield
        except DataError as error:
            raise VideoError(name, str(error).removeprefix(f"{self.path.name}: ")) from None
        except (zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, EOFError,
                NotImplementedError, RuntimeError, ValueError) as error:  # fmt: skip
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
            kind = "it is encrypted" if "encrypted" in reason else f"it is damaged ({reason})"
            raise VideoError(name, kind) from None
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise VideoError(name, "the temporary folder has no room for it") from None
            raise VideoError(name, f"it cannot be read ({error.strerror or error})") from None


def _content(archive: tarfile.TarFile, entry: tarfile.TarInfo) -> IO[bytes]:
    content = archive.extractfile(entry)
    if content is None:  # no regular file: those are not listed
        raise EOFError("it has no content")
    return content


def _extracted(archive: object, entry: object) -> IO[bytes]:
    """A member of a RAR archive, which its tool writes to a file."""
    folder = tempfile.TemporaryDirectory()
    try:
        target = Path(folder.name, "video")
        archive.extract(entry, target)  # type: ignore[attr-defined]
        content = tempfile.TemporaryFile()  # noqa: SIM115
        with target.open("rb") as file:
            shutil.copyfileobj(file, content, _CHUNK)
        content.seek(0)
    finally:
        folder.cleanup()
    return content


def _name(path: Path, member: Member | None) -> str:
    return path.name if member is None else f"{path.name}/{member.name}"
