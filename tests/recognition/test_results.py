"""What the answers for a video, a moment and a segment say, and when they say none or unsure."""

from __future__ import annotations

import json

import numpy as np
import pytest

from action_recognition.errors import UsageError
from action_recognition.recognition.results import Prediction, Timings, rank
from action_recognition.video import VideoInfo
from action_recognition.video.orientation import UPRIGHT

INFO = VideoInfo(2.0, 25.0, 64, 48, "h264", "mov", UPRIGHT, False)


def answer(*probabilities: float, known: float = 1.0) -> Prediction:
    ranked = rank(("Walk", "Run", "Jump"), np.array(probabilities))
    return Prediction("a.mp4", ranked, known, ((0.0, 1.96),), INFO, Timings(0.1, 0.2, 0.3))


def test_rank() -> None:
    assert rank(("a", "b", "c", "d"), np.array([0.1, 0.4, 0.4, 0.1])) == (
        ("b", 0.4), ("c", 0.4), ("a", 0.1), ("d", 0.1),
    )  # fmt: skip


def test_a_known_action() -> None:
    found = answer(0.2, 0.7, 0.1, known=0.9)
    assert (found.action, found.nearest_action, found.probability) == ("Run", "Run", 0.7)
    assert found.probabilities == {"Run": 0.7, "Walk": 0.2, "Jump": 0.1}
    assert not found.unsure
    assert repr(found) == "Prediction('a.mp4': Run 70.0 %)"


@pytest.mark.parametrize(
    ("known", "action"), [(1.0, "Run"), (0.5, "Run"), (0.499, None), (0.0, None)]
)
def test_none_of_the_known_actions(known: float, action: str | None) -> None:
    found = answer(0.2, 0.7, 0.1, known=known)
    assert found.action == action
    assert (found.nearest_action, found.probability) == ("Run", 0.7)  # whatever `action` says
    assert ("none of the known actions" in repr(found)) == (action is None)


@pytest.mark.parametrize(
    ("share", "known", "unsure"),
    [(0.5, 1.0, False), (0.499, 1.0, True), (0.4, 0.5, True), (0.4, 0.4, False)],
)
def test_unsure_is_a_known_action_less_probable_than_not(
    share: float, known: float, unsure: bool
) -> None:
    rest = 1 - share
    assert answer(share, rest * 0.6, rest * 0.4, known=known).unsure is unsure


def test_plain_values() -> None:
    found = answer(0.25, 0.7123456789, 0.0376543211, known=0.43219).to_dict()
    assert json.loads(json.dumps(found)) == found
    assert found == {
        "file": "a.mp4",
        "action": None,
        "nearest_action": "Run",
        "probability": 0.712346,
        "known_probability": 0.4322,
        "unsure": False,
        "probabilities": {"Run": 0.712346, "Walk": 0.25, "Jump": 0.037654},
        "start_s": 0.0,
        "duration_s": 2.0,
        "elapsed_s": 0.6,
        "clips_s": [[0.0, 1.96]],
        "timings_s": {"open_s": 0.1, "decode_s": 0.2, "network_s": 0.3},
    }
    assert list(found["probabilities"]) == ["Run", "Walk", "Jump"]


@pytest.mark.parametrize("ranked", [(), (("a", 0.5),), (("a", float("nan")),)])
def test_probabilities_that_do_not_sum_to_one(ranked: tuple[tuple[str, float], ...]) -> None:
    with pytest.raises(UsageError, match=r"Prediction: .* must sum to 1"):
        Prediction("a.mp4", ranked, 1.0, (), INFO, Timings(0, 0, 0))
