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
    """What the network says of N videos.

    Parameters:
        logits: (N, classes).
        features: (N, hidden).
        windows: of each video, (moments, classes) logits of its single windows.
        labels: of each video.
    """

    logits: NDArray[np.float64]
    features: NDArray[np.float64]
    windows: Sequence[NDArray[np.floating]]
    labels: Sequence[str]

    def part(self, which: NDArray[np.bool_]) -> Answers:
        """Those of some of the videos."""
        index: list[int] = np.flatnonzero(which).tolist()
        return Answers(
            self.logits[index],
            self.features[index],
            [self.windows[k] for k in index],
            [self.labels[k] for k in index],
        )


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
    moments = np.concatenate(known.windows)
    of_moments = np.repeat(targets, [len(w) for w in known.windows])
    others = None if unknown is None else unknown.logits
    other_moments = None if unknown is None else np.concatenate(unknown.windows)
    return replace(
        model,
        temperature=fit_temperature(known.logits[:, :count], targets),
        open_set=fit_rule(known.logits, others, count, kept=kept),
        window_temperature=fit_temperature(moments[:, :count], of_moments.tolist()),
        window_open_set=fit_rule(moments, other_moments, count, kept=kept),
    )
