"""Temperature scaling and the calibration error, on data whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest

from action_recognition.models.probabilities import (
    fit_temperature,
    measure_reliability,
    video_probabilities,
)
from action_recognition.errors import UsageError


def drawn(temperature: float, videos: int = 4000) -> tuple[list[np.ndarray], list[int]]:
    """Logits of one clip a video, and classes drawn with the probabilities at a temperature."""
    random = np.random.default_rng(0)
    logits = [random.normal(0, 3, (1, 5)) for _ in range(videos)]
    targets = [int(random.choice(5, p=video_probabilities(x, temperature))) for x in logits]
    return logits, targets


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_the_temperature_that_the_data_were_drawn_with_is_found(temperature: float) -> None:
    logits, targets = drawn(temperature)
    assert fit_temperature(logits, targets) == pytest.approx(temperature, rel=0.1)


def test_scaling_removes_the_error() -> None:
    logits, targets = drawn(3.0)
    before, after = (
        measure_reliability(
            np.stack([video_probabilities(x, t) for x in logits]), np.array(targets)
        ).error
        for t in (1.0, fit_temperature(logits, targets))
    )
    assert before > 0.2
    assert after < 0.03


def test_a_few_videos_that_are_all_right_make_nothing_certain() -> None:
    logits, targets = [np.eye(5)[k : k + 1] * 5 for k in range(3)], [0, 1, 2]
    temperature = fit_temperature(logits, targets)
    assert 0.5 < temperature < 1
    assert video_probabilities(logits[0], temperature)[0] < 0.999
    assert fit_temperature(logits * 1000, targets * 1000) < temperature / 2  # many may


def test_probabilities_of_a_video_are_the_geometric_mean_over_its_clips() -> None:
    logits = np.array([[2.0, 0.0, 1.0], [0.0, 4.0, 1.0]])
    each = np.stack([video_probabilities(row[None], 2.0) for row in logits])
    mean = np.exp(np.log(each).mean(0))
    assert video_probabilities(logits, 2.0) == pytest.approx(mean / mean.sum())
    assert video_probabilities(logits, 2.0) == pytest.approx([0.2741, 0.4519, 0.2741], abs=1e-4)


def test_the_mean_of_probabilities_that_are_right_for_clips_is_too_modest_for_videos() -> None:
    """Clips that see the class through noises of their own: each is calibrated, their mean not."""
    random = np.random.default_rng(0)
    truth = random.integers(3, size=3000)
    seen = np.eye(3)[truth][:, None] + random.normal(0, 1, (3000, 5, 3))  # likelihood exp(seen)
    each = np.exp(seen) / np.exp(seen).sum(2, keepdims=True)
    assert measure_reliability(each.reshape(-1, 3), np.repeat(truth, 5)).error < 0.02
    assert measure_reliability(each.mean(1), truth).error > 0.1
    temperature = fit_temperature(list(seen), truth.tolist())
    assert temperature == pytest.approx(0.2, rel=0.15)  # five clips say five times as much
    found = np.stack([video_probabilities(x, temperature) for x in seen])
    assert measure_reliability(found, truth).error < 0.02


def test_extremes_of_logits_and_temperature() -> None:
    logits = np.array([[2.0, 0.0], [0.0, 4.0]])
    assert video_probabilities(np.array([[1e4, 0.0]]), 0.1) == pytest.approx([1, 0])
    assert video_probabilities(logits, 1e6) == pytest.approx([0.5, 0.5], abs=1e-5)


def test_bins_and_error() -> None:
    scores = np.array([[0.95, 0.05], [0.95, 0.05], [0.35, 0.65], [1.0, 0.0]])
    found = measure_reliability(scores, np.array([0, 1, 1, 0]), bins=10)
    assert found.count.tolist() == [0] * 6 + [1, 0, 0, 3]
    assert found.accuracy[9] == pytest.approx(2 / 3)
    assert found.confidence[9] == pytest.approx(2.9 / 3)
    assert np.isnan(found.accuracy[0])
    assert found.error == pytest.approx((3 * abs(2.9 / 3 - 2 / 3) + 0.35) / 4)


def test_nothing_to_fit() -> None:
    with pytest.raises(UsageError, match="0 videos and 0 targets"):
        fit_temperature([], [])


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
