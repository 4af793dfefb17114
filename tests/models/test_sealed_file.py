"""A model file that others use: it is read while it is whole, and not replaced under a lock."""

from __future__ import annotations

import errno
import fcntl
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import pytest

from action_recognition.errors import ModelFileError
from action_recognition.models.model_file import Model, load_model, save_model
from action_recognition.models.sealed_file import check_output

HOLDERS = {
    "exclusive flock": "import fcntl; f = open(sys.argv[1], 'rb'); fcntl.flock(f, fcntl.LOCK_EX)",
    "shared flock": "import fcntl; f = open(sys.argv[1], 'rb'); fcntl.flock(f, fcntl.LOCK_SH)",
    "record lock": "import fcntl; f = open(sys.argv[1], 'rb+'); fcntl.lockf(f, fcntl.LOCK_EX)",
    "HDF5, reading": "import h5py; f = h5py.File(sys.argv[1], 'r')",
    "HDF5, writing": "import h5py; f = h5py.File(sys.argv[1], 'r+')",
}
WAIT = "; print('held', flush=True); sys.stdin.read()"


@contextmanager
def held(path: Path, how: str) -> Iterator[None]:
    """Another program holds the file."""
    command = [sys.executable, "-c", "import sys; " + HOLDERS[how] + WAIT, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        yield
        other.communicate()


@pytest.mark.slow
@pytest.mark.parametrize("how", HOLDERS)
def test_a_file_that_another_program_holds(
    how: str, tiny_model: Model, tiny_model_path: Path
) -> None:
    with held(tiny_model_path, how):
        content = tiny_model_path.read_bytes()
        if how == "HDF5, writing":  # it marks the file as being written to
            with pytest.raises(ModelFileError, match=r"^tiny\.h5: .* now \(another program holds"):
                load_model(tiny_model_path)
        else:
            assert load_model(tiny_model_path).classes == tiny_model.classes
        with pytest.raises(ModelFileError, match=r"^tiny\.h5: .*another program holds the file\)$"):
            save_model(tiny_model, tiny_model_path)
        assert tiny_model_path.read_bytes() == content
        assert [p.name for p in tiny_model_path.parent.iterdir()] == ["tiny.h5"]
    save_model(tiny_model, tiny_model_path)  # later it can


def test_open_without_a_lock_is_no_hindrance(tiny_model: Model, tiny_model_path: Path) -> None:
    with tiny_model_path.open("rb") as other:
        before = other.read()
        save_model(tiny_model, tiny_model_path)
        other.seek(0)
        assert other.read() == before  # who has it open keeps the old file
    with h5py.File(tiny_model_path, "r", locking=False):
        assert load_model(tiny_model_path).classes == tiny_model.classes
        save_model(tiny_model, tiny_model_path)


@pytest.mark.parametrize("code", [errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS])
def test_a_file_system_without_locks(
    code: int, tiny_model: Model, tiny_model_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> None:
        raise OSError(code, "no locks here")

    monkeypatch.setattr(fcntl, "flock", refuse)
    monkeypatch.setattr(fcntl, "lockf", refuse)
    save_model(tiny_model, tiny_model_path)
    assert load_model(tiny_model_path).classes == tiny_model.classes


@pytest.mark.parametrize("mode", [0o444, 0o400, 0o555])
def test_a_read_only_file_is_not_replaced(
    mode: int, tiny_model: Model, tiny_model_path: Path
) -> None:
    content = tiny_model_path.read_bytes()
    tiny_model_path.chmod(mode)
    with pytest.raises(ModelFileError, match=r"^tiny\.h5: .* \(the file is read-only\)$"):
        save_model(tiny_model, tiny_model_path)
    assert tiny_model_path.read_bytes() == content
    assert [p.name for p in tiny_model_path.parent.iterdir()] == ["tiny.h5"]
    assert load_model(tiny_model_path).classes == tiny_model.classes


def test_what_may_be_written_is_asked_beforehand(tmp_path: Path) -> None:
    path = tmp_path / "m.h5"
    check_output(path)
    path.touch()
    check_output(path)
    with pytest.raises(ModelFileError, match=r"^m\.bin: the name of a model file ends in \.h5$"):
        check_output(tmp_path / "m.bin")
    with path.open("rb") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(ModelFileError, match=r"^m\.h5: .*\(another program holds the file\)$"):
            check_output(path)
    path.chmod(0o444)
    with pytest.raises(ModelFileError, match=r"^m\.h5: .* \(the file is read-only\)$"):
        check_output(path)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (BlockingIOError(errno.EAGAIN, "try again"), "another program holds the file"),
        (OSError(errno.EBUSY, "busy"), "another program holds the file"),
        (PermissionError(errno.EACCES, "Permission denied"), "Permission denied"),
        (OSError(errno.EIO, "Input/output error"), "Input/output error"),
    ],
)
def test_what_cannot_be_read_is_not_called_damaged(
    error: OSError, reason: str, tiny_model_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise error

    monkeypatch.setattr(os, "open", fail)
    with pytest.raises(ModelFileError) as caught:
        load_model(tiny_model_path)
    assert str(caught.value) == f"tiny.h5: it cannot be read ({reason})"


def test_the_half_of_a_copy(tiny_model_path: Path) -> None:
    content = tiny_model_path.read_bytes()
    tiny_model_path.write_bytes(content[: len(content) // 2])
    with pytest.raises(ModelFileError, match="still being written"):
        load_model(tiny_model_path)
