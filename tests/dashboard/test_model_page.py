"""The page about the model: the drawing of the network, the confusion matrix, the page itself."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

pytest.importorskip("altair")
pytest.importorskip("streamlit")

from streamlit.testing.v1 import AppTest

from action_recognition.clips import Preprocessing
from action_recognition.dashboard.drawing import as_dot, parts
from action_recognition.dashboard.model_page import confusion_chart
from action_recognition.model import HybridNet
from action_recognition.modelfile import load_model, shipped_model_path
from tiny_network import TINY

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


def test_confusion_chart_has_a_cell_for_each_pair() -> None:
    chart = confusion_chart([[3, 1], [0, 0]], ["Run", "Walk"], dark=True)
    spec = json.loads(chart.to_json())
    (cells,) = spec["datasets"].values()
    assert len(cells) == 4
    assert cells[0] == {"truth": "Run", "answer": "Run", "videos": 3, "share": 0.75}
    assert cells[3]["share"] == 0  # a class without videos


def test_the_page_shows_what_the_shipped_file_holds() -> None:
    def page() -> None:
        from action_recognition.dashboard.model_page import show_model_page
        from action_recognition.modelfile import load_model, shipped_model_path

        path = shipped_model_path()
        show_model_page(load_model(path), path.name)

    test = AppTest.from_function(page, default_timeout=60).run()
    assert not test.exception
    metrics = load_model(shipped_model_path()).metrics
    overall, per_class = (frame.value for frame in test.dataframe)
    values = dict(zip(overall["Figure"], overall["Value"], strict=True))
    assert values["accuracy"] == metrics["overall"]["accuracy"]["value"]
    assert list(per_class["class"]) == metrics["classes"]
    assert len(test.get("graphviz_chart")) == 1
    assert any("test videos that it had not seen" in m.value for m in test.markdown)


def test_a_model_that_was_not_measured() -> None:
    def page() -> None:
        from dataclasses import replace

        from action_recognition.dashboard.model_page import show_model_page
        from action_recognition.modelfile import load_model, shipped_model_path

        show_model_page(replace(load_model(shipped_model_path()), metrics={}), "m.h5")

    test = AppTest.from_function(page, default_timeout=60).run()
    assert not test.exception
    assert any("it was not measured" in m.value for m in test.markdown)
