"""Paths that were written on another system."""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path

import pytest

from action_recognition.datasets.foreign_paths import locate
from action_recognition.errors import DataError

TAILS = [r"tiny\drop\00.mp4", r"tiny\drop\01.mp4", r"tiny\stay here\00.mp4"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for tail in TAILS:
        path = tmp_path / tail.replace("\\", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return tmp_path


def expected(folder: Path) -> list[Path]:
    return [folder / tail.replace("\\", "/") for tail in TAILS]


@pytest.mark.parametrize(
    "front",
    ["", ".\\", "C:\\Users\\anna\\my data\\", "d:/x/", "\\\\server\\share\\", "\\data\\", "E:"],
)
def test_paths_of_windows(folder: Path, front: str) -> None:
    paths = locate([front + tail for tail in TAILS], folder, "m.csv")
    assert [p.resolve() for p in paths] == expected(folder)


def test_absolute_paths_where_the_list_lies_deeper(folder: Path) -> None:
    texts = [f"C:\\data\\{tail}" for tail in TAILS]
    assert locate(texts, folder / "tiny", "m.csv") == expected(folder)
    assert locate(texts[:2], folder / "tiny" / "drop", "m.csv") == expected(folder)[:2]


def test_no_file_is_taken_for_another(folder: Path) -> None:
    """The same folders are left out of all paths."""
    (folder / "drop").mkdir()
    (folder / "drop" / "00.mp4").touch()
    texts = [f"C:\\data\\{TAILS[0]}", r"C:\data\old\drop\00.mp4"]
    assert locate(texts, folder, "m.csv") == [expected(folder)[0], folder / "old/drop/00.mp4"]


def test_a_file_that_is_gone_stays_gone(folder: Path) -> None:
    paths = locate([*TAILS, r"tiny\drop\gone.mp4"], folder, "m.csv")
    assert [p.exists() for p in paths] == [True, True, True, False]
    assert paths[3] == folder / "tiny/drop/gone.mp4"


@pytest.mark.parametrize("front", ["", "C:\\data\\", "\\\\server\\share\\"])
def test_where_nothing_is_found_one_sentence_says_so(tmp_path: Path, front: str) -> None:
    with pytest.raises(DataError) as caught:
        locate([front + tail for tail in TAILS], tmp_path, "m.csv")
    assert str(caught.value).startswith(
        f"m.csv: its paths are those of Windows (such as {front}{TAILS[0]}), and none of its 3 "
        f"files is below {tmp_path}"
    )


def test_names_that_hold_a_backslash_here(tmp_path: Path) -> None:
    (tmp_path / r"a\b.mp4").touch()
    texts = [r"a\b.mp4", r"a\gone.mp4", "c.mp4", "d.mp4"]
    assert locate(texts, tmp_path, "m.csv")[0] == tmp_path / r"a\b.mp4"


def test_names_that_are_spelled_otherwise_on_disk(tmp_path: Path) -> None:
    on_disk = {
        unicodedata.normalize("NFD", "élan.mp4"): unicodedata.normalize("NFC", "élan.mp4"),
        unicodedata.normalize("NFC", "grün.mp4"): unicodedata.normalize("NFD", "grün.mp4"),
        os.fsdecode(b"caf\xe9.mp4"): "café.mp4",
        "naïf.mp4": os.fsdecode(b"na\xeff.mp4"),
        "end.mp4": " end.mp4 ",
    }
    for name in on_disk:
        (tmp_path / name).touch()
    found = locate(list(on_disk.values()), tmp_path, "m.csv")
    assert found == [tmp_path / name for name in on_disk]


def test_other_paths_stay_as_they_are(tmp_path: Path) -> None:
    texts = ["a/1.mp4", "/data/2.mp4", "fehlt ü.mp4", " 3.mp4"]
    assert locate(texts, tmp_path, "m.csv") == [tmp_path / text for text in texts]
