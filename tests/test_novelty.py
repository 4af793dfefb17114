"""The rule for "none of these", on features whose distances are known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from action_recognition.errors import UsageError
from action_recognition.models.open_set import Novelty, energy, fit_novelty, known_odds

RANDOM = np.random.default_rng(0)
KNOWN = np.eye(16)[:4] * 10  # four classes, each around an axis
FOREIGN = np.eye(16)[8:12] * 10
Video = tuple[np.ndarray, np.ndarray]


def around(centres: np.ndarray, count: int) -> np.ndarray:
    return np.concatenate([c + RANDOM.normal(0, 1, (count, 16)) for c in centres])


def videos(centres: np.ndarray, count: int, *, background: bool = False) -> list[Video]:
    """Logits of two clips are the first four features, and one more for what lies elsewhere."""
    found = []
    for x in around(centres, count):
        logits = [*x[:4], x[8:12].max()] if background else x[:4]
        found.append((np.stack([logits, logits]), x))
    return found


def fitted(known: list[Video], kept: float = 0.95) -> Novelty:
    return fit_novelty(around(KNOWN, 50), np.repeat(range(4), 50).tolist(), known, kept=kept)


def is_known(rule: Novelty, video: Video) -> bool:
    return rule.score(rule.opinions(*video)) >= rule.threshold


@pytest.mark.parametrize("background", [False, True])
def test_foreign_videos_are_told_from_known_ones(background: bool) -> None:
    rule = fitted(videos(KNOWN, 50, background=background))
    known = [is_known(rule, v) for v in videos(KNOWN, 100, background=background)]
    foreign = [is_known(rule, v) for v in videos(FOREIGN, 100, background=background)]
    assert np.mean(known) == pytest.approx(0.95, abs=0.04)
    assert np.mean(foreign) < 0.02


@pytest.mark.parametrize("kept", [1.0, 0.9, 0.5])
def test_the_share_of_known_videos_that_are_kept(kept: float) -> None:
    known = videos(KNOWN, 100)
    rule = fitted(known, kept)
    assert np.mean([is_known(rule, v) for v in known]) == pytest.approx(kept, abs=0.01)


def test_the_score_is_the_mean_of_the_opinions_in_deviations_of_known_videos() -> None:
    known = videos(KNOWN, 50, background=True)
    rule = fitted(known)
    assert list(rule.spread) == ["energy", "nearest class mean", "background classes"]
    opinions = [rule.opinions(*v) for v in known]
    assert np.mean([rule.score(o) for o in opinions]) == pytest.approx(0, abs=1e-6)
    deviation = np.std([o["background classes"] for o in opinions])
    more = {**opinions[0], "background classes": opinions[0]["background classes"] + 3.0}
    assert rule.score(more) - rule.score(opinions[0]) == pytest.approx(3 / deviation / 3)


def against(centres: np.ndarray = FOREIGN[:3], part: slice = slice(None)) -> Novelty:
    """A rule that has seen other actions, around these centres."""
    others = around(centres, 50), [f"other {k // 50}" for k in range(50 * len(centres))]
    labels = np.repeat(range(4), 50).tolist()
    known = videos(KNOWN, 50)
    return fit_novelty(around(KNOWN, 50), labels, known, kept=0.95, others=others, part=part)


def test_a_regression_against_other_actions_decides_with_the_energy() -> None:
    rule = against()
    assert set(rule.spread) == {"energy", "against other actions"}
    opinion = {
        what: np.array([rule.opinions(*v)["against other actions"] for v in videos(centres, 50)])
        for what, centres in (("known", KNOWN), ("seen", FOREIGN[:3]), ("unseen", FOREIGN[3:]))
    }
    assert (opinion["known"] > 0).mean() > 0.98
    assert (opinion["seen"] < 0).mean() > 0.98
    assert opinion["unseen"].mean() < opinion["known"].mean() - 1
    assert np.mean([is_known(rule, v) for v in videos(FOREIGN, 50)]) < 0.02


def test_the_regression_reads_only_its_part_of_the_features() -> None:
    rule = against(part=slice(4, None))  # what sets the known classes apart lies before
    assert rule.others is not None
    assert not rule.others[:4].any()
    assert rule.others[4:].any()


def test_a_large_class_of_other_actions_weighs_no_more_than_a_small_one() -> None:
    labels = np.repeat(range(4), 50).tolist()
    shares = []
    for count in (5, 500):
        features = np.concatenate([around(KNOWN[:1], count), around(FOREIGN[1:2], 50)])
        others = features, ["like a known one"] * count + ["other"] * 50
        rule = fit_novelty(around(KNOWN, 50), labels, videos(KNOWN, 9), kept=1.0, others=others)
        found = [rule.opinions(*v)["against other actions"] for v in videos(KNOWN[:1], 200)]
        shares.append(np.mean(found))
    assert shares[0] == pytest.approx(shares[1], abs=1.0)


def test_nearest_class_mean_is_a_cosine() -> None:
    means = np.array([[1, 0], [0, 1]], dtype=np.float16)
    rule = Novelty(means, np.array([1, 1], dtype=np.float32), {"nearest class mean": (0, 1)}, 0)

    def score(*features: float) -> float:
        return rule.score(rule.opinions(np.zeros((1, 2)), np.array(features)))

    assert score(3, 1) == pytest.approx(1)
    assert score(2, 2) == pytest.approx(0.5**0.5)
    assert score(-5, 1) == pytest.approx(0)
    assert score(1, 1) == pytest.approx(0)  # at the centre: like nothing


def test_energy_and_odds_of_the_known_classes() -> None:
    logits = np.log(np.array([[0.5, 0.25, 0.25], [0.25, 0.25, 0.5]]))
    assert energy(logits, 3) == pytest.approx(0)
    assert energy(logits, 2) == pytest.approx((np.log(0.75) + np.log(0.5)) / 2)
    assert known_odds(logits, 2) == pytest.approx((np.log(3) + 0) / 2)


def test_a_large_class_does_not_draw_the_centre_near() -> None:
    train = np.concatenate([np.tile([2.0, 0.0], (9, 1)), [[0.0, 2.0]]])
    rule = fit_novelty(train, [0] * 9 + [1], [(np.zeros((1, 2)), train[0])], kept=1.0)
    assert rule.centre.tolist() == [1, 1]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"threshold": np.nan}, "threshold"),
        ({"centre": np.zeros(3, dtype=np.float32)}, "do not fit"),
        ({"spread": {"energy": (0.0, 0.0)}}, "energy"),
        ({"spread": {"mood": (0.0, 1.0)}}, "mood"),
        ({"spread": {"against other actions": (0.0, 1.0)}}, "needs weights"),
        ({"others": np.zeros(4, dtype=np.float32)}, "do not fit"),
    ],
)
def test_values_that_make_no_sense(change: dict[str, object], said: str) -> None:
    rule = Novelty(np.eye(4, dtype=np.float16), np.zeros(4, dtype=np.float32), {}, 0.0)
    with pytest.raises(UsageError, match=said):
        replace(rule, **change)  # type: ignore[arg-type]


def test_a_share_of_nothing() -> None:
    with pytest.raises(UsageError, match="kept=0"):
        fitted(videos(KNOWN, 2), kept=0)
