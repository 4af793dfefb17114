"""The mean of the weights of two networks: often better than either of them.

It holds where one started from the other (Wortsman et al., "Robust fine-tuning of zero-shot
models", CVPR 2022; "Model soups", ICML 2022).
"""

from __future__ import annotations

import copy
from dataclasses import replace

import torch

from action_recognition.errors import DataError, UsageError
from action_recognition.modelfile import Model


def average(first: Model, second: Model, share: float) -> Model:
    """Weights and statistics (1 - share) * first + share * second; `share` in 0..1.

    The rest is that of the second, which is thought to have started from the first; it may read
    clips of another size. Temperature, rule and figures do not hold for the new weights:
    `calibrate` makes them anew.

    Raises:
        UsageError: `share` is out of its range, or they have Fisher vectors, each of its own kind.
        DataError: the two differ in classes, architecture, or training clips.
    """
    if not 0 <= share <= 1:
        raise UsageError(f"average: share={share}, must be in 0..1")
    for what, one, other in (
        ("classes", first.classes, second.classes),
        ("background classes", first.background, second.background),
        ("architecture", first.network.architecture, second.network.architecture),
        ("training clips", first.training.get("data"), second.training.get("data")),
    ):
        if one != other:
            raise DataError(f"average: the two models differ in their {what}")
    if first.network.fisher_dense is not None:
        raise UsageError("average: Fisher vectors can only be added to the mean, not be averaged")
    network = copy.deepcopy(first.network)
    own, others = first.network.state_dict(), second.network.state_dict()
    network.load_state_dict(
        {k: torch.lerp(w, others[k], share) if w.is_floating_point() else w for k, w in own.items()}
    )
    training = {**second.training, "average": {"share": share, "of": dict(first.training)}}
    return replace(
        second, network=network, temperature=1.0, novelty=None, metrics={}, training=training
    )
