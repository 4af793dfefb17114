"""What the page shows, without Streamlit: classes, chart, frames, and what a session remembers."""

from __future__ import annotations

import json

import numpy as np
import pytest

pytest.importorskip("altair")

from action_recognition.actions import ACTIONS
from action_recognition.dashboard.charts.answer import MAX_BARS, chart, chart_data, left_out
from action_recognition.dashboard.formatting import headline
from action_recognition.dashboard.lru_cache import LruCache
from action_recognition.dashboard.media.frames import pictures
from action_recognition.dashboard.media.heat_maps import overlay
from action_recognition.dashboard.model_summary import ModelSummary, layers
from action_recognition.models.architecture import Architecture
from action_recognition.recognition.results import Prediction, Timings
from action_recognition.video import VideoInfo
from action_recognition.video.orientation import UPRIGHT

ALL = [action.name for action in ACTIONS]


def _prediction(*probabilities: float, known: float = 1.0) -> Prediction:
    info = VideoInfo(2.0, 25.0, 64, 48, "h264", "mov", UPRIGHT, False)
    ranked = tuple((f"Class {k}", p) for k, p in enumerate(probabilities))
    return Prediction("clip.mp4", ranked, known, ((0.0, 1.5),), info, Timings(0.1, 0.2, 0.3))


@pytest.mark.parametrize(
    ("classes", "sentence"),
    [
        (ALL, "This model knows the project's ten actions."),
        (ALL[:4], "This model knows four of the project's ten actions."),
        (
            [*ALL[:4], "Run", "Walk"],
            "This model knows six actions: four of the project's ten, and two more.",
        ),
        (
            [*ALL, "Run"],
            "This model knows 11 actions: the project's ten, and one more.",
        ),
        (
            [f"Action {k}" for k in range(600)],
            "This model knows 600 actions.",
        ),
    ],
)
def test_what_a_model_knows(classes: list[str], sentence: str) -> None:
    summary = ModelSummary.of(classes)
    assert summary.sentence() == sentence
    assert set(summary.known) | set(summary.others) == set(classes)
    assert set(summary.known) | set(summary.missing) == set(ALL)


def test_layers_are_those_of_the_architecture() -> None:
    assert layers(Architecture(classes=2, lstm=4, gru=4)) == "3D CNN → LSTM → GRU → dense layer"
    assert layers(Architecture(classes=2, gru=4)) == "3D CNN → GRU → dense layer"


def test_chart_has_one_bar_a_class() -> None:
    data = chart_data(_prediction(0.7, 0.2, 0.1))
    assert list(data["action"]) == ["Class 0", "Class 1", "Class 2"]
    assert list(data["label"]) == ["70.0 %", "20.0 %", "10.0 %"]


@pytest.mark.parametrize(
    ("prediction", "words", "bars"),
    [
        (_prediction(0.7, 0.2, 0.1), "Class 0", 1),
        (_prediction(0.4, 0.35, 0.25), "Unsure", 2),
        (_prediction(0.7, 0.2, 0.1, known=0.3), "None of the known actions", 0),
        (_prediction(0.4, 0.35, 0.25, known=0.3), "None of the known actions", 0),
    ],
)
def test_one_action_is_named_only_where_the_model_is_sure(
    prediction: Prediction, words: str, bars: int
) -> None:
    assert headline(prediction) == words
    assert list(chart_data(prediction)["answer"]) == [k < bars for k in range(3)]


def test_chart_never_cuts_a_name_off() -> None:
    spec = json.loads(chart(_prediction(0.7, 0.3), dark=False).to_json())
    assert spec["layer"][0]["encoding"]["y"]["axis"]["labelLimit"] >= 1000


def test_many_classes_are_summed_up() -> None:
    prediction = _prediction(*[1 / 20] * 20)
    assert len(chart_data(prediction)) == MAX_BARS
    assert left_out(prediction) == "10 further classes share 50.0 %."
    assert left_out(_prediction(0.6, 0.4)) == ""


@pytest.mark.parametrize(("length", "shown"), [(60, 8), (9, 8), (8, 8), (4, 4), (2, 2), (1, 1)])
def test_pictures_are_spread_over_a_clip(length: int, shown: int) -> None:
    frames = np.arange(2 * length, dtype=np.uint8).reshape(2, length, 1, 1, 1).repeat(3, axis=-1)
    times = np.arange(2 * length, dtype=float).reshape(2, length) / 10
    chosen = pictures(frames[1], times[1])
    assert len(chosen) == shown
    assert chosen[0].time_s == times[1, 0]
    assert chosen[-1].time_s == times[1, -1]
    for picture in chosen:
        assert picture.pixels[0, 0, 0] == round(10 * picture.time_s)
        assert picture.caption == f"{picture.time_s:.2f} s"


def test_overlay_leaves_cold_places_grey_and_colours_hot_ones() -> None:
    frames = np.full((2, 4, 4, 3), (200, 100, 50), dtype=np.uint8)
    heat = np.zeros((2, 4, 4), dtype=np.float32)
    heat[1, 2, 3] = 1
    laid = overlay(frames, heat)
    assert laid.shape == frames.shape
    assert laid.dtype == np.uint8
    grey = round(0.64 * (0.299 * 200 + 0.587 * 100 + 0.114 * 50))
    assert (laid[0] == grey).all()
    assert laid[1, 0, 0].tolist() == [grey] * 3
    hot = laid[1, 2, 3].astype(int)
    assert hot.sum() > 4 * grey  # lighter: it needs no telling of colours apart
    assert hot[0] > hot[2]


def test_the_hotter_the_lighter() -> None:
    frames = np.full((1, 1, 11, 3), 255, dtype=np.uint8)  # a white wall
    heat = np.linspace(0, 1, 11, dtype=np.float32).reshape(1, 1, 11)
    light = overlay(frames, heat)[0, 0] @ np.array([0.299, 0.587, 0.114])
    assert light[-1] - light[0] > 60
    assert (np.diff(light)[2:] > 0).all()


def test_recent_keeps_the_last_used() -> None:
    recent: LruCache[int] = LruCache(2)
    recent.get_or("a", lambda: 1)
    recent.get_or("b", lambda: 2)
    recent.get("a")
    recent.get_or("c", lambda: 3)
    assert (recent.get("a"), recent.get("b"), recent.get("c")) == (1, None, 3)
    assert recent.get_or("a", lambda: 99) == 1


def test_recent_remembers_no_failure() -> None:
    recent: LruCache[int] = LruCache(2)
    with pytest.raises(ZeroDivisionError):
        recent.get_or("a", lambda: 1 // 0)
    assert len(recent) == 0
    assert recent.get_or("a", lambda: 5) == 5
