"""Exports of strangers that would unfold to gigabytes: one sentence, at no cost."""

from __future__ import annotations

import os
import resource
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from action_recognition.exports.export import ExportError
from action_recognition.exports.info import read_info

pytestmark = pytest.mark.timeout(60)


def bomb(packed: int) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        with (
            zipfile.ZipFile(path, "w", packed, compresslevel=1) as archive,
            archive.open("action_recognition.json", "w") as member,
        ):
            for _ in range(120):
                member.write(bytes(2**20))

    return write


def crowd(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for k in range(10_001):
            archive.writestr(f"{k}/action_recognition", "")


def hole(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(20 * 2**30)


FILES: dict[str, Callable[[Path], object]] = {
    "deflated.keras": bomb(zipfile.ZIP_DEFLATED),
    "bzip2.keras": bomb(zipfile.ZIP_BZIP2),
    "crowd.pt2": crowd,
    "entities.xml": lambda p: p.write_text('<!DOCTYPE x [<!ENTITY a "b">]><net>&a;</net>'),
    "field.onnx": lambda p: p.write_bytes(b"\x72\x80\x80\x80\x80\x10abc"),
    "hole.onnx": hole,
    "hole.h5": hole,
    "pipe.h5": os.mkfifo,
    "pipe.onnx": os.mkfifo,
}


@pytest.mark.parametrize("name", FILES)
def test_one_sentence_at_no_cost(name: str, tmp_path: Path) -> None:
    FILES[name](tmp_path / name)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(ExportError, match=rf"^{name}: [^\n]+$"):
        read_info(tmp_path / name)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000  # kB
