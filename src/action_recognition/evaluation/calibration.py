"""Measures how far off probabilities are: expected calibration error and reliability.

Guo, Pleiss, Sun, Weinberger, "On Calibration of Modern Neural Networks", ICML 2017.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

BINS = 10
DRAWS = 2000  # of answers, for what chance alone would show


@dataclass(frozen=True)
class Reliability:
    """How certain the answers were, and how often they were right, in equal bins of certainty.

    Parameters:
        confidence, accuracy: (bins,) means in 0..1; NaN in an empty bin.
        count: (bins,) videos.
        error: expected calibration error in 0..1: the mean gap between the two, weighted by videos.
        chance: the error that perfectly calibrated probabilities would show on this many videos:
            its mean and its 95th percentile.
    """

    confidence: NDArray[np.float64]
    accuracy: NDArray[np.float64]
    count: NDArray[np.int64]
    error: float
    chance: tuple[float, float]

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON; an empty bin has None."""

        def values(of: NDArray[np.float64]) -> list[float | None]:
            return [None if np.isnan(v) else round(float(v), 4) for v in of]

        return {
            "confidence": values(self.confidence),
            "accuracy": values(self.accuracy),
            "videos": self.count.tolist(),
            "error": round(self.error, 4),
            "error by chance": [round(v, 4) for v in self.chance],
        }


def measure_reliability(
    scores: NDArray[np.float64], truth: NDArray[np.int64], *, bins: int = BINS
) -> Reliability:
    """Compares predicted probabilities (videos, classes) with the true classes (videos,)."""
    certain, right = scores.max(1), scores.argmax(1) == truth
    place = np.minimum((certain * bins).astype(int), bins - 1)
    count = np.bincount(place, minlength=bins)
    with np.errstate(invalid="ignore"):
        confidence = np.bincount(place, certain, bins) / count
        accuracy = np.bincount(place, right.astype(float), bins) / count
    gaps = np.nan_to_num(np.abs(confidence - accuracy))
    error = float((gaps * count).sum() / len(truth))
    return Reliability(confidence, accuracy, count, error, _chance(certain, place, bins))


def _chance(
    certain: NDArray[np.float64], place: NDArray[np.int64], bins: int
) -> tuple[float, float]:
    """The error when each answer is correct with exactly its own probability, by simulation."""
    drawn = np.random.default_rng(0).random((DRAWS, len(certain))) < certain
    gaps = (certain - drawn) @ np.eye(bins)[place]  # (DRAWS, bins), times the videos in a bin
    errors = np.abs(gaps).sum(1) / len(certain)
    return float(errors.mean()), float(np.quantile(errors, 0.95))
