"""The bytes of a model file: read whole, behind a seal that proves them, and replaced whole.

The file begins with 512 bytes that seal the rest: a name and the SHA-256 of all that follows.
It finds damage, and what is still being written. Anybody can compute it: it proves no author.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
import tempfile
from pathlib import Path

from action_recognition.errors import ModelFileError
from action_recognition.files import make_folder, open_regular, read_rest

SEAL_BYTES = 512
MAX_BYTES = 512 * 2**20
_SEAL = b"action-recognition model, sha256 of all after byte 512: "
_HDF5_SIGNATURE = b"\x89HDF\r\n\x1a\n"  # where a file begins with it, it is not sealed

_HELD = "another program holds the file"
_BUSY = {errno.EAGAIN, errno.EBUSY, errno.EDEADLK, errno.ETXTBSY}
_SHARING, _LOCKED = 32, 33  # of Windows: ERROR_SHARING_VIOLATION, ERROR_LOCK_VIOLATION


def read_sealed(path: Path) -> bytes:
    """All bytes of a file, the seal included, also of one that another program has locked.

    Raises:
        ModelFileError: it cannot be read, or its content is not what was sealed, be it because
            another program is writing it (one that has opened it with HDF5 marks it so).
    """
    try:
        with open_regular(path) as raw:
            head = raw.read(SEAL_BYTES)
            if head.startswith(_HDF5_SIGNATURE):
                raise ModelFileError("it is an HDF5 file, but not a model of this project")
            if not head.startswith(_SEAL):
                raise ModelFileError("it is not a model file, or its beginning is damaged")
            content = head + read_rest(raw, MAX_BYTES)
    except OSError as error:
        raise ModelFileError(f"it cannot be read ({_why(error)})") from None
    if head[: len(_SEAL) + 64] != _seal_of(content):
        if _is_locked(path, for_reading=True):
            raise ModelFileError(f"it cannot be read now ({_HELD}, and may be writing it)")
        raise ModelFileError(
            "it is truncated, damaged or changed by hand, or still being written: "
            "its content does not match its checksum"
        )
    return content


def stated_digest(path: Path) -> str:
    """The SHA-256 that a file's seal states of its content, which is not read.

    Raises:
        ModelFileError: it cannot be read, or is no model file.
    """
    try:
        with open_regular(path) as raw:
            head = raw.read(len(_SEAL) + 64)
    except FileNotFoundError:
        raise ModelFileError("there is no such model file") from None
    except OSError as error:
        raise ModelFileError(f"it cannot be read ({_why(error)})") from None
    digest = head[len(_SEAL) :]
    if not head.startswith(_SEAL) or len(digest) < 64:
        raise ModelFileError("it is not a model file, or its beginning is damaged")
    return digest.decode("ascii", "replace")


def write_sealed(path: Path, content: bytes) -> None:
    """Seals the content and replaces the file by it; an interruption leaves the old file whole.

    Parameters:
        content: the first 512 bytes are left to the seal.

    Raises:
        ModelFileError: it cannot be written.
    """
    _check_writable(path)
    temporary: Path | None = None
    try:
        make_folder(path.parent)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
        temporary = Path(name)
        with os.fdopen(handle, "wb") as raw:
            raw.write(_seal_of(content).ljust(SEAL_BYTES, b"\0") + content[SEAL_BYTES:])
            raw.flush()
            os.fsync(raw.fileno())
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)  # mkstemp makes it readable for its owner only
        temporary.replace(path)
    except OSError as error:
        raise ModelFileError(f"the model cannot be written ({_why(error)})") from None
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def check_output(path: Path) -> None:
    """Checks that a model can be written there later; for what takes long before it does.

    Raises:
        ModelFileError: the name is not that of a model file, or such a file cannot be replaced.
    """
    if path.suffix != ".h5":
        raise ModelFileError(f"{path.name}: the name of a model file ends in .h5")
    try:
        _check_writable(path)
    except ModelFileError as error:
        raise ModelFileError(f"{path.name}: {error}") from None


def _check_writable(path: Path) -> None:
    """Renaming over a file succeeds whatever it is, where its folder can be written to."""
    try:
        if not path.is_file():
            return
        if not (path.stat().st_mode & stat.S_IWUSR and os.access(path, os.W_OK)):
            raise ModelFileError("the model cannot be written (the file is read-only)")
        if _is_locked(path):
            raise ModelFileError(f"the model cannot be written ({_HELD})")
    except OSError as error:
        raise ModelFileError(f"the model cannot be written ({_why(error)})") from None


def _is_locked(path: Path, *, for_reading: bool = False) -> bool:
    """Whether another program has a lock that excludes writing, or even reading."""
    try:
        import fcntl
    except ImportError:  # Windows itself refuses what a lock excludes
        return False
    mode, kind = ("rb", fcntl.LOCK_SH) if for_reading else ("rb+", fcntl.LOCK_EX)
    with path.open(mode) as file:
        for lock in (fcntl.flock, fcntl.lockf):  # HDF5 uses the first, databases the second
            try:
                lock(file, kind | fcntl.LOCK_NB)
            except OSError as error:  # others are of file systems without locks
                if error.errno in (errno.EAGAIN, errno.EACCES):
                    return True
    return False


def _why(error: OSError) -> str:
    if error.errno in _BUSY or getattr(error, "winerror", None) in (_SHARING, _LOCKED):
        return _HELD
    return error.strerror or str(error)


def _seal_of(content: bytes) -> bytes:
    return _SEAL + hashlib.sha256(memoryview(content)[SEAL_BYTES:]).hexdigest().encode()
