""" "None of these": how probable it is that a video shows one of the known actions at all.

The score is a weighted sum of three scores, the first two computed from logits divided by the
model's temperature:

- the energy of the known classes' logits (Liu, Wang, Owens, Li, "Energy-based Out-of-distribution
  Detection", NeurIPS 2020), which the softmax normalises away;
- the odds of the known classes against the background classes, if the network has any: examples of
  other actions that it has learned (as in Outlier Exposure, Hendrycks, Mazeika, Dietterich, ICLR
  2019, but with the outliers in classes of their own);
- the likeness to training clips in the answers of the pretrained network (`HybridNet.likeness`), if
  the model keeps them: that of the known classes, weighted by their probabilities.

The weights are those that worked best on classes outside the background: the odds alone recognise
only what they have learned, and the energy alone accepts people in films as known. The sum is
compared with what is usual for the class that is answered: where all videos of a class score high,
one that is taken for that class and scores as others do is not of it. The threshold is set on
validation videos so that a given share of the known ones is accepted.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from action_recognition.errors import UsageError
from action_recognition.models.probabilities import softmax

_LARGEST = 1e6  # of its numbers
_USUAL_OF_ALL = 10  # videos of a class that say as much of it as the videos of all classes do


@dataclass(frozen=True)
class OpenSetRule:
    """The rule that tells known from unknown.

    Parameters:
        energy, odds, likeness: weight of each of the three scores, at least 0.
        threshold: lowest score at which a video counts as known.
        slope: how fast the known probability rises with the score; greater than 0.
        usual: the sum that videos of each known class usually have, in the order of the classes;
            empty: they are not told apart.
    """

    energy: float
    odds: float
    threshold: float
    slope: float
    likeness: float = 0.0
    usual: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        numbers = [(name, value) for name, value in asdict(self).items() if name != "usual"]
        for name, value in (*numbers, *(("usual", value) for value in self.usual)):
            any_sign = name in ("threshold", "usual")
            good = any_sign or (value > 0 if name == "slope" else value >= 0)
            if not (good and abs(value) <= _LARGEST):
                raise UsageError(f"OpenSetRule: {name}={value} makes no sense")

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> OpenSetRule:
        """The inverse of `to_dict`."""
        usual = tuple(float(value) for value in values.get("usual", ()))
        numbers = {name: float(value) for name, value in values.items() if name != "usual"}
        return cls(**numbers, usual=usual)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return {**asdict(self), "usual": list(self.usual)}

    def with_classes(self, more: int) -> OpenSetRule:
        """The rule for so many further known classes, of which nothing is known."""
        if not self.usual:
            return self
        mean = sum(self.usual) / len(self.usual)
        return replace(self, usual=(*self.usual, *[mean] * more))

    def score(
        self, logits: NDArray[np.floating], likeness: NDArray[np.floating], known: int
    ) -> NDArray[np.float64]:
        """The score; the higher it is, the more likely a known action.

        Parameters:
            logits: (..., classes), divided by the temperature, with the known classes first.
            likeness: (..., classes), see `HybridNet.likeness`; (..., 0) if there is none.

        Returns:
            (...), one score per video or moment.
        """
        energy, odds = energy_and_odds(logits, known)
        score = self.energy * energy + self.odds * odds
        logits = np.asarray(logits, np.float64)[..., :known]
        if likeness.shape[-1]:
            alike = np.logaddexp.reduce(logits + likeness[..., :known], -1)
            score = score + self.likeness * (alike - energy)
        if self.usual:
            score = score - softmax(logits) @ np.array(self.usual)
        return score

    def known_probability(
        self, logits: NDArray[np.floating], likeness: NDArray[np.floating], known: int
    ) -> float:
        """The probability, 0..1, of one video or moment, (classes,) each; 0.5 at the threshold."""
        over = self.slope * (float(self.score(logits, likeness, known)) - self.threshold)
        return 1 / (1 + math.exp(min(50.0, -over)))


def energy_and_odds(
    logits: NDArray[np.floating], known: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Energy and odds, (...) each, of logits (..., classes); without background, odds are 0."""
    logits = np.asarray(logits, np.float64)
    energy = np.logaddexp.reduce(logits[..., :known], -1)
    if logits.shape[-1] == known:
        return energy, np.zeros_like(energy)
    return energy, energy - np.logaddexp.reduce(logits[..., known:], -1)


Seen = tuple[NDArray[np.floating], NDArray[np.floating]]


def fit_rule(
    known: Seen,
    targets: Sequence[int],
    unknown: Seen | None,
    count: int,
    *,
    kept: float,
) -> OpenSetRule:
    """Fits the rule to validation videos.

    Parameters:
        known: logits and likeness as for `score`, (N, classes) each, of validation videos of the
            known classes, N at least 1.
        targets: (N,), which of the classes each of them shows.
        unknown: the same for videos of other actions, to fit the slope; None: there are none.
        count: number of known classes.
        kept: share of the known videos that the rule should accept, above 0 and at most 1.
    """
    if not 0 < kept <= 1:
        raise UsageError(f"fit_rule: kept={kept}, must be more than 0 and at most 1")
    energy, odds = (0.5, 0.5) if known[0].shape[1] > count else (1.0, 0.0)
    likeness = 2.0 if known[1].shape[1] else 0.0
    rule = OpenSetRule(energy, odds, threshold=0.0, slope=1.0, likeness=likeness)
    rule = replace(rule, usual=_usual(rule.score(*known, count), targets, count))
    scores = rule.score(*known, count)
    threshold = float(np.quantile(scores, 1 - kept, method="lower"))
    others = scores[:0] if unknown is None else rule.score(*unknown, count)
    slope = _slope(scores - threshold, others - threshold)
    return replace(rule, threshold=threshold, slope=slope)


def _usual(scores: NDArray[np.float64], targets: Sequence[int], count: int) -> tuple[float, ...]:
    """The mean score of each class, drawn to that of all where there are few videos of it."""
    of_class = np.eye(count)[np.asarray(targets)]  # (N, classes)
    sums = scores @ of_class + _USUAL_OF_ALL * scores.mean()
    return tuple((sums / (of_class.sum(0) + _USUAL_OF_ALL)).tolist())


def _slope(known: NDArray[np.float64], unknown: NDArray[np.float64]) -> float:
    """The slope of a logistic curve through 0.5 at 0 that best separates the two."""
    if not len(unknown):
        return 2.0
    slopes = np.geomspace(0.1, 20, 60)[:, None]
    loss = np.logaddexp(0, -slopes * known).mean(1) + np.logaddexp(0, slopes * unknown).mean(1)
    return float(slopes[loss.argmin(), 0])
