"""A small random network, quick to run, for tests that need any model."""

from __future__ import annotations

import torch
from torch import nn

from action_recognition.clips import Preprocessing
from action_recognition.model import Architecture, HybridNet
from action_recognition.modelfile import Model

TINY = Architecture(
    classes=3,
    stem=8,
    stages=((1, 8, 1, 1), (2, 16, 2, 2)),
    features=32,
    lstm=16,
    gru=16,
    temporal_from=8,
    shared_blocks=1,
)


def build_tiny_model(preprocessing: Preprocessing, seed: int = 7) -> Model:
    """A small random network, far enough from its initial values that every part has a say."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = HybridNet(TINY)
        with torch.no_grad():
            for name, values in network.state_dict().items():
                if name.endswith("running_var"):
                    values.uniform_(0.5, 1.5)
                elif name.endswith(("running_mean", "norm.bias", "temporal.weight")):
                    values.add_(0.2 * torch.randn_like(values))
            network.dense.weight.mul_(2)
    return Model(
        network=network.eval(),
        classes=("Jumping", "Reading", "Swimming"),
        preprocessing=preprocessing,
        clips=3,
        metrics={"accuracy": 0.5},
        training={"seed": seed},
    )


def randomise(*modules: nn.Module | None, seed: int = 3) -> None:
    """Random values for all that they hold; mixtures stay mixtures. None is passed over."""
    random = torch.Generator().manual_seed(seed)
    for module in modules:
        for name, values in {} if module is None else module.state_dict().items():
            values.normal_(generator=random)
            if name.endswith("deviations"):
                values.abs_().add_(0.5)
            elif name.endswith("shares"):
                values.copy_(values.softmax(0))
