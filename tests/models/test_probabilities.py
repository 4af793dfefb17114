"""Temperature scaling, on data whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest

from action_recognition.errors import UsageError
from action_recognition.models.probabilities import fit_temperature, softmax


def drawn(temperature: float, videos: int = 4000) -> tuple[np.ndarray, list[int]]:
    """Logits of videos, and classes drawn with the probabilities at a temperature."""
    random = np.random.default_rng(0)
    logits = random.normal(0, 3, (videos, 5))
    return logits, [int(random.choice(5, p=p)) for p in softmax(logits / temperature)]


def test_softmax() -> None:
    logits = np.log(np.array([[[1.0, 2.0, 5.0], [3.0, 3.0, 2.0]]], np.float32))
    found = softmax(logits)
    assert found.dtype == np.float64
    assert found == pytest.approx(np.array([[[0.125, 0.25, 0.625], [0.375, 0.375, 0.25]]]))
    assert softmax(logits + 1000) == pytest.approx(found, abs=1e-4)
    assert softmax(np.array([1e4, 0.0, -1e4])) == pytest.approx([1, 0, 0])
    assert softmax(np.array([1e-9, 0.0])) == pytest.approx([0.5, 0.5])


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_the_temperature_that_the_data_were_drawn_with_is_found(temperature: float) -> None:
    logits, targets = drawn(temperature)
    assert fit_temperature(logits, targets) == pytest.approx(temperature, rel=0.1)


def test_scaling_makes_answers_as_certain_as_they_are_right() -> None:
    logits, targets = drawn(3.0)
    gaps = []
    for temperature in (1.0, fit_temperature(logits, targets)):
        shares = softmax(logits / temperature)
        gaps.append(shares.max(1).mean() - np.mean(shares.argmax(1) == targets))
    assert gaps[0] > 0.2
    assert abs(gaps[1]) < 0.02


def test_a_few_videos_that_are_all_right_make_nothing_certain() -> None:
    logits, targets = np.eye(5)[:3] * 5, [0, 1, 2]
    temperature = fit_temperature(logits, targets)
    assert 0.5 < temperature < 1
    assert softmax(logits[0] / temperature)[0] < 0.999
    many = np.tile(logits, (1000, 1))
    assert fit_temperature(many, targets * 1000) < temperature / 2  # many may


def test_the_temperature_has_bounds() -> None:
    logits = np.tile(np.eye(2), (500, 1))
    assert fit_temperature(logits * 5, [1, 0] * 500) == pytest.approx(20, rel=0.01)
    assert fit_temperature(logits / 100, [0, 1] * 500) == pytest.approx(0.05, rel=0.01)


def test_nothing_to_fit() -> None:
    with pytest.raises(UsageError, match="0 videos and 0 targets"):
        fit_temperature(np.zeros((0, 3)), [])
    with pytest.raises(UsageError, match="2 videos and 1 targets"):
        fit_temperature(np.zeros((2, 3)), [0])
