"""Probabilities that mean what they say: temperature scaling.

Guo, Pleiss, Sun, Weinberger, "On Calibration of Modern Neural Networks", ICML 2017.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from action_recognition.errors import UsageError


def softmax(logits: NDArray[np.floating]) -> NDArray[np.float64]:
    """Logits (..., classes) -> probabilities of the same shape, which sum to 1."""
    exp: NDArray[np.float64] = np.exp(logits - logits.max(-1, keepdims=True), dtype=np.float64)
    return exp / exp.sum(-1, keepdims=True)


def fit_temperature(logits: NDArray[np.floating], targets: Sequence[int]) -> float:
    """The most probable temperature, given validation videos.

    Its logarithm has a normal distribution of deviation 1 beforehand: a few videos may all be
    right, and their likelihood alone would have it at 0 and every probability at 1.

    Parameters:
        logits: of the videos, (videos, classes).
        targets: index of the true class of each video.

    Returns:
        in 0.05..20; 1 leaves the probabilities as they are.
    """
    from scipy.optimize import minimize_scalar

    if len(logits) != len(targets) or not len(targets):
        raise UsageError(f"fit_temperature: {len(logits)} videos and {len(targets)} targets")

    def loss(log_temperature: float) -> float:
        shares = softmax(np.asarray(logits, np.float64) / np.exp(log_temperature))
        right = shares[np.arange(len(targets)), list(targets)]
        beforehand = log_temperature**2 / (2 * len(targets))
        return float(-np.mean(np.log(np.maximum(right, 1e-12)))) + beforehand

    best = minimize_scalar(loss, bounds=(np.log(0.05), np.log(20)), method="bounded")
    return float(np.exp(best.x))
