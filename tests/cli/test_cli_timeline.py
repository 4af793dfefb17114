"""`timeline` on the command line."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from action_recognition.cli import main
from action_recognition.models.model_file import Model, save_model
from action_recognition.models.open_set import OpenSetRule
from action_recognition.recognition.recognizer import Recognizer
from action_recognition.recognition.wording import percent
from video_maker import MadeVideo

pytestmark = pytest.mark.slow  # the whole file: some seconds

MakeVideo = Callable[..., MadeVideo]


@pytest.fixture
def command(tiny_model_path: Path, make_video: MakeVideo) -> list[str]:
    path = make_video("long.mp4", seconds=6).path
    return ["timeline", str(path), "--model", str(tiny_model_path), "--step", "0.5"]


def test_a_line_for_each_segment(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(command) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("0:00.0 to 0:")
    assert lines[-1].split("  ")[0].endswith("to 0:06.0")
    segments = list(Recognizer.load(command[3]).timeline(command[1], step_s=0.5))
    answers = [line.split("  ")[1].removeprefix("unsure: ") for line in lines]
    assert answers == [f"{s.nearest_action} {percent(s.probability)}" for s in segments]
    assert ["unsure: " in line for line in lines] == [s.unsure for s in segments]


@pytest.mark.parametrize(
    ("change", "answer"),
    [
        (
            {"temperature": 100},
            r"unsure: (Jumping|Reading|Swimming) 3\d\.\d % or (Jumping|Reading|Swimming) 3\d\.\d %",
        ),
        (
            {"open_set": OpenSetRule(energy=1.0, odds=0.0, threshold=1e6, slope=1.0)},
            "none of the known actions",
        ),
    ],
)
def test_wording_of_doubt(
    tiny_model: Model,
    command: list[str],
    capsys: pytest.CaptureFixture[str],
    change: dict[str, object],
    answer: str,
) -> None:
    save_model(replace(tiny_model, **change), command[3])  # type: ignore[arg-type]
    assert main([*command, "--dwell", "1000"]) == 0
    assert re.fullmatch(f"0:00.0 to 0:06.0  {answer}\n", capsys.readouterr().out)


def test_json_and_csv_agree(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*command, "--json"]) == 0
    objects = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert main([*command, "--csv"]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [r["action"] for r in rows] == [o["action"] for o in objects]
    assert [r["nearest_action"] for r in rows] == [o["nearest_action"] for o in objects]
    assert [float(r["probability"]) for r in rows] == [o["probability"] for o in objects]
    assert [float(r["end_s"]) for r in rows] == [o["end_s"] for o in objects]
    assert objects[0]["start_s"] == 0
    assert list(objects[0]) == [
        "start_s", "end_s", "action", "nearest_action", "probability", "known_probability",
        "unsure", "second_action", "second_probability",
    ]  # fmt: skip


def test_subtitles(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*command, "--vtt"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("WEBVTT\n\n00:00:00.000 --> 00:00:")
    assert out.count("-->") >= 1


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--step", "0"], "--step 0: must be more than 0"),
        (["--dwell", "-1"], "--dwell -1: must be at least 0"),
        (["--dwell", "nan"], "--dwell nan: must be at least 0"),
        (["--step", "nan"], "--step nan: must be more than 0"),
        (["--model", "gone.h5"], "gone.h5: there is no such model file"),
    ],
)
def test_timeline_refuses_in_one_sentence(
    options: list[str], sentence: str, command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*command, *options]) == 2
    assert sentence in capsys.readouterr().err


def test_a_file_that_is_no_video(
    tmp_path: Path, tiny_model_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "notes.mp4").write_bytes(b"These are notes. " * 100)
    command = ["timeline", str(tmp_path / "notes.mp4"), "--model", str(tiny_model_path)]
    assert main(command) == 2
    assert "notes.mp4: it is not a video file" in capsys.readouterr().err


def test_of_several_files_each_line_names_its_own(
    command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "broken.mp4").write_bytes(b"x")
    several = [*command, "--dwell", "1000"]
    several[1:2] = [str(tmp_path)]
    assert main(several) == 1
    said = capsys.readouterr()
    assert said.out.startswith(f"{tmp_path / 'long.mp4'}  0:00.0 to 0:06.0  ")
    assert said.err.startswith("action-recognition: broken.mp4: ")
    assert main([*several, "--json"]) == 1
    (line,) = capsys.readouterr().out.splitlines()
    assert json.loads(line)["file"] == str(tmp_path / "long.mp4")
    assert main([*several, "--csv"]) == 1
    (row,) = csv.DictReader(io.StringIO(capsys.readouterr().out))
    assert row["file"] == str(tmp_path / "long.mp4")
    for form in ("--srt", "--vtt", "--edl", "--label-studio", "--cvat"):
        assert main([*several, form]) == 2
        expected = f"action-recognition: {form}: this is of one video, but 2 are given\n"
        assert capsys.readouterr().err == expected
