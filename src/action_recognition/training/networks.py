"""Networks that are made of another one's weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray

from action_recognition.models.hybridnet import HybridNet


def with_classes(start: HybridNet, classes: int) -> HybridNet:
    """The trunk and the hidden layer of a network, with a new dense layer.

    The answers of the network that was trained first are kept beside it (`HybridNet.likeness`).
    """
    kept = start.pretrained or start.dense  # the answers of what was trained first
    architecture = replace(
        start.architecture, classes=classes, lstm=0, gru=0, pretrained=kept.out_features
    )
    network = _with_weights(HybridNet(architecture), start, ("trunk.", "hidden."))
    assert network.pretrained is not None
    network.pretrained.load_state_dict(kept.state_dict())
    return network


def with_recurrent(network: HybridNet, lstm: int, gru: int) -> HybridNet:
    """The same network with an LSTM and a GRU, which say nothing yet."""
    architecture = replace(network.architecture, lstm=lstm, gru=gru)
    parts = ("trunk.", "hidden.", "dense.", "pretrained.", "typical")
    return _with_weights(HybridNet(architecture), network, parts)


def set_typical(
    network: HybridNet, features: NDArray[np.floating], targets: Sequence[int]
) -> HybridNet:
    """Sets what is typical of each class, for `HybridNet.likeness`.

    Parameters:
        features: (N, hidden), what the network gives of training clips.
        targets: (N,) index of each one's class.
    """
    if network.pretrained is None:
        return network
    with torch.inference_mode():
        x = torch.from_numpy(features).to(network.pretrained.weight)
        shares = network.pretrained(x).softmax(-1)  # (N, pretrained)
        typical = network.get_buffer("typical")
        for target in set(targets):
            rows = [k for k, t in enumerate(targets) if t == target]
            typical[target] = shares[rows].mean(0).sqrt()
    return network


def round_weights(network: HybridNet) -> None:
    """Rounds the weights to those that a model file stores."""
    with torch.no_grad():
        for values in network.state_dict().values():  # parameters, and what is typical of classes
            values.copy_(values.half())


def _with_weights(network: HybridNet, other: HybridNet, parts: tuple[str, ...]) -> HybridNet:
    state = {n: w for n, w in other.state_dict().items() if n.startswith(parts)}
    network.load_state_dict(state, strict=False)
    return network.eval()
