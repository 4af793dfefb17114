"""The page about the model: the drawing of the network, the confusion matrix, the page itself."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("altair")
pytest.importorskip("streamlit")

from streamlit.testing.v1 import AppTest

from action_recognition.actions import ACTIONS
from action_recognition.models.probabilities import measure_reliability
from action_recognition.clips import Preprocessing
from action_recognition.dashboard.drawing import as_dot, parts
from action_recognition.dashboard.limits import limits
from action_recognition.dashboard.model_charts import (
    confusion_chart,
    reliability_chart,
    reliability_data,
)
from action_recognition.dashboard.settings import (
    EXAMPLES_VARIABLE,
    MODEL_VARIABLE,
    MODELS_VARIABLE,
)
from action_recognition.models.hybridnet import HybridNet
from action_recognition.models.model_file import Model, load_model, save_model, shipped_model_path
from tiny_network import TINY
from video_maker import MadeVideo

SMALL = Preprocessing(frames=4, interval_s=0.1, size=32)


def shapes(**change: object) -> list[tuple[str, str]]:
    network = HybridNet(replace(TINY, **change)).eval()
    return [(n, s.replace("\N{MULTIPLICATION SIGN}", "x")) for n, s in parts(network, SMALL)]


def test_the_drawing_has_the_parts_and_shapes_of_the_network() -> None:
    drawn = shapes()
    names = [name for name, _ in drawn]
    assert names[0] == "Clip"
    assert names[1].startswith("Shared blocks (1), for frames and differences")
    assert names[3:5] == ["LSTM", "GRU"]
    assert names[5] == "Dense layer (reads the mean over time, and the mean of the blocks' vectors)"
    assert drawn[0][1] == "4 x 32 x 32 x 3"
    assert drawn[1][1].startswith("2 x 4 x 16 x 16 x ")
    assert drawn[2][1] == f"4 x {2 * TINY.features}"
    assert drawn[3][1] == f"4 x {TINY.lstm}"
    assert drawn[-1][1] == str(TINY.classes)


def test_parts_that_are_left_out_are_not_drawn() -> None:
    names = [name for name, _ in shapes(lstm=0, difference=False, skip=False, conv3d=False)]
    assert "LSTM" not in names
    assert names[1].endswith("for frames")
    assert names[2].startswith("2D blocks")
    assert names[-1] == "Dense layer (reads the mean over time)"


def test_the_graph_joins_the_parts() -> None:
    dot = as_dot(HybridNet(TINY).eval(), SMALL, dark=False)
    assert dot.count("->") == 6  # one after the other, and past the recurrent layers
    assert "p2 -> p5 [style=dashed]" in dot


def test_the_second_opinion_is_drawn_beside() -> None:
    network = HybridNet(replace(TINY, fisher=3, fisher_width=4)).eval()
    dot = as_dot(network, SMALL, dark=False)
    assert dot.count("->") == 9
    assert "p1 -> f; f -> d; d -> p5" in dot
    assert f"{2 * 2 * 3 * (4 + 1)} for a clip" in dot


def test_confusion_chart_has_a_cell_for_each_pair() -> None:
    chart = confusion_chart([[3, 1], [0, 0]], ["Run", "Walk"], dark=True)
    spec = json.loads(chart.to_json())
    (cells,) = spec["datasets"].values()
    assert len(cells) == 4
    assert cells[0] == {"truth": "Run", "answer": "Run", "videos": 3, "share": 0.75}
    assert cells[3]["share"] == 0  # a class without videos


def test_the_page_shows_what_the_shipped_file_holds() -> None:
    def page() -> None:
        from pathlib import Path

        from action_recognition.dashboard.model_page import show_model_page
        from action_recognition.models.model_file import load_model, shipped_model_path

        path = shipped_model_path()
        show_model_page(load_model(path), path.name, Path("none"))

    test = AppTest.from_function(page, default_timeout=60).run()
    assert not test.exception
    metrics = load_model(shipped_model_path()).metrics
    known, overall, per_class = (frame.value for frame in test.dataframe)
    assert list(known["Action"][:10]) == [action.name for action in ACTIONS]
    assert "Picture" not in known
    values = dict(zip(overall["Figure"], overall["Value"], strict=True))
    assert values["accuracy"] == metrics["overall"]["accuracy"]["value"]
    assert list(per_class["Class"]) == metrics["classes"]
    assert len(test.get("graphviz_chart")) == 1
    background = load_model(shipped_model_path()).background
    assert any(c.value.startswith(f"{len(background)} of the last") for c in test.caption) == bool(
        background
    )
    assert any("test videos that it had not seen" in m.value for m in test.markdown)


def test_a_model_that_was_not_measured() -> None:
    def page() -> None:
        from dataclasses import replace
        from pathlib import Path

        from action_recognition.dashboard.model_page import show_model_page
        from action_recognition.models.model_file import load_model, shipped_model_path

        show_model_page(replace(load_model(shipped_model_path()), metrics={}), "m.h5", Path("none"))

    test = AppTest.from_function(page, default_timeout=60).run()
    assert not test.exception
    assert any("it was not measured" in m.value for m in test.markdown)


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


def test_limits_are_those_of_the_file(tiny_model: Model) -> None:
    rows = [
        {"class": "Jumping", "f1": 0.9, "videos": 12},
        {"class": "Reading", "f1": 0.3, "videos": 8},
    ]
    measured = replace(tiny_model, metrics={"per_class": rows, "rejection": {"refused": 0.4}})
    said = " ".join(limits(measured))
    assert "It knows three classes and nothing else" in said
    assert "one of them, whatever a video shows" in said
    assert "weak, with an F1 below 0.65, on: Reading (0.30)." in said
    assert "lets 60% pass" in said
    assert "does not know: Baby Crawling, Dancing" in said
    assert "0.3 s each" in said
    said = " ".join(limits(replace(tiny_model, training={"clips": {"train": {"A": 5, "B": 9}}})))
    assert "learned from 14 clips, 5 to 9 of a class" in said
    assert "weak" not in said


def _page() -> None:
    from action_recognition.dashboard.model_page import model_page

    model_page()


@pytest.fixture
def models(tiny_model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with two models, a damaged one, and a link that leads out of it."""
    folder = tmp_path / "models"
    folder.mkdir()
    metrics: dict[str, Any] = {"calibration_error": 0.07, "reliability": RELIABILITY}
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


