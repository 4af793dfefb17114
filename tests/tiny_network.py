"""A small random network, quick to run, for tests that need any model."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from action_recognition.clips import Preprocessing
from action_recognition.models.architecture import Architecture
from action_recognition.models.hybridnet import HybridNet
from action_recognition.models.model_file import Model, load_model
from action_recognition.models.stored_network import StoredNetwork, restored

TINY = Architecture(
    classes=3,
    stem=8,
    layers=((8, 16, 3, 3, 2), (8, 16, 5, 1, 1), (16, 24, 3, 5, 2)),
    features=32,
    window=4,
    hidden=24,
    lstm=12,
    gru=8,
)


def build_tiny_model(preprocessing: Preprocessing, seed: int = 7, pretrained: int = 0) -> Model:
    """A small random network, far enough from its initial values that every part has a say.

    Parameters:
        pretrained: classes of another network whose answers it keeps; 0: none.
    """
    network = HybridNet(replace(TINY, pretrained=pretrained))
    randomise(network, seed)
    return Model(
        network=network.eval(),
        classes=("Jumping", "Reading", "Swimming"),
        preprocessing=preprocessing,
        metrics={"accuracy": 0.5},
        training={"seed": seed},
    )


def randomise(network: HybridNet, seed: int = 3) -> None:
    """Random weights, of a size that keeps the signal alive from layer to layer."""
    random = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, values in network.named_parameters():
            inputs = values[0].numel() if values.ndim > 1 else 25
            values.normal_(std=(2 / inputs) ** 0.5, generator=random)
            if name.endswith(".scale"):
                values.fill_(1)
        network.dense.weight.mul_(4)
        if network.pretrained is not None:
            typical = network.get_buffer("typical")
            shares = torch.randn(typical.shape, generator=random).softmax(-1)
            typical.copy_(shares.sqrt())


def load_network(path: str | Path) -> HybridNet:
    """The network in a model file."""
    return restored(load_model(path).network)


def weights(network: HybridNet | StoredNetwork) -> dict[str, Tensor]:
    """A copy of them, by their names."""
    return {name: w.clone() for name, w in restored(network).state_dict().items()}


def same(one: dict[str, Tensor], two: dict[str, Tensor], start: str = "") -> bool:
    """Whether weights are equal to the bit, those whose names begin with `start`."""
    names = [name for name in one if name.startswith(start)]
    assert names
    return all(torch.equal(one[name], two[name]) for name in names)
