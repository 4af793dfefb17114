"""The dense layer by logistic regression on the hidden layer: a start, or all that is learned."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from action_recognition.models.hybridnet import HybridNet
from action_recognition.models.probabilities import fit_temperature, log_loss
from action_recognition.training.divergence import check_features, check_weights

# Inverse strengths of the regularisation that are tried on validation videos; the first is taken
# where there are none. A few hundred videos against 2048 numbers want a strong one.
STRENGTHS = (3e-4, 1e-4, 1e-3, 3e-3, 1e-2)
_LEAST_DEVIATION = 1e-2
_REMEDY = "start from another model (--init)"


def fit_dense(
    network: HybridNet,
    hidden: NDArray[np.floating],
    targets: Sequence[int],
    validation: tuple[NDArray[np.floating], Sequence[int]] | None = None,
    *,
    strengths: Sequence[float] = STRENGTHS,
) -> float:
    """Sets the dense layer of a network.

    Parameters:
        hidden: (N, hidden) of training clips.
        targets: (N,) index of each one's class; classes weigh the same.
        validation: the same of validation videos, from which the strength is chosen.
        strengths: to choose from; without validation videos the first is taken.

    Returns:
        the strength that was taken.

    Raises:
        TrainingError: features, or the weights that come of them, are not finite numbers.
    """
    check_features(hidden, "the training clips", _REMEDY)
    if validation is not None:
        check_features(validation[0], "the validation videos", _REMEDY)
    read, labels = hidden.astype(np.float64), np.asarray(targets)
    tried = strengths if validation is not None and len(validation[1]) else strengths[:1]
    fits = [(strength, *_fit(read, labels, strength)) for strength in tried]

    def loss(weights: NDArray[np.float64], bias: NDArray[np.float64]) -> float:
        assert validation is not None
        logits = np.asarray(validation[0], np.float64) @ weights.T + bias
        return log_loss(logits / fit_temperature(logits, validation[1]), validation[1])

    strength, weights, bias = fits[0]
    if len(fits) > 1:
        strength, weights, bias = min(fits, key=lambda fit: loss(fit[1], fit[2]))
    with torch.no_grad():
        network.dense.weight.copy_(torch.from_numpy(weights))
        network.dense.bias.copy_(torch.from_numpy(bias))
    check_weights(network, "after the regression", _REMEDY)
    return strength


def _fit(
    hidden: NDArray[np.float64], labels: NDArray[np.int64], strength: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Weights (classes, hidden) and bias (classes,)."""
    from sklearn.linear_model import LogisticRegression

    centre, deviation = hidden.mean(0), hidden.std(0) + _LEAST_DEVIATION
    model = LogisticRegression(C=strength, class_weight="balanced", max_iter=300)
    model.fit((hidden - centre) / deviation, labels)
    slopes, bias = model.coef_, model.intercept_
    if len(model.classes_) == 2:  # one row stands for both
        slopes, bias = np.concatenate([-slopes, slopes]) / 2, np.concatenate([-bias, bias]) / 2
    weights = slopes / deviation
    return weights, bias - weights @ centre
