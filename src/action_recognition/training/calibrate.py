"""After training: honest probabilities, and the rule for "none of these"."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from action_recognition.models.probabilities import fit_temperature
from action_recognition.clips import read_clips
from action_recognition.datasets.manifest import Clip, Manifest
from action_recognition.models.device import pick_device
from action_recognition.models.model_file import Model
from action_recognition.models.open_set import class_means, fit_novelty, regression
from action_recognition.outputs import run_clips
from action_recognition.video import Video

KEPT = 0.95  # of the known videos of the validation side


def calibrate(
    model: Model,
    manifest: Manifest,
    *,
    kept: float = KEPT,
    like: Model | None = None,
    device: str = "auto",
    on_progress: Callable[[int, int], None] | None = None,
) -> Model:
    """Sets temperature and novelty rule of a trained model by the clips of its classes.

    The temperature comes from the validation videos, the class means of the rule from the train
    side (the middle clip of each video), its scale and threshold from the validation videos again:
    `kept` of them are known. Where the manifest has train clips of the model's background classes,
    the rule learns to tell known actions from those, too.

    Parameters:
        like: a model that was trained in the same way but for the validation clips, which the one
            at hand has learned, too: then they say nothing about it, and temperature, scale and
            threshold are those of `like`. What is learned from train clips is of the model itself.
    """
    train = [c for c in manifest.side("train") if c.label in model.classes]
    others = [c for c in manifest.side("train") if c.label in model.background]
    val = [c for c in manifest.side("val") if c.label in model.classes]
    done = 0

    def outputs(clips: list[Clip], count: int) -> tuple[list[Any], NDArray[np.float64]]:
        nonlocal done
        logits, features = [], []
        network = model.network.to(pick_device(device)).eval()
        for frames in _frames(clips, model, count):
            answer, seen = run_clips(network, frames, model.preprocessing)
            logits.append(answer)
            features.append(seen)
            done += 1
            if on_progress is not None:
                on_progress(done, len(train) + len(others) + (0 if like else len(val)))
        return logits, np.stack(features)

    _, means = outputs(train, 1)
    labels = [model.classes.index(c.label) for c in train]
    against = (outputs(others, 1)[1], [c.label for c in others]) if others else None
    part = _what_moves(model)
    if like is not None:
        model.network.cpu()
        novelty = like.novelty
        if novelty is not None:
            units, centre = class_means(means, labels)
            novelty = replace(novelty, means=units, centre=centre)
            if against is not None:
                novelty = replace(novelty, others=regression(means, labels, *against, part))
        return replace(model, temperature=like.temperature, novelty=novelty)
    logits, features = outputs(val, model.clips)
    model.network.cpu()
    count = len(model.classes)
    known = list(zip(logits, features, strict=True))
    return replace(
        model,
        temperature=fit_temperature(
            [x[:, :count] for x in logits], [model.classes.index(c.label) for c in val]
        ),
        novelty=fit_novelty(means, labels, known, kept=kept, others=against, part=part),
    )


def _what_moves(model: Model) -> slice:
    """The features of the stream of differences, or all where there is none."""
    architecture = model.network.architecture
    return slice(architecture.features * (architecture.streams - 1), None)


def _frames(clips: Sequence[Clip], model: Model, count: int) -> Iterator[NDArray[np.uint8]]:
    """Frames of each video, decoded ahead by a few."""

    def read(clip: Clip) -> NDArray[np.uint8]:
        with Video(clip.path) as video:
            return read_clips(video, model.preprocessing, count=count).frames

    workers = os.cpu_count() or 1
    with ThreadPoolExecutor(workers) as pool:
        for start in range(0, len(clips), 4 * workers):  # bounds the frames held in memory
            yield from pool.map(read, clips[start : start + 4 * workers])