def test_another_model_is_chosen_and_a_damaged_one_is_not(models: Path) -> None:
    test = AppTest.from_function(_page, default_timeout=60).run()
    (choice,) = test.selectbox
    assert choice.options == ["first.h5", "broken.h5", "second.h5"]
    assert not test.file_uploader  # never uploaded
    assert "`first.h5`" in _text(test)
    choice.set_value(models / "second.h5").run()
    assert not test.exception
    assert "`second.h5`" in _text(test)
    assert "one of the project's ten actions" in _text(test)
    assert "Expected calibration error 0.070" in _text(test)
    test.selectbox[0].set_value(models / "broken.h5").run()
    assert test.error[0].value.startswith("broken.h5: it is not an HDF5 file")
    assert "`second.h5` stays in use" in _text(test)
    assert "three classes" in _text(test)  # the page still tells of the model in use


def test_where_the_operators_model_is_damaged_another_can_be_chosen(
    models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(MODEL_VARIABLE, str(models / "broken.h5"))
    test = AppTest.from_function(_page, default_timeout=60).run()
    assert test.error[0].value.startswith("broken.h5: ")
    test.selectbox[0].set_value(models / "first.h5").run()
    assert not test.error
    assert "`first.h5`" in _text(test)


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
    test = AppTest.from_function(_page, default_timeout=60).run()
    assert not test.exception
    table = test.dataframe[0].value.set_index("Action")
    assert table.loc["Hitting", "Picture"].startswith("data:image/jpeg;base64,")
    assert table["Picture"].notna().sum() == 1
    assert table.loc["Hitting", "Source"] == "HMDB51 hit"
    assert table.loc["Dancing", "Known"] == "not yet"
