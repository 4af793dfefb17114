"""Writes small archives of every kind, for tests of what reads them."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Literal

import pytest

from action_recognition.datasets.download.archives import has_rar_tool
from rar_maker import Entry, write_rar

Kind = Literal["zip", "rar4", "rar5", "compressed rar5"]
KINDS: tuple[Kind, ...] = ("zip", "rar4", "rar5", "compressed rar5")

FILES = {"walk/one.avi": b"first" * 9, "walk/two.avi": b"second" * 500, "run/three.avi": b"third"}


def need_rar_tool() -> None:
    if not has_rar_tool():
        pytest.skip("needs a tool that decompresses RAR: unrar, unar, 7z or bsdtar")


def write_archive(path: Path, files: Mapping[str, bytes] = FILES, *, kind: Kind) -> Path:
    """Writes an archive of these files; a compressed one skips the test where no tool is."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if kind == "zip":
        with zipfile.ZipFile(path, "w") as archive:
            for name, data in files.items():
                # Of the type as it is: a name given as text would be changed on Windows.
                info = zipfile.ZipInfo("x")
                info.filename = name
                archive.writestr(info, data)
        return path
    compressed = kind == "compressed rar5"
    if compressed:
        need_rar_tool()
    entries = [Entry(name, data, compressed=compressed) for name, data in files.items()]
    return write_rar(path, entries, kind=4 if kind == "rar4" else 5)


def everything(path: PurePosixPath) -> PurePosixPath:
    """Each entry where the archive has it."""
    return path


def files_in(folder: Path) -> dict[str, bytes]:
    """All files below a folder with their contents."""
    return {
        p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()
    }
