"""How far probabilities are off, on answers whose truth is known."""

from __future__ import annotations

import numpy as np
import pytest

from action_recognition.evaluation.calibration import measure_reliability


def test_bins_and_error() -> None:
    scores = np.array([[0.95, 0.05], [0.95, 0.05], [0.35, 0.65], [1.0, 0.0]])
    found = measure_reliability(scores, np.array([0, 1, 1, 0]), bins=10)
    assert found.count.tolist() == [0] * 6 + [1, 0, 0, 3]
    assert found.accuracy[9] == pytest.approx(2 / 3)
    assert found.confidence[9] == pytest.approx(2.9 / 3)
    assert np.isnan(found.accuracy[0])
    assert found.error == pytest.approx((3 * abs(2.9 / 3 - 2 / 3) + 0.35) / 4)


@pytest.mark.slow
def test_what_chance_shows_on_few_videos_is_what_calibrated_answers_show() -> None:
    random = np.random.default_rng(1)
    certain = random.uniform(0.5, 1, 160)
    scores = np.stack([certain, 1 - certain], 1)
    errors, chances = [], []
    for _ in range(200):
        truth = (random.random(160) >= certain).astype(np.int64)
        found = measure_reliability(scores, truth)
        errors.append(found.error)
        chances.append(found.chance)
    mean, high = chances[0]
    assert set(chances) == {(mean, high)}  # of the probabilities alone
    assert mean == pytest.approx(np.mean(errors), rel=0.1)
    assert np.mean(np.array(errors) <= high) == pytest.approx(0.95, abs=0.04)
    many = np.tile(scores, (100, 1))
    assert measure_reliability(many, np.zeros(16000, int)).chance[1] < 0.01


def test_reliability_as_plain_values() -> None:
    found = measure_reliability(np.array([[0.95, 0.05], [0.35, 0.65]]), np.array([0, 0])).to_dict()
    assert found["videos"] == [0] * 6 + [1, 0, 0, 1]
    assert found["accuracy"] == [None] * 6 + [0.0, None, None, 1.0]
    assert found["confidence"][6] == 0.65
    assert found["error"] == pytest.approx(0.35)
