"""After training: honest probabilities, and the rule for "none of these"."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from action_recognition.models.model_file import Model
from action_recognition.models.open_set import OpenSetRule, Seen, fit_rule
from action_recognition.models.probabilities import fit_temperature
from action_recognition.training.answers import Answers
from action_recognition.training.divergence import check_features

KEPT = 0.95  # of the known validation videos


def calibrate(
    model: Model, known: Answers, unknown: Answers | None, *, kept: float = KEPT
) -> Model:
    """Sets temperature and open-set rule of a trained model.

    Parameters:
        known: of validation videos of its classes, at least one.
        unknown: of validation videos of its background classes; None: there are none.
        kept: share of the known ones that is to be taken for known.

    Raises:
        TrainingError: an answer is not a number.
    """
    for answered in (known, unknown):
        for video in answered.videos if answered else ():
            for values in video:
                check_features(values, "the validation videos", "lower --learning-rate")
    count = len(model.classes)
    targets = [model.classes.index(label) for label in known.labels]

    def fitted(
        seen: Seen, targets: Sequence[int], others: Seen | None
    ) -> tuple[float, OpenSetRule]:
        temperature = fit_temperature(seen[0][:, :count], targets)
        scaled = [None if x is None else (x[0] / temperature, x[1]) for x in (seen, others)]
        assert scaled[0] is not None
        return temperature, fit_rule(scaled[0], targets, scaled[1], count, kept=kept)

    temperature, rule = fitted(_videos(known), targets, unknown and _videos(unknown))
    window_temperature, window_rule = fitted(
        _windows(known),
        np.repeat(targets, [len(v.moments) for v in known.videos]).tolist(),
        unknown and _windows(unknown),
    )
    return replace(
        model,
        temperature=temperature,
        open_set=rule,
        window_temperature=window_temperature,
        window_open_set=window_rule,
    )


def _videos(found: Answers) -> Seen:
    return np.stack([v.logits for v in found.videos]), np.stack([v.likeness for v in found.videos])


def _windows(found: Answers) -> Seen:
    return (
        np.concatenate([v.moments for v in found.videos]),
        np.concatenate([v.moments_likeness for v in found.videos]),
    )
