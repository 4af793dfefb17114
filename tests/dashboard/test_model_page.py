"""The page about the model: the drawing of the network, the confusion matrix, the page itself."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

pytest.importorskip("altair")
pytest.importorskip("streamlit")

from streamlit.testing.v1 import AppTest

from action_recognition.actions import ACTIONS
from action_recognition.clips import Preprocessing
from action_recognition.dashboard.charts.model import (
    confusion_chart,
    reliability_chart,
    reliability_data,
)
from action_recognition.dashboard.charts.network import as_dot, parts
from action_recognition.dashboard.model_limits import limits
from action_recognition.dashboard.model_summary import class_table, measured_on
from action_recognition.dashboard.settings import (
    EXAMPLES_VARIABLE,
    MODEL_VARIABLE,
    MODELS_VARIABLE,
)
from action_recognition.evaluation.calibration import measure_reliability
from action_recognition.models.hybridnet import HybridNet
from action_recognition.models.model_file import KINETICS, SHIPPED, Model, save_model
from tiny_network import TINY
from video_maker import MadeVideo

pytestmark = pytest.mark.slow  # the whole file: some seconds

SMALL = Preprocessing(interval_s=0.1, size=32)


def _drawn(**change: Any) -> dict[str, tuple[str, list[str]]]:
    """Shape of each part, and the parts that it reads."""
    found = parts(replace(TINY, **change), SMALL)
    return {
        p.name: (
            p.shape.replace("\N{MULTIPLICATION SIGN}", "x"),
            [found[k].name.split(":")[0] for k in p.reads],
        )
        for p in found
    }


def test_the_drawing_has_the_parts_and_shapes_of_the_network() -> None:
    drawn = _drawn()
    assert list(drawn) == [
        "Frames",
        "Stem: 2D convolution",
        "Layers 1 to 2: causal 3D convolutions",
        "Layer 3: causal 3D convolutions",
        "Convolution, average pooling",
        "LSTM",
        "GRU",
        "Mean over 4 frames",
        "Hidden layer",
        "Dense layer",
    ]
    assert drawn["Frames"] == ("4 x 32 x 32 x 3", [])
    assert drawn["LSTM"] == (f"4 x {TINY.lstm}", ["Convolution, average pooling"])
    assert drawn["Mean over 4 frames"][1] == ["Convolution, average pooling"]
    assert drawn["Hidden layer"] == (str(TINY.hidden), ["Mean over 4 frames"])
    assert drawn["Dense layer"] == (str(TINY.classes), ["GRU", "Hidden layer"])


@pytest.mark.parametrize("size", [32, 33, 47])
def test_the_shapes_of_the_trunk_are_those_that_it_gives(size: int) -> None:
    trunk = HybridNet(TINY).eval().trunk
    frames = torch.zeros(1, TINY.window, 3, size, size)
    with torch.inference_mode():
        found = [trunk(frames, trunk.start(frames), last=k)[0] for k in (0, 2)]
        third, _ = trunk(found[1], trunk.start(frames)[1:], first=2, last=3)
    shapes = [(x.shape[1], *x.shape[3:], x.shape[2]) for x in (*found, third)]
    drawn = parts(TINY, replace(SMALL, size=size))[1:4]
    expected = [" \N{MULTIPLICATION SIGN} ".join(map(str, shape)) for shape in shapes]
    assert [part.shape for part in drawn] == expected


def test_parts_that_are_left_out_are_not_drawn() -> None:
    drawn = _drawn(lstm=0, gru=0, layers=((8, 16, 3, 1, 2), (16, 24, 3, 3, 2)))
    assert not {"LSTM", "GRU"} & set(drawn)
    assert "Layer 1: 2D convolutions" in drawn
    assert drawn["Dense layer"][1] == ["Hidden layer"]
    assert _drawn(lstm=0)["GRU"][1] == ["Convolution, average pooling"]


def test_the_graph_joins_the_parts() -> None:
    dot = as_dot(TINY, SMALL, dark=False)
    assert dot.count("->") == 10
    assert "p6 -> p9;" in dot
    assert "p8 -> p9;" in dot


def test_confusion_chart_has_a_row_for_each_class_with_videos() -> None:
    chart = confusion_chart([[3, 1], [0, 0]], ["Run", "Walk"], dark=True)
    spec = json.loads(chart.to_json())
    (cells,) = spec["datasets"].values()
    assert [(c["truth"], c["answer"]) for c in cells] == [("Run", "Run"), ("Run", "Walk")]
    assert cells[0] == {"truth": "Run", "answer": "Run", "videos": 3, "share": 0.75}


RELIABILITY = measure_reliability(
    np.array([[0.95, 0.05], [0.92, 0.08], [0.4, 0.6]]), np.array([0, 1, 1]), bins=10
).to_dict()


def test_reliability_has_a_bar_for_each_bin_with_videos() -> None:
    data = reliability_data(RELIABILITY)
    assert data["low"].tolist() == [0.6, 0.9]
    assert data["accuracy"].tolist() == [1.0, 0.5]
    assert data["videos"].tolist() == [1, 2]
    json.dumps(RELIABILITY, allow_nan=False)  # fit for a report
    spec = json.loads(reliability_chart(RELIABILITY, dark=False).to_json())
    assert len(spec["layer"]) == 3
    assert spec["layer"][0]["encoding"]["y2"] == {"datum": 0}  # a bar stands on the axis


def _evaluation(*rows: tuple[str, str, float, int]) -> dict[str, Any]:
    """As in a model file, of rows (class, data set, F1, videos)."""
    per_class = [
        {"class": c, "dataset": d, "precision": f, "recall": f, "f1": f, "videos": n}
        for c, d, f, n in rows
    ]
    value = {"value": rows[0][2], "low": 0.1, "high": 0.9}
    counts = {c: n for c, _, _, n in rows}
    return {
        "videos": sum(counts.values()),
        "overall": {"accuracy": value, "macro-F1": value},
        "per_class": per_class,
        "confusion": [
            [counts.get(name, 0) * (name == answer) for answer in CLASSES] for name in CLASSES
        ],
        "calibration_error": 0.07,
        "reliability": RELIABILITY,
    }


CLASSES = ("Hitting", "Reading", "Dancing")
METRICS = {
    **_evaluation(("Hitting", "HMDB51", 0.9, 12), ("Reading", "UCF101", 0.3, 8)),
    "open_set": {"refused": 0.4, "auroc": None},
    "other_sources": _evaluation(("Dancing", "own", 0.5, 7)),
}
TRAINING = {
    "clips": {"train": {"Hitting": 50, "Reading": 90, "Dancing": 20, "Background": 500}},
    "sources": {"Hitting": ["HMDB51"], "Dancing": ["UCF101", "own", "stills"]},
}


@pytest.fixture
def measured_model(tiny_model: Model) -> Model:
    """Measured on two data sets, and on clips from other sources."""
    return replace(tiny_model, classes=CLASSES, metrics=METRICS, training=TRAINING)


def test_what_each_class_was_trained_and_measured_on(measured_model: Model) -> None:
    table = class_table(measured_model, ["Hitting", "Reading", "Dancing", "Smoking"])
    assert table["Trained on"].tolist() == [
        "50 clips: HMDB51",
        "90 clips",
        "20 clips: UCF101, other sources, still pictures",
        "",
    ]
    assert table["Measured on"].tolist() == [
        "12 videos from HMDB51",
        "8 videos from UCF101",
        "7 videos from other sources",
        "",
    ]


def test_a_class_that_is_measured_twice_has_both(tiny_model: Model) -> None:
    one, two = _evaluation(("Run", "UCF101", 0.9, 30)), _evaluation(("Run", "own", 0.5, 7))
    model = replace(tiny_model, classes=("Run", "Walk", "Sit"))
    both = replace(model, metrics={**one, "other_sources": two})
    assert measured_on(both, "Run") == "30 videos from UCF101, 7 from other sources"
    assert measured_on(replace(model, metrics=two), "Run") == "7 videos"  # a model of one's own
    assert list(class_table(model, ["Run"])) == ["Action"]


@pytest.mark.slow
def test_data_sets_and_other_sources_are_never_taken_together(
    measured_model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_model(measured_model, tmp_path / "m.h5")
    monkeypatch.setenv(MODEL_VARIABLE, str(tmp_path / "m.h5"))
    test = AppTest.from_function(_page, default_timeout=60).run()
    assert not test.exception
    text = _text(test)
    assert (
        "On 20 test videos from HMDB51 and UCF101 that it had not seen: accuracy 90 %, macro-F1 "
        "0.90." in text
    )
    assert (
        "On 7 test videos from other sources that it had not seen: accuracy 50 %, macro-F1 0.50."
        in text
    )
    known, _, of_sets, _, of_others = (frame.value for frame in test.dataframe)
    assert known["Action"].tolist()[:10] == [action.name for action in ACTIONS]
    assert of_sets["Class"].tolist() == ["Hitting", "Reading"]
    assert of_others["Videos from"].tolist() == ["other sources"]
    assert len(test.get("vega_lite_chart")) == 3  # what it confuses, twice, and its probabilities
    assert len(test.get("graphviz_chart")) == 1


@pytest.mark.slow
@pytest.mark.parametrize("name", [SHIPPED, KINETICS])
def test_the_models_of_the_package_have_their_page(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(MODEL_VARIABLE, name)
    test = AppTest.from_function(_page, default_timeout=60).run()
    assert not test.exception
    assert not test.error
    assert len(test.get("graphviz_chart")) == 1
    assert (
        test.selectbox[0].options
        == [
            "ucf101-hmdb51.h5 (the project's actions)",
            "kinetics600.h5 (600 everyday actions)",
        ][:: 1 if name == SHIPPED else -1]
    )


def test_a_long_list_of_classes_is_searched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(MODEL_VARIABLE, KINETICS)
    test = AppTest.from_function(_page, default_timeout=60).run()
    assert "This model knows 600 actions." in _text(test)
    test.text_input[0].set_value("Guitar").run()
    assert test.dataframe[0].value["Action"].tolist() == [
        "playing bass guitar",
        "playing guitar",
        "tapping guitar",
    ]
    assert "3 of 600 actions" in _text(test)


def test_a_model_that_was_not_measured(models: Path) -> None:
    test = AppTest.from_function(_page, default_timeout=60).run()
    assert not test.exception
    assert "it was not measured" in _text(test)


def test_limits_are_those_of_the_file(measured_model: Model, tiny_model: Model) -> None:
    said = " ".join(limits(measured_model))
    assert "It knows three actions and nothing else" in said
    assert "one of them, whatever a video shows" in said
    assert "from HMDB51 and UCF101 its F1 is below 0.65 for: Reading (0.30)." in said
    assert "from other sources its F1 is below 0.65 for: Dancing (0.50)." in said
    assert "It takes 60 % of the videos that show none of its actions for one of them." in said
    assert "does not know: Baby Crawling, Drinking" in said
    assert "at all of them in a video of up to 6 s" in said
    assert "five stretches of 0.4 s" in said
    assert "trained on 160 clips of its actions, 20 to 90 of each" in said
    said = " ".join(limits(tiny_model))
    assert "F1" not in said
    assert "trained on" not in said


def _page() -> None:
    from action_recognition.dashboard.pages.model import model_page

    model_page()


@pytest.fixture
def models(tiny_model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with two models, a damaged one, and a link that leads out of it."""
    folder = tmp_path / "models"
    folder.mkdir()
    metrics = _evaluation(("Hitting", "own", 0.9, 12))
    save_model(tiny_model, folder / "first.h5")
    save_model(replace(tiny_model, classes=("Run", "Hitting", "Walk"), metrics=metrics),
               folder / "second.h5")  # fmt: skip
    (folder / "broken.h5").write_bytes(b"no model")
    (tmp_path / "secret.h5").write_bytes((folder / "first.h5").read_bytes())
    (folder / "link.h5").symlink_to(tmp_path / "secret.h5")
    monkeypatch.setenv(MODEL_VARIABLE, str(folder / "first.h5"))
    monkeypatch.setenv(MODELS_VARIABLE, str(folder))
    return folder


