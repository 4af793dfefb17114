"""Leaks that hide behind other names: `data from-folder` and `data check`, as a user types them."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest

from action_recognition.cli import main
from action_recognition.datasets.manifest_csv import read_manifest
from scene_maker import Scene, darken, letterbox, mirror, write_scene

pytestmark = pytest.mark.slow  # the whole file: some seconds

Capture = pytest.CaptureFixture[str]

COLUMNS = ("path", "label", "dataset", "original_class", "group", "split", "duration_s", "reason")


def write_csv(path: Path, clips: dict[str, str]) -> Path:
    """A manifest: path and split of each clip, each in a group of its own."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for name, split in clips.items():
            label = name.split("/")[0]
            writer.writerow([name, label, "own", label, name, split, 1, ""])
    return path


@pytest.mark.parametrize(
    ("made", "told"),
    [
        ({"change": mirror}, ", mirrored"),
        ({"change": darken, "size": (64, 48)}, ""),
        ({"change": letterbox, "codec": "mpeg4"}, ""),
        ({"start_s": 0.5, "seconds": 1.2}, ""),
    ],
)
def test_copies_in_two_splits_are_named(
    tmp_path: Path, capsys: Capture, made: dict[str, Any], told: str
) -> None:
    for k in range(3):
        write_scene(tmp_path / "waving" / f"{k}.mp4", Scene(k), seconds=2.0)
    write_scene(tmp_path / "bowing" / "9.mp4", Scene(1), **{"seconds": 2.0, **made})
    clips = {f"waving/{k}.mp4": "train" for k in range(3)}
    table = write_csv(tmp_path / "m.csv", clips | {"bowing/9.mp4": "test"})
    assert main(["data", "check", str(table)]) == 1
    lines = capsys.readouterr().out.splitlines()
    pair = f"problem: copies in two splits: waving/1.mp4 (train) and bowing/9.mp4 (test){told}"
    assert pair in lines
    assert sum(line.startswith("problem:") for line in lines) == 1
    assert any(line.startswith("content check: 4 clips, 3 pairs compared in ") for line in lines)
    assert lines[-1] == "leak check: FAILED"

    write_csv(table, clips | {"bowing/9.mp4": "train", "waving/0.mp4": "test"})
    assert main(["data", "check", str(table)]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "leak check: passed"


def test_a_manifest_of_data_with_copies_passes(tmp_path: Path, capsys: Capture) -> None:
    for k in range(6):
        write_scene(tmp_path / "data" / "waving" / f"{k}.mp4", Scene(k), seconds=1.5)
        copy = tmp_path / "data" / "waving" / f"take {k}.avi"
        write_scene(copy, Scene(k), seconds=1.5, change=mirror)
    table = str(tmp_path / "m.csv")
    assert main(["data", "from-folder", str(tmp_path / "data"), "--output", table]) == 0
    out = capsys.readouterr().out
    assert out.count("copies, kept in one group: ") == 6
    assert "waving/3.mp4 and waving/take 3.avi, mirrored" in out
    assert main(["data", "check", table]) == 0
    assert "leak check: passed" in capsys.readouterr().out
    split = {c.path.name: c.split for c in read_manifest(table).clips}
    assert all(split[f"{k}.mp4"] == split[f"take {k}.avi"] for k in range(6))
    assert set(split.values()) == {"train", "val", "test"}


def test_renamed_copies_of_a_known_data_set(tmp_path: Path, capsys: Capture) -> None:
    """The pictures are too plain to be compared: the names alone tell."""
    names = [
        f"v_BabyCrawling_g{group:02d}_c0{clip}{end}.mp4"
        for group in (1, 8, 9, 10)
        for clip in (1, 2)
        for end in ("", "_flip", " (1)")
    ]
    folder = tmp_path / "data" / "BabyCrawling"
    for name in names:
        write_scene(folder / name, Scene(1), seconds=0.2, change=lambda image: image * 0)
    table = tmp_path / "m.csv"
    assert main(["data", "from-folder", str(folder.parent), "--output", str(table)]) == 0
    assert main(["data", "check", str(table)]) == 0
    assert "leak check: passed" in capsys.readouterr().out
    split = {c.path.name: c.split for c in read_manifest(table).clips}
    for name in names:
        assert split[name] == split[f"{name[:22]}.mp4"], name
    assert {s for name, s in split.items() if "_g01_" in name} == {"test"}
    assert set(split.values()) == {"train", "val", "test"}


def test_known_names_in_two_splits(tmp_path: Path, capsys: Capture) -> None:
    """The groups of the table do not say so."""
    clips = {
        "a/v_Archery_g09_c01.mp4": "train",
        "a/v_Archery_g09_c02_flip.mp4": "test",
        "a/aug_21_walk_u_cm_np1_fr_bad_3.mp4": "val",
        "a/21_walk_u_cm_np1_fr_med_0.mp4": "test",
        "a/v_Archery_g10_c01.mp4": "test",
        "a/my_v_sign_g09_c01.mp4": "val",
    }
    for name in clips:
        write_scene(tmp_path / name, Scene(1), seconds=0.2, change=lambda image: image * 0)
    assert main(["data", "check", str(write_csv(tmp_path / "m.csv", clips))]) == 1
    out = capsys.readouterr().out
    leaks = "Archery/g09 (test and train), walk/21 (test and val)"
    assert f"problem: the split leaks: by their file names, groups in two splits: {leaks}\n" in out
    assert "leak check: FAILED" in out


def test_plain_pictures_are_left_to_their_bytes(tmp_path: Path, capsys: Capture) -> None:
    for name in ("1", "2", "3"):
        seconds = 0.4 if name == "3" else 0.2
        black = tmp_path / "a" / f"{name}.mp4"
        write_scene(black, Scene(1), seconds=seconds, change=lambda image: image * 0)
    clips = {"a/1.mp4": "train", "a/2.mp4": "test", "a/3.mp4": "test"}
    assert main(["data", "check", str(write_csv(tmp_path / "m.csv", clips))]) == 0
    out = capsys.readouterr().out
    assert "note: not compared, for showing too little" in out
    assert "note: 2 files are copies of a file in another split, by their bytes" in out
    assert "leak check: passed" in out
