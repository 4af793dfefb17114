"""Fisher vectors for a network, fitted to generated motion."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from action_recognition.models.probabilities import video_probabilities
from action_recognition.clips import Preprocessing
from action_recognition.datasets.folders import build_manifest
from action_recognition.datasets.framecache import FrameCache
from action_recognition.datasets.manifest import Clip, Manifest
from action_recognition.errors import DataError, UsageError
from action_recognition.models.hybridnet import Architecture, HybridNet
from action_recognition.models.model_file import Model, load_model, save_model
from action_recognition.outputs import run_clips
from action_recognition.training import local_patterns
from action_recognition.training.augmentation import Augmentation
from action_recognition.training.local_patterns import add_fisher, recorded_scales
from motion import write_motion_data

PREPROCESSING = Preprocessing(frames=8, interval_s=0.1, size=32)
CLASSES = ("Growing", "Moving left", "Moving right")
AUGMENTATION = Augmentation(flip=False, area=0.8, speed=1.1)


@pytest.fixture(scope="module")
def motion(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    return build_manifest([write_motion_data(tmp_path_factory.mktemp("motion"), per_class=40)])


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> FrameCache:
    return FrameCache(tmp_path_factory.mktemp("cache"), PREPROCESSING)


@pytest.fixture(scope="module")
def untrained() -> Model:
    """A network that has learned nothing: its answers are by chance."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        architecture = Architecture(
            classes=3, stem=16, stages=((2, 16, 1, 1), (2, 16, 1, 2)), features=32,
            temporal_from=100, shared_blocks=1, lstm=8, gru=8,
        )  # fmt: skip
        network = HybridNet(architecture).eval()
    return Model(network, CLASSES, PREPROCESSING, clips=2)


@pytest.fixture(scope="module")
def fitted(untrained: Model, motion: Manifest, cache: FrameCache) -> Model:
    return fit_fisher(untrained, motion, cache)


def fit_fisher(model: Model, manifest: Manifest, cache: FrameCache, kinds: int = 16) -> Model:
    return add_fisher(
        model, manifest, cache, kinds=kinds, versions=3, augmentation=AUGMENTATION, workers=0
    )


def probabilities(model: Model, clips: list[Clip], cache: FrameCache) -> np.ndarray:
    found = []
    for clip in clips:
        frames = np.array(cache.evaluation_clips(clip, count=model.clips))
        logits = run_clips(model.network, frames, PREPROCESSING)[0]
        found.append(video_probabilities(logits, 1.0))
    return np.stack(found)


def losses(model: Model, clips: list[Clip], cache: FrameCache) -> tuple[float, float]:
    """Accuracy and log loss."""
    truth = [CLASSES.index(c.label) for c in clips]
    found = probabilities(model, clips, cache)
    likelihood = found[range(len(truth)), truth]
    return float((found.argmax(1) == truth).mean()), float(-np.log(likelihood).mean())


def test_learns_motion_from_the_maps_of_random_layers(
    untrained: Model, fitted: Model, motion: Manifest, cache: FrameCache
) -> None:
    test = motion.side("test")
    before, after = losses(untrained, test, cache), losses(fitted, test, cache)
    assert before[0] < 0.6
    assert after[0] > 0.8
    assert after[1] < 0.75 * before[1]


def test_what_it_had_stays_but_for_its_scale(untrained: Model, fitted: Model) -> None:
    old, new = untrained.network.state_dict(), fitted.network.state_dict()
    for name, values in old.items():
        if not name.startswith("dense."):
            assert torch.equal(values, new[name]), name
    ratio = new["dense.weight"] / old["dense.weight"]
    assert ratio.std() < 1e-5
    assert ratio.mean() > 0
    assert untrained.network.fisher_dense is None
    scales = recorded_scales(fitted)
    assert ratio.mean().item() == pytest.approx(scales[0], rel=1e-3)
    record = {"kinds": 16, "width": 32, "versions": 3, "scales": list(scales)}
    assert fitted.training["fisher"] == record


def test_survives_the_model_file(
    fitted: Model, motion: Manifest, cache: FrameCache, tmp_path: Path
) -> None:
    path = tmp_path / "model.h5"
    save_model(fitted, path)
    clips = motion.side("val")[:4]
    found = probabilities(load_model(path), clips, cache)
    assert found == pytest.approx(probabilities(fitted, clips, cache), abs=0.01)


def test_is_the_same_each_time(
    untrained: Model, fitted: Model, motion: Manifest, cache: FrameCache
) -> None:
    again = fit_fisher(untrained, motion, cache)
    for name, values in fitted.network.state_dict().items():
        assert torch.equal(values, again.network.state_dict()[name]), name


def test_many_clips_do_not_need_more_memory(
    untrained: Model, motion: Manifest, cache: FrameCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local_patterns, "_VECTORS", 1)
    monkeypatch.setattr(local_patterns, "_POOL", 1)
    seen = []
    monkeypatch.setattr(HybridNet, "fisher_vectors", noting(HybridNet.fisher_vectors, seen))
    few = fit_fisher(untrained, motion, cache)
    assert seen[: len(motion.side("train"))] == [1] * len(motion.side("train"))
    assert losses(few, motion.side("test"), cache)[0] > 0.8


def noting(method: Any, seen: list[int]) -> Any:
    """The method, and how many clips it was asked for is noted."""

    def noted(network: HybridNet, maps: torch.Tensor) -> torch.Tensor:
        seen.append(len(maps))
        return method(network, maps)

    return noted


def test_background_classes_are_learned_beside(
    untrained: Model, motion: Manifest, cache: FrameCache
) -> None:
    turned = replace(untrained, classes=CLASSES[:2], background=CLASSES[2:])
    found = fit_fisher(turned, motion, cache)
    clips = [c for c in motion.side("test") if c.label == CLASSES[2]]
    frames = [np.array(cache.evaluation_clips(c, count=2)) for c in clips]
    logits = np.stack([run_clips(found.network, x, PREPROCESSING)[0].mean(0) for x in frames])
    assert (logits.argmax(1) == 2).mean() > 0.7


def test_refuses_in_one_sentence(
    untrained: Model, fitted: Model, motion: Manifest, cache: FrameCache
) -> None:
    with pytest.raises(UsageError, match="has Fisher vectors already"):
        fit_fisher(fitted, motion, cache)
    without = Manifest(tuple(c for c in motion.clips if c.label != CLASSES[1]))
    with pytest.raises(DataError, match="'Moving left' has no clip on the side 'train'"):
        fit_fisher(untrained, without, cache)
    without = Manifest(tuple(c for c in motion.clips if c.split != "val"))
    with pytest.raises(DataError, match="no clip on the side 'val'"):
        fit_fisher(untrained, without, cache)
    with pytest.raises(DataError, match="local patterns are too few for 59999 kinds"):
        fit_fisher(untrained, motion, cache, kinds=59_999)
    with pytest.raises(UsageError, match="kinds is 0, must be at least 1"):
        fit_fisher(untrained, motion, cache, kinds=0)
