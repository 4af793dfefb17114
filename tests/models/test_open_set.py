"""The rule for "none of these", on logits whose answer is known."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from action_recognition.errors import UsageError
from action_recognition.models.open_set import OpenSetRule, energy_and_odds, fit_rule

RULE = OpenSetRule(energy=0.5, odds=2.0, threshold=0.25, slope=3.0)
Logits = NDArray[np.float64]


def logits_of(energy: float, odds: float = 0.0) -> Logits:
    """Two known classes, alike, and one of the background."""
    return np.array([energy - np.log(2), energy - np.log(2), energy - odds])


def test_energy_and_odds() -> None:
    logits = np.log(np.array([[0.5, 0.25, 1.5], [1.0, 1.0, 1.0]], np.float32))
    energy, odds = energy_and_odds(logits, 2)
    assert energy == pytest.approx(np.log([0.75, 2]))
    assert odds == pytest.approx(np.log([0.75 / 1.5, 2]))
    energy, odds = energy_and_odds(logits, 3)  # no background classes
    assert energy == pytest.approx(np.log([2.25, 3]))
    assert odds.tolist() == [0, 0]
    assert energy_and_odds(np.full(3, 1e4), 3)[0] == pytest.approx(1e4 + np.log(3))


def test_the_score_weighs_energy_and_odds() -> None:
    assert RULE.score(logits_of(4.0, -1.5), 2) == pytest.approx(0.5 * 4 - 2 * 1.5)
    several = np.stack([logits_of(4.0, -1.5), logits_of(-1.0, 1.0)])
    assert RULE.score(several, 2) == pytest.approx([-1, 1.5])


def test_the_known_probability_is_a_half_at_the_threshold_and_rises_with_the_score() -> None:
    def known(score: float) -> float:
        return RULE.known_probability(logits_of(2 * score), 2)

    assert known(0.25) == pytest.approx(0.5)
    assert known(0.75) == pytest.approx(1 / (1 + np.exp(-3 * 0.5)))
    shares = [known(score) for score in np.linspace(-4, 4, 33)]
    assert shares == sorted(set(shares))
    assert known(-1e6) == pytest.approx(0)
    assert known(1e6) == pytest.approx(1)


def test_it_survives_json() -> None:
    assert OpenSetRule.from_dict(json.loads(json.dumps(RULE.to_dict()))) == RULE


@pytest.mark.parametrize(
    "change",
    [
        {"threshold": np.nan},
        {"threshold": -np.inf},
        {"slope": 0.0},
        {"slope": np.inf},
        {"energy": -0.1},
        {"odds": np.nan},
    ],
)
def test_values_that_make_no_sense(change: dict[str, float]) -> None:
    ((name, value),) = change.items()
    with pytest.raises(UsageError, match=f"OpenSetRule: {name}={value} makes no sense"):
        replace(RULE, **change)


def drawn(energy: float, odds: float, count: int = 400, seed: int = 0) -> Logits:
    """Videos around an energy (deviation 1) and odds (deviation 4)."""
    random = np.random.default_rng(seed)
    pairs = random.normal((energy, odds), (1, 4), (count, 2))
    return np.stack([logits_of(*pair) for pair in pairs])


@pytest.mark.parametrize("kept", [1.0, 0.95, 0.5])
def test_the_share_of_known_videos_that_is_kept(kept: float) -> None:
    known = drawn(5, 8)
    rule = fit_rule(known, None, 2, kept=kept)
    found = [rule.known_probability(video, 2) >= 0.5 for video in known]
    assert np.mean(found) == pytest.approx(kept, abs=0.005)
    assert np.mean(found) >= kept


def test_energy_and_odds_count_alike() -> None:
    rule = fit_rule(drawn(5, 8), None, 2, kept=0.95)
    assert (rule.energy, rule.odds) == (0.5, 0.5)


def test_without_background_classes_the_energy_decides() -> None:
    known = drawn(5, 8)[:, :2]
    rule = fit_rule(known, known - 6, 2, kept=0.95)
    assert rule.odds == 0
    assert np.mean([rule.known_probability(video, 2) >= 0.5 for video in known - 6]) < 0.01


def test_the_slope_is_steep_where_unknown_videos_are_far() -> None:
    known = drawn(5, 8)
    near, far = (fit_rule(known, drawn(5 - d, 8 - 4 * d, seed=1), 2, kept=0.95) for d in (1, 12))
    assert near.threshold == far.threshold
    assert 0.1 <= near.slope < far.slope <= 20
    assert fit_rule(known, None, 2, kept=0.95).slope == 2
    found = [far.known_probability(video, 2) for video in drawn(-7, -40, seed=2)]
    assert max(found) < 0.01


def test_one_video_is_enough() -> None:
    rule = fit_rule(logits_of(5.0, 8.0)[None], None, 2, kept=1.0)
    assert rule.known_probability(logits_of(5.0, 8.0), 2) == pytest.approx(0.5)


@pytest.mark.parametrize("kept", [0, -0.1, 1.1, float("nan")])
def test_a_share_that_makes_no_sense(kept: float) -> None:
    with pytest.raises(UsageError, match=f"kept={kept}, must be more than 0 and at most 1"):
        fit_rule(drawn(5, 8), None, 2, kept=kept)
