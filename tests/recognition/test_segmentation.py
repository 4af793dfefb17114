"""Segments out of moments whose truth is known."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np
import pytest

from action_recognition.errors import UsageError
from action_recognition.recognition.segmentation import Moment, Segment, find_segments

CLASSES = ("Run", "Walk", "Jump")
NONE = len(CLASSES)


def moments(states: list[int], *, sure: float = 0.9) -> list[Moment]:
    """Half a second in, then one a second; `sure` of what each shows."""
    found = []
    for k, state in enumerate(states):
        shares = np.full(len(CLASSES), (1 - sure) / (len(CLASSES) - 1))
        known = sure
        if state == NONE:
            shares[:], known = 1 / len(CLASSES), 1 - sure
        else:
            shares[state] = sure
        found.append(Moment(0.5 + k, shares, known))
    return found


def spans(segments: Iterator[Segment]) -> list[tuple[float, float, str | None]]:
    return [(s.start_s, s.end_s, s.action) for s in segments]


@pytest.mark.parametrize("dwell_s", [0, 4])
def test_segments_have_the_borders_of_the_truth(dwell_s: float) -> None:
    seen = moments([0] * 6 + [NONE] * 5 + [2] * 7)
    found = spans(find_segments(seen, CLASSES, step_s=1, dwell_s=dwell_s, end_s=18.2))
    assert found == [(0, 6, "Run"), (6, 11, None), (11, 18.2, "Jump")]


def test_a_lone_moment_is_overruled_and_several_are_not() -> None:
    seen = moments([0] * 5 + [1] + [0] * 5 + [1] * 5, sure=0.6)
    plain = spans(find_segments(seen, CLASSES, step_s=1, dwell_s=0))
    smooth = spans(find_segments(seen, CLASSES, step_s=1, dwell_s=8))
    assert [a for *_, a in plain] == ["Run", "Walk", "Run", "Walk"]
    assert smooth == [(0, 11, "Run"), (11, 16, "Walk")]


def test_many_likely_actions_are_not_none_of_them() -> None:
    torn = Moment(0.5, np.array([0.4, 0.3, 0.3]), known_probability=0.6)
    for dwell_s in (0, 4):
        (found,) = find_segments([torn], CLASSES, step_s=1, dwell_s=dwell_s)
        assert found.action == "Run"


def test_probability_is_the_mean_of_the_moments() -> None:
    seen = [*moments([1], sure=0.9), Moment(1.5, np.array([0.1, 0.5, 0.4]), 0.8)]
    (found,) = find_segments(seen, CLASSES, step_s=1, dwell_s=4)
    assert found.probability == pytest.approx(0.7)
    assert found.known_probability == pytest.approx(0.85)
    assert not found.unsure
    assert found.to_dict() == {
        "start_s": 0, "end_s": 2, "action": "Walk", "nearest_action": "Walk",
        "probability": 0.7, "known_probability": 0.85, "unsure": False,
        "second_action": "Jump", "second_probability": 0.225,
    }  # fmt: skip


def test_none_of_the_actions_names_the_nearest() -> None:
    seen = [
        Moment(0.5, np.array([0.5, 0.3, 0.2]), 0.2),
        Moment(1.5, np.array([0.1, 0.2, 0.7]), 0.3),
    ]
    (found,) = find_segments(seen, CLASSES, step_s=1, dwell_s=4)
    assert (found.action, found.nearest_action) == (None, "Jump")  # by the mean: 0.3, 0.25, 0.45
    assert found.probability == pytest.approx(0.45)
    assert found.known_probability == pytest.approx(0.25)
    assert not found.unsure


def test_unsure_segment() -> None:
    seen = [Moment(k + 0.5, np.array([0.45, 0.3, 0.25]), 0.9) for k in range(3)]
    (found,) = find_segments(seen, CLASSES, step_s=1, dwell_s=4)
    assert (found.action, found.unsure) == ("Run", True)
    assert found.to_dict()["unsure"] is True
    assert found.label == "Unsure: Run or Walk"


def test_end_of_the_video() -> None:
    seen = moments([0, 0])
    for end_s, expected in ((None, 2.0), (2.7, 2.7), (0.1, 0.1)):
        (found,) = find_segments(seen, CLASSES, step_s=1, dwell_s=0, end_s=end_s)
        assert (found.start_s, found.end_s) == (0, expected)


def test_smoothing_finds_more_of_the_truth_under_noise() -> None:
    random = np.random.default_rng(0)
    truth = np.repeat(random.integers(0, 3, 40), 8)
    seen = []
    for k, state in enumerate(truth):
        shown = np.exp(random.normal(0, 1.2, 3) + 1.5 * (np.arange(3) == state))
        seen.append(Moment(0.5 + k, shown / shown.sum()))

    def share_right(dwell_s: float) -> float:
        found = find_segments(seen, CLASSES, step_s=1, dwell_s=dwell_s)
        names = [s.action for s in found for _ in range(round(s.end_s - s.start_s))]
        return float(np.mean([CLASSES[t] == n for t, n in zip(truth, names, strict=True)]))

    assert share_right(8) > share_right(0) + 0.1


def test_segments_come_while_the_video_runs_and_memory_does_not_grow() -> None:
    read = 0

    def endless() -> Iterator[Moment]:
        nonlocal read
        for k in itertools.count():
            read += 1
            (moment,) = moments([(k // 20) % 3])
            yield Moment(0.5 + k, moment.probabilities, moment.known_probability)

    found = find_segments(endless(), CLASSES, step_s=1, dwell_s=4)
    for k, segment in enumerate(itertools.islice(found, 50)):
        assert segment.end_s == 20 * (k + 1)
        assert read < segment.end_s + 20


def test_no_moments_no_segments() -> None:
    assert list(find_segments([], CLASSES, step_s=1, dwell_s=4)) == []


@pytest.mark.parametrize(
    ("step_s", "dwell_s"), [(0, 4), (-1, 4), (1, -1), (float("nan"), 4), (1, float("nan"))]
)
def test_steps_that_make_no_sense(step_s: float, dwell_s: float) -> None:
    with pytest.raises(UsageError, match=f"step_s={step_s}, dwell_s={dwell_s} make no sense"):
        next(find_segments([], CLASSES, step_s=step_s, dwell_s=dwell_s))
