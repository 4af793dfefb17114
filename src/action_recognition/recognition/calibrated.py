"""From the network's output to calibrated probabilities, of a whole video and of a moment."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from action_recognition.models.model_file import Model
from action_recognition.models.open_set import OpenSetRule
from action_recognition.models.probabilities import softmax

Calibrated = tuple[NDArray[np.float64], float]


def of_video(
    model: Model, logits: NDArray[np.floating], likeness: NDArray[np.floating], still: bool
) -> Calibrated:
    """The probabilities (classes,) of a video, and that it is one of them at all.

    Parameters:
        logits, likeness: (classes + background,), means over the video.
        still: whether nothing moves, see `motion`.
    """
    return _calibrated(model, logits, likeness, still, model.temperature, model.open_set)


def of_moment(
    model: Model, logits: NDArray[np.floating], likeness: NDArray[np.floating], still: bool
) -> Calibrated:
    """The same for a single moment."""
    rule = model.window_open_set or model.open_set
    temperature = model.window_temperature or model.temperature
    return _calibrated(model, logits, likeness, still, temperature, rule)


def _calibrated(
    model: Model,
    logits: NDArray[np.floating],
    likeness: NDArray[np.floating],
    still: bool,
    temperature: float,
    rule: OpenSetRule | None,
) -> Calibrated:
    known, scaled = len(model.classes), logits / temperature
    if rule is None:
        share = 1.0
    else:  # an action is a movement
        share = 0.0 if still else rule.known_probability(scaled, likeness, known)
    return softmax(scaled[:known]), share
