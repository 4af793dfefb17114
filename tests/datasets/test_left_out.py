"""How entries that are left out are told: each by name, many by their number in each folder."""

from __future__ import annotations

from pathlib import Path

from action_recognition.datasets.left_out import LeftOut, describe


def test_a_line_for_each_reason_and_folder() -> None:
    entries = [LeftOut(Path(f"data/jump/{k}.mpg"), "not read") for k in range(3)]
    entries += [
        LeftOut(Path("data/run/1.mpg"), "not read"),
        LeftOut(Path("data/x"), "dead", "link"),
    ]
    assert describe(entries) == [
        "left out: 1 link in data (dead): x",
        "left out: 3 files in data/jump (not read): 0.mpg, 1.mpg, 2.mpg",
        "left out: 1 file in data/run (not read): 1.mpg",
    ]


def test_of_many_there_are_some_names_and_the_number() -> None:
    (line,) = describe(LeftOut(Path(f"data/{k:02}.mpg"), "not read") for k in range(25))
    assert line.startswith("left out: 25 files in data (not read): 00.mpg, 01.mpg, ")
    assert line.endswith(", 09.mpg and 15 more")


def test_of_many_folders_there_are_the_numbers() -> None:
    (line,) = describe(LeftOut(Path(f"d{k}/{n}.mpg"), "not read") for k in range(8) for n in "ab")
    assert line.startswith("left out: 16 files in 8 folders (not read): d0: 2, d1: 2, ")
    assert line.endswith("d7: 2")


def test_a_folder_says_how_many_files_it_has() -> None:
    entries = [LeftOut(Path("jump/v1"), "frames", "folder", 30)]
    assert describe(entries) == ["left out: 1 folder in jump (frames): v1 with 30 files"]


def test_names_that_are_not_utf8_can_be_printed() -> None:
    (line,) = describe([LeftOut(Path("caf\udce9/\udcff.mpg"), "not read")])
    assert line == "left out: 1 file in café (not read): ÿ.mpg"
