"""The model files that come with the package, and the ways to ask for them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from action_recognition.actions import ACTIONS
from action_recognition.cli import main
from action_recognition.clips import Preprocessing
from action_recognition.models.model_file import SHIPPED_MODELS, Model, find_model, load_model
from action_recognition.recognition.recognizer import Recognizer
from video_maker import MadeVideo

pytestmark = pytest.mark.slow  # the whole file: some seconds


@pytest.fixture(scope="module")
def shipped() -> Model:
    return load_model(find_model("shipped"))


@pytest.fixture(scope="module")
def kinetics() -> Model:
    return load_model(find_model("kinetics600"))


@pytest.mark.parametrize("name", SHIPPED_MODELS)
def test_a_model_file_is_small(name: str) -> None:
    assert find_model(name).stat().st_size < 15_000_000


def test_the_shipped_model_knows_the_ten_actions_and_says_none_of_these(shipped: Model) -> None:
    assert {a.name for a in ACTIONS} <= set(shipped.classes)
    assert shipped.open_set is not None
    assert shipped.temperature != 1


def test_the_shipped_model_says_how_it_was_made_and_how_good_it_is(shipped: Model) -> None:
    assert {"data", "clips", "sources", "settings", "versions"} <= set(shipped.training)
    assert shipped.metrics["split"] == "test"
    assert shipped.metrics["videos"] >= 100
    assert set(shipped.training["sources"]) == set(shipped.classes)
    assert "Apache-2.0" in shipped.training["init"]  # the licence of the weights it began with


def test_the_model_of_everyday_actions(kinetics: Model) -> None:
    assert len(kinetics.classes) == 600
    assert "yoga" in kinetics.classes
    assert kinetics.preprocessing == Preprocessing()
    assert (kinetics.architecture.lstm, kinetics.architecture.gru) == (0, 0)
    assert kinetics.background == ()
    assert "Apache-2.0" in kinetics.training["init"]


def test_both_are_of_one_trunk(shipped: Model, kinetics: Model) -> None:
    one, other = shipped.architecture, kinetics.architecture
    assert (one.layers, one.features, one.window) == (other.layers, other.features, other.window)
    assert shipped.preprocessing == kinetics.preprocessing


def test_names_and_paths() -> None:
    assert find_model(None) == find_model("shipped")
    assert find_model("shipped").name == "ucf101-hmdb51.h5"
    assert find_model("kinetics600").name == "kinetics600.h5"
    assert find_model("./kinetics600") == Path("kinetics600")
    assert find_model(Path("own.h5")) == Path("own.h5")


@pytest.fixture
def kinetics_is_tiny(tiny_model_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SHIPPED_MODELS, "kinetics600", str(tiny_model_path))


@pytest.mark.usefixtures("kinetics_is_tiny")
@pytest.mark.parametrize("command", ["predict", "timeline", "watch"])
def test_commands_take_a_shipped_model_by_its_name(
    command: str, make_video: Callable[..., MadeVideo], capsys: pytest.CaptureFixture[str]
) -> None:
    path = make_video("short.mp4", seconds=1.0).path
    assert main([command, str(path), "--json", "--model", "kinetics600"]) == 0
    found = json.loads(capsys.readouterr().out.splitlines()[0])
    assert found["nearest_action"] in ("Jumping", "Reading", "Swimming")


@pytest.mark.slow
@pytest.mark.usefixtures("kinetics_is_tiny")
def test_so_do_training_and_python(
    make_video: Callable[..., MadeVideo], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert Recognizer.load("kinetics600", device="cpu").classes == (
        "Jumping", "Reading", "Swimming",
    )  # fmt: skip
    for label in ("a", "b"):
        (tmp_path / "data" / label).mkdir(parents=True)
        make_video(f"data/{label}/{label}.mp4", seconds=0.5)
    options = ["--tuned-layers", "0", "--film-epochs", "0", "--workers", "0", "--views", "1"]
    files = ["--data", str(tmp_path / "data"), "--output", str(tmp_path / "m.h5")]
    assert main(["train", *files, *options, "--device", "cpu"]) == 0  # kinetics600 by default
    assert load_model(tmp_path / "m.h5").preprocessing.size == 32
    evaluated = ["evaluate", "kinetics600", "--data", str(tmp_path / "data"), "--json"]
    assert main(evaluated) == 2
    assert "no video in the split 'test'" in capsys.readouterr().err


def test_a_name_that_is_none(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["predict", "a.mp4", "--model", "fast"]) == 2
    assert "fast: there is no such model file" in capsys.readouterr().err
