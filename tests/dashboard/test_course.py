"""The player: what it is given to draw."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("streamlit")

from action_recognition.dashboard.player.course import FULL, NONE_OF_THESE, course
from action_recognition.dashboard.player.player import later
from action_recognition.recognition.segmentation import Moment, Segment

CLASSES = ("Run", "Walk", "Jump")
MOMENTS = [
    Moment(0.5, np.array([0.7, 0.2, 0.1]), 0.9),
    Moment(1.5, np.array([0.1, 0.2, 0.7]), 0.8),
    Moment(2.5, np.array([0.1, 0.8, 0.1]), 0.2),
]


def test_rows_are_what_leads_at_some_moment() -> None:
    chart = course(MOMENTS, CLASSES, 0.0, 3.2)
    rows = {row["name"]: row["shares"] for row in chart["rows"]}
    assert list(rows) == ["Run", "Jump", NONE_OF_THESE]  # walking leads only where it is unknown
    assert chart["borders"] == [0.0, 1.0, 2.0, 3.2]
    assert rows["Run"][0] == round(0.63 * FULL)
    assert rows[NONE_OF_THESE] == pytest.approx([0.1 * FULL, 0.2 * FULL, 0.8 * FULL], abs=1)


def test_a_model_that_always_answers_has_no_row_for_none_of_these() -> None:
    sure = [Moment(m.time_s, m.probabilities) for m in MOMENTS]
    chart = course(sure, CLASSES, 0.0, 3.2)
    assert [row["name"] for row in chart["rows"]] == ["Run", "Walk", "Jump"]


def test_subtitles_of_a_part_begin_with_it() -> None:
    whole = [
        Segment(0, 10, "Run", "Run", 0.9, 1.0),
        Segment(10, 70, None, "Run", 0.8, 0.2),
        Segment(70, 90, "Jump", "Jump", 0.7, 1.0),
    ]
    assert later(whole, 0.0) == whole
    assert [(s.start_s, s.end_s) for s in later(whole, 30.0)] == [(0, 40), (40, 60)]
    assert [s.action for s in later(whole, 10.0)] == [None, "Jump"]


@pytest.mark.parametrize(
    ("action", "probability", "label"),
    [("Run", 0.7, "Run"), ("Run", 0.45, "Unsure: Run or Jump"), (None, 0.45, None)],
)
def test_an_unsure_segment_has_its_two_most_probable_actions(
    action: str | None, probability: float, label: str | None
) -> None:
    assert Segment(0.0, 2.0, action, "Run", probability, 0.8, "Jump", 0.4).label == label
