"""Calibrated probabilities: temperature scaling.

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


def log_loss(logits: NDArray[np.floating], targets: Sequence[int]) -> float:
    """Mean of -ln of the probability that the softmax of (N, classes) gives the target, N >= 1."""
    right = softmax(np.asarray(logits, np.float64))[np.arange(len(targets)), list(targets)]
    return float(-np.log(np.maximum(right, 1e-12)).mean())


def fit_temperature(logits: NDArray[np.floating], targets: Sequence[int]) -> float:
    """The most probable temperature, given validation videos.

    The prior of its logarithm is a standard normal distribution: if a few videos are all classified
    correctly, the likelihood alone would push it to 0 and every probability to 1.

    Parameters:
        logits: (videos, classes), of the validation videos.
        targets: index of the true class of each video.

    Returns:
        the temperature, in 0.05..20; 1 leaves the probabilities unchanged.
    """
    from scipy.optimize import minimize_scalar

    if len(logits) != len(targets) or not len(targets):
        raise UsageError(f"fit_temperature: {len(logits)} videos and {len(targets)} targets")

    def loss(log_temperature: float) -> float:
        beforehand = log_temperature**2 / (2 * len(targets))
        return log_loss(logits / np.exp(log_temperature), targets) + beforehand

    best = minimize_scalar(loss, bounds=(np.log(0.05), np.log(20)), method="bounded")
    return float(np.exp(best.x))
