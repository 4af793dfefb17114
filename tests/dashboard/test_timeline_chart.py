"""The course of a video: what the chart shows."""

from __future__ import annotations

import json

import numpy as np
import pytest

pytest.importorskip("altair")
pytest.importorskip("streamlit")

from action_recognition.dashboard.charts.timeline import (
    NONE_OF_THESE,
    course_chart,
    course_data,
    in_words,
    later,
)
from action_recognition.recognition.segmentation import Moment, Segment

CLASSES = ("Run", "Walk", "Jump")
MOMENTS = [
    Moment(0.5, np.array([0.7, 0.2, 0.1]), 0.9),
    Moment(1.5, np.array([0.1, 0.2, 0.7]), 0.8),
    Moment(2.5, np.array([0.1, 0.8, 0.1]), 0.2),
]


def test_rows_are_what_leads_at_some_moment() -> None:
    data, rows = course_data(MOMENTS, CLASSES, 0.0, 3.2)
    assert rows == ["Run", "Jump", NONE_OF_THESE]  # walking leads only where it is none of these
    assert len(data) == 9
    first = data[data["start"] == 0].set_index("action")
    assert first.loc["Run", "probability"] == pytest.approx(0.63)
    assert first.loc[NONE_OF_THESE, "probability"] == pytest.approx(0.1)
    assert first.loc["Run", "end"] == 1
    assert data["end"].max() == 3.2
    assert first.loc["Run", "label"] == "63.0 %"


def test_a_model_that_always_answers_has_no_row_for_none_of_these() -> None:
    sure = [Moment(m.time_s, m.probabilities) for m in MOMENTS]
    _, rows = course_data(sure, CLASSES, 0.0, 3.2)
    assert rows == ["Run", "Walk", "Jump"]


@pytest.mark.parametrize("dark", [True, False])
def test_the_chart_is_readable_without_seeing_colours(dark: bool) -> None:
    spec = json.loads(course_chart(MOMENTS, CLASSES, 0.0, 3.2, dark=dark).to_json())
    assert spec["encoding"]["opacity"]["scale"]["domain"] == [0, 1]
    assert "color" not in spec["encoding"]  # one hue: its strength is what counts
    assert spec["encoding"]["y"]["sort"] == ["Run", "Jump", NONE_OF_THESE]


def test_subtitles_of_a_part_begin_with_it() -> None:
    whole = [
        Segment(0, 10, "Run", "Run", 0.9, 1.0),
        Segment(10, 70, None, "Run", 0.8, 0.2),
        Segment(70, 90, "Jump", "Jump", 0.7, 1.0),
    ]
    assert later(whole, 0.0) == whole
    assert [(s.start_s, s.end_s) for s in later(whole, 30.0)] == [(0, 40), (40, 60)]
    assert [s.action for s in later(whole, 10.0)] == [None, "Jump"]


def test_an_unsure_segment_has_its_two_most_probable_actions() -> None:
    def words(action: str | None, probability: float) -> str:
        segment = Segment(0.0, 2.0, action, "Run", probability, 0.8)
        return in_words(segment, MOMENTS, CLASSES)

    assert words("Run", 0.7) == "Run"
    assert words("Run", 0.45) == "Unsure: Run or Jump"  # over the first two moments
    assert words(None, 0.45) == NONE_OF_THESE
