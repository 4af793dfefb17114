"""After training: honest probabilities, and the rule for "none of these"."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from action_recognition.models.model_file import Model
from action_recognition.models.open_set import fit_rule
from action_recognition.models.probabilities import fit_temperature

KEPT = 0.95  # of the known validation videos


class Answers(NamedTuple):
    """What the network says of videos: logits (N, classes), hidden layer (N, hidden), labels."""

    logits: NDArray[np.float64]
    features: NDArray[np.float64]
    labels: Sequence[str]


def calibrate(
    model: Model, known: Answers, unknown: Answers | None, *, kept: float = KEPT
) -> Model:
    """Sets temperature and open-set rule of a trained model.

    Parameters:
        known: of validation videos of its classes, at least one.
        unknown: of validation videos of its background classes; None: there are none.
        kept: share of the known ones that is to be taken for known.
    """
    count = len(model.classes)
    targets = [model.classes.index(label) for label in known.labels]
    temperature = fit_temperature(known.logits[:, :count], targets)
    others = None if unknown is None else unknown.logits
    rule = fit_rule(known.logits, others, count, kept=kept)
    return replace(model, temperature=temperature, open_set=rule)
