"""The layer that reads Fisher vectors learns from the validation clips, and stays honest."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from action_recognition.calibration import video_probabilities
from action_recognition.datasets.folders import build_manifest
from action_recognition.datasets.framecache import FrameCache
from action_recognition.datasets.manifest import Clip, Manifest
from action_recognition.errors import DataError, UsageError
from action_recognition.modelfile import Model
from action_recognition.outputs import run_clips
from action_recognition.training.calibrate import calibrate
from action_recognition.training.validation_clips import learn_validation
from motion import write_motion_data
from motion_model import CLASSES, PREPROCESSING, fit_fisher, untrained_model

Learned = tuple[Model, list[np.ndarray]]


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    """Four train clips of each class, more to validate, and more to test."""
    folder = tmp_path_factory.mktemp("motion")
    manifest = build_manifest([write_motion_data(folder, per_class=40)])
    kept: list[Clip] = []
    for label in CLASSES:
        kept += [c for c in manifest.side("train") if c.label == label][:4]
    return Manifest((*kept, *manifest.side("val"), *manifest.side("test")))


@pytest.fixture(scope="module")
def few(clean: Manifest) -> Manifest:
    """The same, but one validation clip in four has a wrong label: else all are easy."""
    val = list(clean.side("val"))
    for k in range(0, len(val), 4):
        wrong = CLASSES[CLASSES.index(val[k].label) - 1]
        val[k] = replace(val[k], label=wrong)
    return Manifest((*clean.side("train"), *val, *clean.side("test")))


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> FrameCache:
    return FrameCache(tmp_path_factory.mktemp("cache"), PREPROCESSING)


@pytest.fixture(scope="module")
def fitted(few: Manifest, cache: FrameCache) -> Model:
    return fit_fisher(untrained_model(), few, cache)


@pytest.fixture(scope="module")
def learned(fitted: Model, few: Manifest, cache: FrameCache) -> Learned:
    return learn_validation(fitted, few, cache, workers=0)


def log_loss(model: Model, clips: tuple[Clip, ...], cache: FrameCache) -> float:
    found = []
    for clip in clips:
        frames = np.array(cache.evaluation_clips(clip, count=model.clips))
        logits = run_clips(model.network, frames, PREPROCESSING)[0]
        found.append(loss(logits, clip.label))
    return float(np.mean(found))


def loss(logits: np.ndarray, label: str) -> float:
    return -float(np.log(video_probabilities(logits, 1.0)[CLASSES.index(label)]))


def test_more_clips_are_more_knowledge(clean: Manifest, cache: FrameCache) -> None:
    fitted = fit_fisher(untrained_model(), clean, cache)
    learned, _ = learn_validation(fitted, clean, cache, workers=0)
    before = log_loss(fitted, clean.side("test"), cache)
    assert log_loss(learned, clean.side("test"), cache) < 0.95 * before
    old, new = fitted.network.state_dict(), learned.network.state_dict()
    changed = {name for name, values in old.items() if not torch.equal(values, new[name])}
    assert changed <= {
        f"{layer}.{x}" for layer in ("dense", "fisher_dense") for x in ("weight", "bias")
    }
    assert "fisher_dense.weight" in changed


def test_answers_are_of_models_that_had_not_seen_the_video(
    learned: Learned, few: Manifest, cache: FrameCache
) -> None:
    model, answers = learned
    val = few.side("val")
    unseen = float(np.mean([loss(x, c.label) for x, c in zip(answers, val, strict=True)]))
    assert unseen > 1.2 * log_loss(model, val, cache)  # it knows them now
    assert model.training["fisher"]["validation"]["log_loss"] == pytest.approx(unseen, rel=1e-6)


def test_calibration_takes_those_answers(learned: Learned, few: Manifest) -> None:
    model, answers = learned
    whole = calibrate(model, few, answers=answers).temperature
    halves = calibrate(model, few, answers=[x / 2 for x in answers]).temperature
    assert halves == pytest.approx(whole / 2, rel=0.01)
    with pytest.raises(UsageError, match="calibrate it before"):
        calibrate(model, few)


def test_refuses_in_one_sentence(
    fitted: Model, learned: Learned, few: Manifest, cache: FrameCache
) -> None:
    with pytest.raises(UsageError, match="learned from its validation clips already"):
        learn_validation(learned[0], few, cache, workers=0)
    with pytest.raises(UsageError, match="no Fisher vectors: add them"):
        learn_validation(untrained_model(), few, cache, workers=0)
    one = [replace(c, group="one") for c in few.side("val")]
    with pytest.raises(DataError, match="of two groups at least"):
        learn_validation(fitted, Manifest((*few.side("train"), *one)), cache, workers=0)
