"""The model files that come with the package, and the ways to ask for them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from action_recognition.cli import main
from action_recognition.models.hybridnet import count_macs
from action_recognition.models.model_file import SHIPPED_MODELS, find_model, load_model
from action_recognition.recognition.recognizer import Recognizer
from video_maker import MadeVideo


def test_the_fast_model_knows_the_same_and_costs_less() -> None:
    accurate, fast = load_model(find_model("shipped")), load_model(find_model("fast"))
    assert sorted(fast.classes) == sorted(accurate.classes)
    assert fast.novelty is not None
    assert (accurate.clips, fast.clips) == (5, 1)
    macs = [
        count_macs(m.network, frames=m.preprocessing.frames, size=m.preprocessing.size)
        for m in (accurate, fast)
    ]
    assert 1.5 * macs[1] < macs[0] < 3e9


@pytest.mark.parametrize("name", SHIPPED_MODELS)
def test_a_model_file_is_small(name: str) -> None:
    assert find_model(name).stat().st_size < 15_000_000


def test_names_and_paths() -> None:
    assert find_model(None) == find_model("shipped")
    assert find_model("fast").name == "ucf101-hmdb51-ten-fast.h5"
    assert find_model("./fast") == Path("fast")
    assert find_model(Path("own.h5")) == Path("own.h5")


@pytest.fixture
def fast_is_tiny(tiny_model_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SHIPPED_MODELS, "fast", str(tiny_model_path))


@pytest.mark.usefixtures("fast_is_tiny")
@pytest.mark.parametrize("option", [["--fast"], ["--model", "fast"]])
@pytest.mark.parametrize("command", ["predict", "timeline", "watch"])
def test_commands_take_the_fast_model(
    command: str,
    option: list[str],
    make_video: Callable[..., MadeVideo],
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = make_video("short.mp4", seconds=1.0).path
    assert main([command, str(path), "--json", *option]) == 0
    found = json.loads(capsys.readouterr().out.splitlines()[0])
    assert found["action"] in (None, "Jumping", "Reading", "Swimming")


@pytest.mark.usefixtures("fast_is_tiny")
def test_so_does_python() -> None:
    assert Recognizer.load("fast", device="cpu").classes == ("Jumping", "Reading", "Swimming")


@pytest.mark.parametrize("command", ["predict", "timeline", "watch"])
def test_two_models_at_once_are_refused(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main([command, "a.mp4", "--fast", "--model", "own.h5"])
    assert stop.value.code == 2
    assert "argument --model: not allowed with argument --fast" in capsys.readouterr().err
