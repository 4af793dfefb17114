"""The last step: the layer that reads Fisher vectors learns from the validation clips, too.

What calibrates a model must be new to it. So the validation clips are parted by groups; each part
is answered by a layer that was fitted to the train clips and the other parts. Those answers set
scales, temperature and rule; then the layer is fitted to all clips. (Cross-fitting; what is
calibrated so is a model of four fifths of the validation clips.)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import accuracy_score, f1_score, log_loss
from sklearn.model_selection import GroupKFold

from action_recognition.calibration import video_probabilities
from action_recognition.datasets.auxiliary import spread
from action_recognition.datasets.framecache import FrameCache
from action_recognition.datasets.manifest import Manifest
from action_recognition.errors import DataError, UsageError
from action_recognition.model import HybridNet
from action_recognition.modelfile import Model
from action_recognition.training.augmentation import Augmentation
from action_recognition.training.local_patterns import (
    balance,
    clip_vectors,
    first_opinions,
    fit_dense,
    set_dense,
)
from action_recognition.training.precompute import RandomMaps, VideoMaps

PARTS = 5


def learn_validation(
    model: Model,
    manifest: Manifest,
    cache: FrameCache,
    *,
    workers: int = 1,
    on_progress: Callable[[int, int], None] | None = None,
) -> tuple[Model, list[NDArray[np.float64]]]:
    """The model whose layer for Fisher vectors knows the validation clips, and honest answers.

    Returns:
        the model, without temperature and rule, and for each validation video the logits
        (clips, classes) of a model that had not seen it: `calibrate` needs them.

    Raises:
        UsageError: the model has no Fisher vectors, or has learned from those clips before.
        DataError: the validation clips are all of one group.
    """
    record = model.training.get("fisher")
    if record is None or model.network.fisher_dense is None:
        raise UsageError("the model has no Fisher vectors: add them by `action-recognition fisher`")
    if record.get("validation"):
        raise UsageError("the model has learned from its validation clips already")
    target = {name: k for k, name in enumerate((*model.classes, *model.background))}
    train = [c for c in manifest.side("train") if c.label in model.classes]
    val = [c for c in manifest.side("val") if c.label in model.classes]
    others = [c for c in manifest.side("train") if c.label in model.background]
    others = spread(others, record["background_clips"])  # those that it had
    groups = [c.group for c in val]
    parts = min(PARTS, len(set(groups)))
    if parts < 2:
        raise DataError("the validation clips must be of two groups at least")

    network = HybridNet(model.network.architecture).eval()
    network.load_state_dict(model.network.state_dict())
    assert network.fisher_dense is not None
    versions = record["versions"]
    maps = RandomMaps(
        network, [*val, *train, *others], target, cache, Augmentation(**record["augmentation"]),
        versions=versions, workers=workers, on_progress=on_progress,
    )  # fmt: skip
    vectors, targets = clip_vectors(network, maps)
    seen = VideoMaps(network, val, target, cache, count=model.clips)
    firsts, asked = first_opinions(network, seen)
    # The layer as it is knows the train clips only.
    network.fisher_dense.weight.data /= record["scale"]
    network.fisher_dense.bias.data /= record["scale"]
    seconds: list[NDArray[np.float64]] = [np.empty(0)] * len(val)
    for _, out in GroupKFold(parts).split(val, groups=groups):
        known = np.ones(len(vectors), dtype=bool)
        known.reshape(-1, versions)[out] = False
        weight, bias = fit_dense(vectors[known], targets[known], network.fisher_dense)
        for k in out:
            seconds[k] = asked[k] @ weight.T + bias
    set_dense(network, *fit_dense(vectors, targets, network.fisher_dense))
    a, b = balance(network, firsts, seconds, seen.targets, len(model.classes))
    answers = [a * first + b * second for first, second in zip(firsts, seconds, strict=True)]
    figures = {"parts": parts, **_figures(answers, seen.targets, len(model.classes))}
    training = {**model.training, "fisher": {**record, "scale": b, "validation": figures}}
    return replace(
        model, network=network, temperature=1.0, novelty=None, metrics={}, training=training
    ), answers


def _figures(answers: list[NDArray[np.float64]], targets: list[int], known: int) -> dict[str, Any]:
    found = np.stack([video_probabilities(x[:, :known], 1.0) for x in answers])
    best = found.argmax(1)
    return {
        "accuracy": float(accuracy_score(targets, best)),
        "macro_f1": float(
            f1_score(targets, best, average="macro", labels=range(known), zero_division=0)
        ),
        "log_loss": float(log_loss(targets, found, labels=range(known))),
    }
