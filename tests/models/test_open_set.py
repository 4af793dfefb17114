"""The rule for "none of these", on logits whose answer is known."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from action_recognition.errors import UsageError
from action_recognition.models.open_set import OpenSetRule, Seen, energy_and_odds, fit_rule

RULE = OpenSetRule(energy=0.5, odds=2.0, threshold=0.25, slope=3.0, likeness=1.5)
Logits = NDArray[np.float64]
NO_LIKENESS = np.zeros(0)


def logits_of(energy: float, odds: float = 0.0) -> Logits:
    """Two known classes, alike, and one of the background."""
    return np.array([energy - np.log(2), energy - np.log(2), energy - odds])


def without(logits: NDArray[np.floating]) -> Seen:
    """What is seen by a network that keeps no other answers."""
    return logits, np.zeros((*logits.shape[:-1], 0))


def targets(seen: Seen) -> list[int]:
    """Both classes in turn: the logits tell nothing of them."""
    return [k % 2 for k in range(len(seen[0]))]


def share_known(rule: OpenSetRule, seen: Seen) -> float:
    """Share of the videos that are taken for known."""
    pairs = zip(*seen, strict=True)
    return float(np.mean([rule.known_probability(*pair, 2) >= 0.5 for pair in pairs]))


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
    found = RULE.score(logits_of(4.0, -1.5), NO_LIKENESS, 2)
    assert found == pytest.approx(0.5 * 4 - 2 * 1.5)
    several = np.stack([logits_of(4.0, -1.5), logits_of(-1.0, 1.0)])
    assert RULE.score(*without(several), 2) == pytest.approx([-1, 1.5])


def test_the_likeness_is_that_of_the_known_classes_weighed_by_their_probabilities() -> None:
    logits = np.log([[3.0, 1.0, 7.0], [1.0, 1.0, 1.0]])
    likeness = np.log([[0.5, 0.1, 0.9], [0.2, 0.2, 1.0]])
    plain = RULE.score(*without(logits), 2)
    expected = 1.5 * np.log([0.75 * 0.5 + 0.25 * 0.1, 0.2])
    assert RULE.score(logits, likeness, 2) - plain == pytest.approx(expected)
    for rule in (replace(RULE, likeness=0.0), OpenSetRule(0.5, 2.0, 0.25, 3.0)):
        assert rule.score(logits, likeness, 2) == pytest.approx(plain)
    for k in range(2):  # one by one as together
        assert RULE.score(logits[k], likeness[k], 2) == pytest.approx(plain[k] + expected[k])


def test_the_likeness_of_a_class_that_is_not_meant_has_no_say() -> None:
    certain = np.array([30.0, -30.0, 0.0])
    scores = [RULE.score(certain, np.array([-0.5, other, -2.0]), 2) for other in (-9.0, 0.0)]
    assert scores[0] == pytest.approx(scores[1])
    unlike = RULE.score(certain, np.array([-1.5, -9.0, -2.0]), 2)
    assert scores[0] - unlike == pytest.approx(1.5)


def test_the_score_is_compared_with_what_is_usual_for_the_answer() -> None:
    rule = replace(RULE, usual=(2.0, -6.0))
    logits, likeness = np.log([[3.0, 1.0, 7.0], [1.0, 1.0, 1.0]]), np.log(np.full((2, 3), 0.5))
    plain = RULE.score(logits, likeness, 2)
    expected = plain - [0.75 * 2 - 0.25 * 6, 0.5 * 2 - 0.5 * 6]
    assert rule.score(logits, likeness, 2) == pytest.approx(expected)
    assert rule.score(logits[0], likeness[0], 2) == pytest.approx(expected[0])


def test_a_class_whose_videos_score_high_asks_for_a_high_score() -> None:
    def videos(certain: list[float], score: float, seed: int) -> Seen:
        energy = np.random.default_rng(seed).normal(score, 1, (200, 1))
        logits = np.log(np.array(certain)) + energy
        return without(np.concatenate([logits, np.zeros((200, 1))], 1))

    first, second = videos([0.99, 0.01], 12, 0), videos([0.01, 0.99], 4, 1)
    known = without(np.concatenate([first[0], second[0]]))
    rule = fit_rule(known, [0] * 200 + [1] * 200, None, 2, kept=0.95)
    assert rule.usual[0] > rule.usual[1] + 5
    assert share_known(rule, first) == pytest.approx(0.95, abs=0.03)
    assert share_known(rule, videos([0.99, 0.01], 6, 2)) < 0.01  # more than the second class has
    assert share_known(rule, second) == pytest.approx(0.95, abs=0.03)


def test_of_a_class_without_videos_the_score_of_all_is_usual() -> None:
    known = drawn(5, 8, count=40)
    plain = replace(fit_rule(known, [0] * 40, None, 2, kept=0.95), usual=())
    usual = fit_rule(known, [0] * 40, None, 2, kept=0.95).usual
    assert usual == pytest.approx([plain.score(*known, 2).mean()] * 2)


def test_a_further_class_has_the_mean_of_what_is_usual() -> None:
    rule = replace(RULE, usual=(2.0, -6.0))
    assert rule.with_classes(2).usual == (2, -6, -2, -2)
    assert RULE.with_classes(2) == RULE


def test_the_known_probability_is_a_half_at_the_threshold_and_rises_with_the_score() -> None:
    def known(score: float) -> float:
        return RULE.known_probability(logits_of(2 * score), NO_LIKENESS, 2)

    assert known(0.25) == pytest.approx(0.5)
    assert known(0.75) == pytest.approx(1 / (1 + np.exp(-3 * 0.5)))
    shares = [known(score) for score in np.linspace(-4, 4, 33)]
    assert shares == sorted(set(shares))
    assert known(-1e6) == pytest.approx(0)
    assert known(1e6) == pytest.approx(1)


def test_the_known_probability_rises_with_the_likeness() -> None:
    logits = logits_of(1.0)
    shares = [RULE.known_probability(logits, np.full(3, x), 2) for x in np.linspace(-4, 0, 17)]
    assert shares == sorted(set(shares))
    assert shares[-1] == pytest.approx(RULE.known_probability(logits, NO_LIKENESS, 2))
    over = 3.0 * (0.5 - 1.5 * 4 - 0.25)
    assert shares[0] == pytest.approx(1 / (1 + np.exp(-over)))


def test_it_survives_json() -> None:
    for rule in (RULE, replace(RULE, usual=(2.0, -6.5))):
        assert OpenSetRule.from_dict(json.loads(json.dumps(rule.to_dict()))) == rule


@pytest.mark.parametrize(
    "change",
    [
        {"threshold": np.nan},
        {"threshold": -np.inf},
        {"slope": 0.0},
        {"slope": np.inf},
        {"energy": -0.1},
        {"odds": np.nan},
        {"likeness": -0.1},
        {"likeness": np.inf},
        {"usual": (0.0, np.nan)},
    ],
)
def test_values_that_make_no_sense(change: dict[str, Any]) -> None:
    ((name, value),) = change.items()
    value = value[-1] if isinstance(value, tuple) else value
    with pytest.raises(UsageError, match=f"OpenSetRule: {name}={value} makes no sense"):
        replace(RULE, **change)


def drawn(energy: float, odds: float, count: int = 400, seed: int = 0) -> Seen:
    """Videos around an energy (deviation 1) and odds (deviation 4)."""
    random = np.random.default_rng(seed)
    pairs = random.normal((energy, odds), (1, 4), (count, 2))
    return without(np.stack([logits_of(*pair) for pair in pairs]))


def alike(seen: Seen, mean: float, seed: int = 0) -> Seen:
    """The same with a likeness around a mean (deviation 0.2)."""
    random = np.random.default_rng(seed)
    return seen[0], random.normal(mean, 0.2, seen[0].shape).clip(max=0)


@pytest.mark.parametrize("likeness", [None, -1.0])
@pytest.mark.parametrize("kept", [1.0, 0.95, 0.5])
def test_the_share_of_known_videos_that_is_kept(kept: float, likeness: float | None) -> None:
    known = drawn(5, 8) if likeness is None else alike(drawn(5, 8), likeness)
    rule = fit_rule(known, targets(known), None, 2, kept=kept)
    found = share_known(rule, known)
    assert found == pytest.approx(kept, abs=0.005)
    assert found >= kept


def test_energy_and_odds_count_alike() -> None:
    rule = fit_rule(drawn(5, 8), [0, 1] * 200, None, 2, kept=0.95)
    assert (rule.energy, rule.odds, rule.likeness) == (0.5, 0.5, 0)


def test_without_background_classes_the_energy_decides() -> None:
    known = without(drawn(5, 8)[0][:, :2])
    unknown = without(known[0] - 6)
    rule = fit_rule(known, targets(known), unknown, 2, kept=0.95)
    assert (rule.energy, rule.odds) == (1, 0)
    assert share_known(rule, unknown) < 0.01


def test_where_there_is_a_likeness_it_tells_apart_what_the_logits_do_not() -> None:
    known, unknown = drawn(5, 8), drawn(5, 8, seed=1)
    plain = fit_rule(known, targets(known), unknown, 2, kept=0.95)
    assert share_known(plain, unknown) == pytest.approx(0.95, abs=0.03)
    known, unknown = alike(known, -0.5), alike(unknown, -8)
    rule = fit_rule(known, targets(known), unknown, 2, kept=0.95)
    assert rule.likeness > 0
    assert (rule.energy, rule.odds) == (plain.energy, plain.odds)
    assert share_known(rule, known) == pytest.approx(0.95, abs=0.005)
    assert share_known(rule, unknown) < 0.01


def test_the_slope_is_steep_where_unknown_videos_are_far() -> None:
    known = drawn(5, 8)
    near, far = (
        fit_rule(known, targets(known), drawn(5 - d, 8 - 4 * d, seed=1), 2, kept=0.95)
        for d in (1, 12)
    )
    assert near.threshold == far.threshold
    assert 0.1 <= near.slope < far.slope <= 20
    assert fit_rule(known, targets(known), None, 2, kept=0.95).slope == 2
    others = zip(*drawn(-7, -40, seed=2), strict=True)
    assert max(far.known_probability(*seen, 2) for seen in others) < 0.01


@pytest.mark.parametrize("likeness", [NO_LIKENESS, np.array([-1.0, -2.0, -3.0])])
def test_one_video_is_enough(likeness: NDArray[np.float64]) -> None:
    logits = logits_of(5.0, 8.0)
    rule = fit_rule((logits[None], likeness[None]), [0], None, 2, kept=1.0)
    assert rule.known_probability(logits, likeness, 2) == pytest.approx(0.5)


@pytest.mark.parametrize("kept", [0, -0.1, 1.1, float("nan")])
def test_a_share_that_makes_no_sense(kept: float) -> None:
    with pytest.raises(UsageError, match=f"kept={kept}, must be more than 0 and at most 1"):
        fit_rule(drawn(5, 8), [0, 1] * 200, None, 2, kept=kept)
