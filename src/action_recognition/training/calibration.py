"""After training: honest probabilities, and the rule for "none of these"."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from action_recognition.models.model_file import Model
from action_recognition.models.open_set import OpenSetRule, fit_rule
from action_recognition.models.probabilities import fit_temperature
from action_recognition.training.answers import Answers

KEPT = 0.95  # of the known validation videos


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

    def fitted(
        logits: NDArray[np.floating],
        targets: Sequence[int],
        others: NDArray[np.floating] | None,
    ) -> tuple[float, OpenSetRule]:
        temperature = fit_temperature(logits[:, :count], targets)
        others = None if others is None else others / temperature
        return temperature, fit_rule(logits / temperature, others, count, kept=kept)

    temperature, rule = fitted(known.logits, targets, None if unknown is None else unknown.logits)
    window_temperature, window_rule = fitted(
        np.concatenate(known.windows),
        np.repeat(targets, [len(w) for w in known.windows]).tolist(),
        None if unknown is None else np.concatenate(unknown.windows),
    )
    return replace(
        model,
        temperature=temperature,
        open_set=rule,
        window_temperature=window_temperature,
        window_open_set=window_rule,
    )
