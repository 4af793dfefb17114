"""`watch` on the command line."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from action_recognition.cli import main
from action_recognition.models.model_file import Model, save_model
from action_recognition.models.open_set import OpenSetRule
from action_recognition.recognition.recognizer import Recognizer
from action_recognition.video.live import LiveSource
from video_maker import MadeVideo

pytestmark = pytest.mark.slow  # the whole file: some seconds

MakeVideo = Callable[..., MadeVideo]


@pytest.fixture
def command(tiny_model_path: Path, make_video: MakeVideo) -> list[str]:
    path = make_video("door.mp4", seconds=1.5).path
    return ["watch", str(path), "--model", str(tiny_model_path), "--step", "0.5"]


def test_a_line_for_each_answer(
    command: list[str], tiny_model_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*command, "--json"]) == 0
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    recognizer = Recognizer.load(tiny_model_path, device="cpu")
    expected = {round(m.time_s, 3): m for m in recognizer.moments(command[1], step_s=0.5)}
    assert found
    for answer in found:  # a busy machine may pass one over
        moment = expected[answer["time_s"]]
        shares = [answer["probabilities"][c] for c in recognizer.classes]
        assert shares == pytest.approx(list(moment.probabilities), abs=1e-4)
    assert main(command) == 0
    lines = capsys.readouterr().out.splitlines()
    assert re.fullmatch(r"\d\.\d s  (unsure: )?(Jumping|Reading|Swimming) \d+\.\d%", lines[0])


@pytest.mark.parametrize(
    ("change", "answer"),
    [
        ({"temperature": 0.01}, r"(Jumping|Reading|Swimming) \d+\.\d%"),
        ({"temperature": 100}, r"unsure: (Jumping|Reading|Swimming) 3\d\.\d%"),
        (
            {"open_set": OpenSetRule(energy=1.0, odds=0.0, threshold=1e6, slope=1.0)},
            r"none of the known actions \(nearest: (Jumping|Reading|Swimming)\)",
        ),
    ],
)
def test_wording(
    tiny_model: Model,
    command: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    change: dict[str, object],
    answer: str,
) -> None:
    save_model(replace(tiny_model, **change), command[3])  # type: ignore[arg-type]
    whole = LiveSource.frames
    monkeypatch.setattr(  # as quick as it can be read
        LiveSource, "frames", lambda self: whole(self, sleep=lambda _: None)
    )
    assert main(command) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines
    assert all(re.fullmatch(rf"\d\.\d s  {answer}", line) for line in lines)


def test_ctrl_c_is_the_usual_end(
    command: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = LiveSource.frames

    def interrupted(self: LiveSource, **settings: Any) -> Iterator[Any]:
        for time_s, frame in whole(self, **settings):
            if time_s > 0.5:
                raise KeyboardInterrupt
            yield time_s, frame

    monkeypatch.setattr(LiveSource, "frames", interrupted)
    assert main(command) == 0
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["gone.mp4"], "gone.mp4: there is no such file"),
        (["0", "--step", "0"], "--step 0: must be more than 0"),
        (["0", "--step", "inf"], "--step inf: must be more than 0"),
        (["rtsp://127.0.0.1:1/door"], "rtsp://127.0.0.1:1/door: it cannot be opened"),
    ],
)
def test_watch_refuses_in_one_sentence(
    arguments: list[str],
    sentence: str,
    tiny_model_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["watch", *arguments, "--model", str(tiny_model_path)]) == 2
    assert sentence in capsys.readouterr().err
