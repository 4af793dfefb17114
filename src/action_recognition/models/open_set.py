""" "None of these": how probable it is that a video shows one of the known actions at all.

The score is a sum of three scores, the first two of logits that are divided by the model's
temperature:

- the energy of the known classes' logits (Liu, Wang, Owens, Li, "Energy-based Out-of-distribution
  Detection", NeurIPS 2020), which the softmax divides away;
- the odds of the known classes against the background classes, examples of other actions that the
  network has learned (as Outlier Exposure, Hendrycks, Mazeika, Dietterich, ICLR 2019, but with the
  outliers in classes of their own), where it has such;
- the likeness to training clips by the answers of the pretrained network (`HybridNet.likeness`),
  where the model keeps these, of the known classes weighed by their probabilities.

The weights were best for other classes than those that the background is made of: the odds alone
know what they have learned, the energy alone takes people in films for known. The threshold is set
on validation videos, so that a given share of the known ones is kept.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from action_recognition.errors import UsageError


@dataclass(frozen=True)
class OpenSetRule:
    """The rule that tells known from unknown.

    Parameters:
        energy, odds, likeness: what each of the three counts for, at least 0.
        threshold: from this score on, a video is taken for known.
        slope: how fast the known probability rises with the score; more than 0.
    """

    energy: float
    odds: float
    threshold: float
    slope: float
    likeness: float = 0.0

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            good = name == "threshold" or (value > 0 if name == "slope" else value >= 0)
            if not (good and math.isfinite(value)):
                raise UsageError(f"OpenSetRule: {name}={value} makes no sense")

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> OpenSetRule:
        """The inverse of `to_dict`."""
        return cls(**{name: float(value) for name, value in values.items()})

    def to_dict(self) -> dict[str, float]:
        """Plain values, fit for JSON."""
        return asdict(self)

    def score(
        self, logits: NDArray[np.floating], likeness: NDArray[np.floating], known: int
    ) -> NDArray[np.float64]:
        """The larger, the more known.

        Parameters:
            logits: (..., classes), divided by the temperature, those of known classes first.
            likeness: (..., classes), see `HybridNet.likeness`; (..., 0): there is none.

        Returns:
            (...)
        """
        energy, odds = energy_and_odds(logits, known)
        score = self.energy * energy + self.odds * odds
        if likeness.shape[-1]:
            logits = np.asarray(logits, np.float64)[..., :known]
            alike = np.logaddexp.reduce(logits + likeness[..., :known], -1)
            score = score + self.likeness * (alike - energy)
        return score

    def known_probability(
        self, logits: NDArray[np.floating], likeness: NDArray[np.floating], known: int
    ) -> float:
        """Of one video or moment, (classes,) each as for `score`: 0..1, 0.5 at the threshold."""
        over = self.slope * (float(self.score(logits, likeness, known)) - self.threshold)
        return 1 / (1 + math.exp(min(50.0, -over)))


def energy_and_odds(
    logits: NDArray[np.floating], known: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Energy and odds, (...) each, of logits (..., classes); odds are 0 without background."""
    logits = np.asarray(logits, np.float64)
    energy = np.logaddexp.reduce(logits[..., :known], -1)
    if logits.shape[-1] == known:
        return energy, np.zeros_like(energy)
    return energy, energy - np.logaddexp.reduce(logits[..., known:], -1)


Seen = tuple[NDArray[np.floating], NDArray[np.floating]]


def fit_rule(
    known: Seen,
    unknown: Seen | None,
    count: int,
    *,
    kept: float,
) -> OpenSetRule:
    """Sets the rule up.

    Parameters:
        known: logits and likeness as for `score`, (N, classes) each, of validation videos of the
            known classes, N at least 1.
        unknown: of videos of other actions, for the slope; None: there are none.
        count: known classes.
        kept: share of the known videos, in 0..1, that is to be taken for known.
    """
    if not 0 < kept <= 1:
        raise UsageError(f"fit_rule: kept={kept}, must be more than 0 and at most 1")
    energy, odds = (0.5, 0.5) if known[0].shape[1] > count else (1.0, 0.0)
    likeness = 2.0 if known[1].shape[1] else 0.0
    rule = OpenSetRule(energy, odds, threshold=0.0, slope=1.0, likeness=likeness)
    scores = rule.score(*known, count)
    threshold = float(np.quantile(scores, 1 - kept, method="lower"))
    others = scores[:0] if unknown is None else rule.score(*unknown, count)
    slope = _slope(scores - threshold, others - threshold)
    return replace(rule, threshold=threshold, slope=slope)


def _slope(known: NDArray[np.float64], unknown: NDArray[np.float64]) -> float:
    """The slope of a logistic curve through 0.5 at 0 that says best which is which."""
    if not len(unknown):
        return 2.0
    slopes = np.geomspace(0.1, 20, 60)[:, None]
    loss = np.logaddexp(0, -slopes * known).mean(1) + np.logaddexp(0, slopes * unknown).mean(1)
    return float(slopes[loss.argmin(), 0])
