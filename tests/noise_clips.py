"""Something to tune on that takes no decoding: a tiny network, and clips of coloured noise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from action_recognition.clips import Preprocessing
from action_recognition.models.hybridnet import HybridNet, Output
from action_recognition.models.torch_runtime import to_input
from action_recognition.training.footage import Sample
from action_recognition.training.random_clips import Place, RandomClips
from action_recognition.training.settings import TrainingSettings
from action_recognition.training.tuning import ValidationVideos
from tiny_network import TINY, randomise

CLASSES, PRETRAINED = 3, 5
PREPROCESSING = Preprocessing(interval_s=0.1, size=32)
SETTINGS = TrainingSettings(
    tuned_layers=1, epochs=2, frames=5, batch=4, workers=0, learning_rate=3e-3, ema=0.0
)
# Four videos of each class, and pictures: an epoch takes the videos and two of the pictures.
SAMPLES = [
    *(Sample(Path(f"{k}.mp4"), k % CLASSES) for k in range(12)),
    *(Sample(Path(f"{k}.jpg"), k % CLASSES) for k in range(4)),
]


def network_of() -> HybridNet:
    """As a training starts from: it keeps the answers of the network before it."""
    network = HybridNet(replace(TINY, classes=CLASSES, lstm=0, gru=0, pretrained=PRETRAINED))
    randomise(network)
    with torch.no_grad():
        network.dense.weight.mul_(0.03)  # so that its answers are not certain
    return network.eval()


class NoiseClips(RandomClips):
    """Clips of three to five frames; the colour of the noise is a little that of the class.

    Attribute `asked`: the places that were asked for in this process.
    """

    def __init__(self, samples: Sequence[Sample] = SAMPLES, **changes: Any) -> None:
        super().__init__(samples, PREPROCESSING, replace(SETTINGS, **changes))
        self.asked: list[Place] = []

    def __getitem__(self, place: Place) -> tuple[Tensor, int, int]:
        self.asked.append(place)
        random, target = np.random.default_rng(place), self.samples[place[0]].target
        frames = random.integers(0, 200, (self.settings.frames, 32, 32, 3))
        frames[..., target] += 55
        count = int(random.integers(3, 6))
        frames[count:] = 0
        return torch.from_numpy(frames.astype(np.uint8)), count, target


class NoiseVideos(ValidationVideos):
    """Videos of one clip and of five; nothing in them tells the classes apart."""

    def __init__(self, count: int = 4) -> None:
        videos = [(Path(f"{k}.mp4"), k % CLASSES) for k in range(count)]
        super().__init__(videos, PREPROCESSING, TINY.window)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        clips = 5 if index == 2 else 1
        return torch.from_numpy(noise(clips, 6, seed=index)), self.videos[index][1]


def noise(*shape: int, seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (*shape, 32, 32, 3), dtype=np.uint8)


def run(network: HybridNet, frames: Tensor) -> Output:
    """What a network says of a clip (T, H, W, 3)."""
    with torch.inference_mode():
        output: Output = network(to_input(frames[None]))
    return output._replace(logits=output.logits[0], features=output.features[0])


def weights(network: HybridNet) -> dict[str, Tensor]:
    return {name: w.clone() for name, w in network.state_dict().items()}
