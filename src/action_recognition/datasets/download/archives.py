"""Archives of clips, unpacked: ZIP, RAR4, RAR5, and RAR within RAR.

RAR files are listed by the library `rarfile`, which calls a tool of the system to decompress.
Where a file is written is decided here and never by the archive: an archive with an entry that
points outside is refused before anything is written. Each file is written under another name
and renamed when it is whole, so an interrupted unpacking goes on where it stopped.
"""

from __future__ import annotations

import errno
import lzma
import shutil
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath

import rarfile

from action_recognition.datasets.download.fetch import require_space
from action_recognition.datasets.download.member import Member
from action_recognition.errors import DataError

Progress = Callable[[int, int], None]

NO_RAR_TOOL = (
    "no tool that reads RAR archives is installed; install unar (Debian, Ubuntu: apt install "
    "unar; Fedora: dnf install unar; macOS: brew install unar) or, on Windows, 7-Zip (winget "
    "install 7zip.7zip) with its folder on the PATH, then call again"
)

_RAR_TOOLS = ("unrar", "unar", "sevenzip", "sevenzip2", "bsdtar")
_CHUNK = 1 << 20


class Archive:
    """A ZIP or RAR archive, told apart by its first bytes; use it in a `with` statement.

    Attributes:
        members: its files, in the order of the archive.

    Raises:
        DataError: it is missing, damaged, encrypted, of another kind, or an entry of it points
            outside of the folder it is unpacked to (absolute, `..`, or a link).
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._file: rarfile.RarFile | zipfile.ZipFile
        with self._explained():
            with self.path.open("rb") as file:
                start = file.read(8)
            if start.startswith(b"Rar!\x1a\x07"):
                self._file = rarfile.RarFile(self.path, errors="strict", info_callback=_check_whole)
            elif start.startswith(b"PK"):
                self._file = zipfile.ZipFile(self.path)
            else:
                raise DataError(f"{self.path.name}: neither a RAR nor a ZIP archive")
        try:
            self.members = tuple(self._members())
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Archive:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def extract(self, member: Member, target: Path) -> bool:
        """Writes one file, whole or not at all; False when it was there already.

        Raises:
            DataError: the archive is damaged, no tool can read it, or the disk is full.
        """
        if member.is_at(target):
            return False
        part = target.with_name(target.name + ".part")
        with self._explained(member):
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                self._write(member, part)
                part.replace(target)
            except BaseException:
                part.unlink(missing_ok=True)
                raise
        return True

    def _write(self, member: Member, part: Path) -> None:
        try:
            self._copy(member, part)
        except rarfile.RarCannotExec:
            raise
        except (rarfile.BadRarFile, rarfile.RarExecError):
            # Each tool fails on some archive that another one reads.
            for tool in _installed():
                _use(tool)
                with suppress(rarfile.BadRarFile, rarfile.RarExecError):
                    self._copy(member, part)
                    return
            raise

    def _copy(self, member: Member, part: Path) -> None:
        with member._open() as source, part.open("wb") as sink:
            shutil.copyfileobj(source, sink, _CHUNK)
        if part.stat().st_size != member.size:
            raise rarfile.BadRarFile("it ends early")

    def _members(self) -> Iterator[Member]:
        with self._explained():
            entries = list(self._file.infolist())
            if isinstance(self._file, rarfile.RarFile) and self._file.needs_password():
                raise DataError(f"{self.path.name}: it is encrypted")  # even the names may be
        for entry in entries:
            name = entry.filename.replace("\\", "/")
            if _is_link(entry):
                raise DataError(f"{self.path.name}: refused, its entry {name!r} is a link")
            if _escapes(name):
                raise DataError(f"{self.path.name}: refused, its entry {name!r} points outside")
            if entry.is_dir():
                continue
            if _is_encrypted(entry):
                raise DataError(f"{self.path.name}: it is encrypted")
            yield Member(
                PurePosixPath(name),
                entry.file_size,
                entry.CRC,
                lambda entry=entry: self._file.open(entry),  # type: ignore[misc]
            )

    @contextmanager
    def _explained(self, member: Member | None = None) -> Iterator[None]:
        """Turns what can happen while reading and writing into one sentence."""
        name = self.path.name
        where = f" at {member.path}" if member is not None else ""
        try:
            yield
        except rarfile.RarCannotExec:
            raise DataError(f"{name}: {NO_RAR_TOOL}") from None
        except rarfile.NeedFirstVolume:
            raise DataError(f"{name}: a later part of an archive, name the first") from None
        except rarfile.RarExecError as error:
            raise DataError(
                f"{name}: the RAR tool fails{where} ({_first_line(error)}): the archive is "
                "damaged, or the tool does not know this kind (unar does)"
            ) from None
        except (rarfile.Error, zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError,
                NotImplementedError, RuntimeError, ValueError) as error:  # fmt: skip
            raise DataError(f"{name}: damaged{where} ({_first_line(error)})") from None
        except FileNotFoundError:
            raise DataError(f"{name}: there is no such archive") from None
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise DataError(
                    f"{name}: the disk is full{where}; free some space and call again, the "
                    "unpacking goes on from there"
                ) from None
            if error.errno is None:  # damage in bzip2 is one without a number
                raise DataError(f"{name}: damaged{where} ({_first_line(error)})") from None
            raise DataError(f"{name}: cannot be unpacked{where} ({error.strerror})") from None


def has_rar_tool() -> bool:
    """Whether a tool for compressed RAR archives is installed."""
    return bool(_installed())


def _installed() -> list[str]:
    """Tools that rarfile can call and that are here, by its names for them."""
    found = []
    for tool in _RAR_TOOLS:
        with suppress(rarfile.RarCannotExec):
            _use(tool)
            found.append(tool)
    if found:
        _use(found[0])  # the best one, not the last that was looked for
    return found


def _use(tool: str) -> None:
    rarfile.tool_setup(**{name: name == tool for name in _RAR_TOOLS}, force=True)


def unpack(
    archive: str | Path,
    destination: str | Path,
    place: Callable[[PurePosixPath], PurePosixPath | None],
    *,
    workspace: str | Path,
    on_progress: Progress | None = None,
) -> list[Path]:
    """Unpacks what `place` wants; what is there already, whole, stays as it is.

    Parameters:
        place: gives for the path of an entry its path below `destination`, None: not wanted.
            A wanted entry that ends in .rar is itself unpacked; of an entry in it `place` sees
            `<that archive's name without .rar>/<path in it>`.
        workspace: folder for archives within the archive; they are removed when done.
        on_progress: called with (bytes written so far, bytes wanted in all, of this archive).

    Returns:
        the wanted files, in the archive's order.

    Raises:
        DataError: as `Archive`; or an entry would stand where another one stands, or the disk
            is too small for what is wanted.
    """
    return _unpack(
        Path(archive), Path(destination), place, Path(workspace), on_progress, None, set()
    )


def _unpack(
    path: Path,
    destination: Path,
    place: Callable[[PurePosixPath], PurePosixPath | None],
    workspace: Path,
    on_progress: Progress | None,
    outer: str | None,
    taken: set[Path],
) -> list[Path]:
    with Archive(path) as archive:
        wanted: dict[Path, Member] = {}
        for member in archive.members:
            shown = member.path if outer is None else PurePosixPath(outer) / member.path
            spot = place(shown)
            if spot is None:
                continue
            if _escapes(str(spot)):
                raise DataError(f"{path.name}: refused, {member.path} would be written outside")
            nested = spot.suffix.lower() == ".rar" and outer is None
            target = (workspace if nested else destination).joinpath(spot)
            if target in taken:
                raise DataError(f"{path.name}: two entries for {spot}")
            taken.add(target)
            wanted[target] = member
        missing = sum(
            m.size for t, m in wanted.items() if not t.is_file() or t.stat().st_size != m.size
        )
        if missing:
            destination.mkdir(parents=True, exist_ok=True)
            require_space(destination, missing, path.name)
        total, done, files = sum(m.size for m in wanted.values()), 0, []
        for target, member in wanted.items():
            archive.extract(member, target)
            done += member.size
            if on_progress is not None:
                on_progress(done, total)
            if outer is None and target.suffix.lower() == ".rar":
                files += _unpack(target, destination, place, workspace, None, target.stem, taken)
                target.unlink()
            else:
                files.append(target)
    return files


def _escapes(name: str) -> bool:
    path = PurePosixPath(name)
    return (
        path.is_absolute()
        or ".." in path.parts
        or not path.parts
        or any(":" in part or "\0" in part for part in path.parts)  # drives and streams of Windows
    )


def _check_whole(block: rarfile.RarInfo) -> None:
    """rarfile skips contents, and takes a cut in those of RAR4 for the end of the list."""
    if block.data_offset + block.add_size > Path(block.volume_file).stat().st_size:
        raise rarfile.BadRarFile("it ends early")


def _is_link(entry: rarfile.RarInfo | zipfile.ZipInfo) -> bool:
    if isinstance(entry, zipfile.ZipInfo):
        return (entry.external_attr >> 28) == 0xA  # the file type of Unix, S_IFLNK
    return bool(entry.is_symlink() or getattr(entry, "file_redir", None))


def _is_encrypted(entry: rarfile.RarInfo | zipfile.ZipInfo) -> bool:
    if isinstance(entry, zipfile.ZipInfo):
        return bool(entry.flag_bits & 1)
    return bool(entry.needs_password())


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
