"""The rule for "none of these", on features whose distances are known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from action_recognition.errors import UsageError
from action_recognition.novelty import Novelty, fit_novelty, known_odds

RANDOM = np.random.default_rng(0)
KNOWN = np.eye(16)[:4] * 10  # four classes, each around an axis
FOREIGN = np.eye(16)[8:12] * 10


def around(centres: np.ndarray, count: int) -> np.ndarray:
    return np.concatenate([c + RANDOM.normal(0, 1, (count, 16)) for c in centres])


def test_foreign_features_are_told_from_known_ones() -> None:
    rule = fit_novelty(around(KNOWN, 50), around(KNOWN, 50), kept=0.95)
    known = [rule.score(x) >= rule.threshold for x in around(KNOWN, 100)]
    foreign = [rule.score(x) >= rule.threshold for x in around(FOREIGN, 100)]
    assert np.mean(known) == pytest.approx(0.95, abs=0.04)
    assert np.mean(foreign) < 0.02


@pytest.mark.parametrize("kept", [1.0, 0.9, 0.5])
def test_the_share_of_known_videos_that_are_kept(kept: float) -> None:
    known = around(KNOWN, 100)
    rule = fit_novelty(around(KNOWN, 50), known, kept=kept)
    share = np.mean([rule.score(x) >= rule.threshold for x in known])
    assert share == pytest.approx(kept, abs=0.01)


def test_score_is_the_cosine_to_the_kth_nearest() -> None:
    references = np.array([[1, 0], [0, 1], [-1, 0]], dtype=np.float16)
    rule = Novelty(references, np.array([1, 1], dtype=np.float32), neighbours=2, threshold=0)
    assert rule.score(np.array([3.0, 1.0])) == pytest.approx(0)  # 1, then 0
    assert replace(rule, neighbours=1).score(np.array([3.0, 1.0])) == pytest.approx(1)
    assert replace(rule, neighbours=3).score(np.array([3.0, 1.0])) == pytest.approx(-1)
    assert rule.score(np.array([1.0, 1.0])) == pytest.approx(0)  # at the centre: like nothing


def test_background_classes_add_a_second_opinion() -> None:
    known = around(KNOWN, 50)
    plain = fit_novelty(around(KNOWN, 50), known, kept=0.95)
    odds = list(RANDOM.normal(3, 2, len(known)))
    rule = fit_novelty(around(KNOWN, 50), known, odds, kept=0.95)
    scores = [rule.score(x, o) for x, o in zip(known, odds, strict=True)]
    assert np.mean(scores) == pytest.approx(0, abs=1e-6)
    x = known[0]
    assert rule.score(x, 5.0) - rule.score(x, 3.0) == pytest.approx(1 / np.std(odds))
    assert plain.score(x, 5.0) == plain.score(x)  # it does not know what to make of them
    assert np.mean(np.array(scores) >= rule.threshold) == pytest.approx(0.95, abs=0.01)


def test_odds_of_the_known_classes() -> None:
    logits = np.log(np.array([[0.5, 0.25, 0.25], [0.25, 0.25, 0.5]]))
    assert known_odds(logits, 2) == pytest.approx((np.log(3) + 0) / 2)
    assert known_odds(logits, 3) is None


def test_fewer_training_clips_than_neighbours() -> None:
    assert fit_novelty(KNOWN[:2], KNOWN[:2], neighbours=5, kept=1.0).neighbours == 2


@pytest.mark.parametrize("change", [{"neighbours": 0}, {"neighbours": 9}, {"threshold": np.nan}])
def test_values_that_make_no_sense(change: dict[str, float]) -> None:
    rule = Novelty(np.eye(4, dtype=np.float16), np.zeros(4, dtype=np.float32), 1, 0.0)
    with pytest.raises(UsageError, match=next(iter(change))):
        replace(rule, **change)
    with pytest.raises(UsageError, match="do not fit"):
        replace(rule, centre=np.zeros(3, dtype=np.float32))
    with pytest.raises(UsageError, match="kept=0"):
        fit_novelty(KNOWN, KNOWN, kept=0)
