"""`model export`, `model info` and `model check`, as they are typed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from action_recognition.cli import main
from video_maker import MadeVideo

Print = pytest.CaptureFixture[str]


@pytest.mark.slow
def test_export_and_info(
    tiny_model_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Print
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["model", "export", str(tiny_model_path), "--to", "keras"]) == 0
    assert capsys.readouterr().out.startswith("tiny-clip.keras: ")
    assert main(["model", "info", "tiny-clip.keras"]) == 0
    assert "classes: Jumping, Reading, Swimming\n" in capsys.readouterr().out
    assert main(["model", "info", "tiny-clip.keras", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["interval_s"] == 0.1


def test_info_of_the_shipped_model(capsys: Print) -> None:
    assert main(["model", "info", "shipped", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["classes"][0] == "Baby Crawling"
    assert found["parameters"] > 10**6


@pytest.mark.slow
def test_check(make_video: Callable[..., MadeVideo], tiny_model_path: Path, capsys: Print) -> None:
    video = str(make_video(seconds=1).path)
    command = ["model", "check", str(tiny_model_path), video, "--to", "keras"]
    assert main(command) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[:3]] == ["file", "clip.keras", "clip.h5"]
    assert lines[3].startswith("largest difference ")


def test_what_goes_wrong_is_one_sentence(tmp_path: Path, capsys: Print) -> None:
    for command in (["info", "gone.onnx"], ["export", "gone.h5", "--to", "onnx"]):
        assert main(["model", *command]) == 2
        error = capsys.readouterr().err
        assert error.startswith("action-recognition: gone.")
        assert error.count("\n") == 1
