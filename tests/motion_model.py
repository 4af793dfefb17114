"""A network for the videos of `motion.py`, and Fisher vectors for it."""

from __future__ import annotations

import torch

from action_recognition.clips import Preprocessing
from action_recognition.datasets.framecache import FrameCache
from action_recognition.datasets.manifest import Manifest
from action_recognition.model import Architecture, HybridNet
from action_recognition.modelfile import Model
from action_recognition.training.augmentation import Augmentation
from action_recognition.training.local_patterns import add_fisher

PREPROCESSING = Preprocessing(frames=8, interval_s=0.1, size=32)
CLASSES = ("Growing", "Moving left", "Moving right")
AUGMENTATION = Augmentation(flip=False, area=0.8, speed=1.1)


def untrained_model() -> Model:
    """A network that has learned nothing: its answers are by chance."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        architecture = Architecture(
            classes=3, stem=16, stages=((2, 16, 1, 1), (2, 16, 1, 2)), features=32,
            temporal_from=100, shared_blocks=1, lstm=8, gru=8,
        )  # fmt: skip
        network = HybridNet(architecture).eval()
    return Model(network, CLASSES, PREPROCESSING, clips=2)


def fit_fisher(model: Model, manifest: Manifest, cache: FrameCache, kinds: int = 16) -> Model:
    return add_fisher(
        model, manifest, cache, kinds=kinds, versions=3, augmentation=AUGMENTATION, workers=0
    )