def _text(test: AppTest) -> str:
    return " ".join(element.value for element in (*test.markdown, *test.caption))


@pytest.mark.slow
def test_another_model_is_chosen_and_a_damaged_one_is_not(models: Path) -> None:
    test = AppTest.from_function(_page, default_timeout=60).run()
    (choice,) = test.selectbox
    assert choice.options == [
        "first.h5",
        "ucf101-hmdb51.h5 (the project's actions)",
        "kinetics600.h5 (600 everyday actions)",
        "broken.h5",
        "second.h5",
    ]
    assert not test.file_uploader  # never uploaded
    assert "`first.h5`" in _text(test)
    choice.set_value(models / "second.h5").run()
    assert not test.exception
    assert "`second.h5`" in _text(test)
    assert "one of the project's ten" in _text(test)
    assert "Expected calibration error: 0.070." in _text(test)
    test.selectbox[0].set_value(models / "broken.h5").run()
    assert test.error[0].value.startswith("broken.h5: it is not a model file")
    assert "`second.h5` stays in use" in _text(test)
    assert "three actions" in _text(test)  # the page still tells of the model in use


def test_where_the_operators_model_is_damaged_another_can_be_chosen(
    models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(MODEL_VARIABLE, str(models / "broken.h5"))
    test = AppTest.from_function(_page, default_timeout=60).run()
    assert test.error[0].value.startswith("broken.h5: ")
    test.selectbox[0].set_value(models / "first.h5").run()
    assert not test.error
    assert "`first.h5`" in _text(test)


@pytest.mark.slow
def test_a_picture_of_each_source_that_is_at_hand(
    models: Path, make_video: Callable[..., MadeVideo], monkeypatch: pytest.MonkeyPatch
) -> None:
    clips = models.parent / "clips"
    (clips / "hit").mkdir(parents=True)
    (clips / "IceDancing").mkdir()
    made = make_video("x.mp4", seconds=0.4).path
    (clips / "hit" / "a.mp4").write_bytes(made.read_bytes())
    (clips / "IceDancing" / "bad.mp4").write_bytes(b"no video")
    monkeypatch.setenv(EXAMPLES_VARIABLE, str(clips))
    monkeypatch.setenv(MODEL_VARIABLE, str(models / "second.h5"))
    test = AppTest.from_function(_page, default_timeout=60).run()
    assert not test.exception
    table = test.dataframe[0].value.set_index("Action")
    assert table.loc["Hitting", "Picture"].startswith("data:image/jpeg;base64,")
    assert table["Picture"].notna().sum() == 1
    assert table.loc["Hitting", "Original class"] == "HMDB51 hit"
    assert table.loc["Dancing", "Known"] == "not yet"
