"""Networks that are made of another one's weights."""

from __future__ import annotations

from dataclasses import replace

import torch

from action_recognition.models.hybridnet import HybridNet


def with_classes(start: HybridNet, classes: int) -> HybridNet:
    """The trunk and the hidden layer of a network, with a new dense layer."""
    architecture = replace(start.architecture, classes=classes, lstm=0, gru=0)
    return _with_weights(HybridNet(architecture), start, ("trunk.", "hidden."))


def blended(start: HybridNet, tuned: HybridNet, share: float) -> HybridNet:
    """The tuned network with `share` of its trunk and hidden layer, the rest being the start's."""
    before = start.cpu().state_dict()
    state = {
        name: torch.lerp(before[name], values, share)
        for name, values in tuned.state_dict().items()
        if name.startswith(("trunk.", "hidden."))
    }
    tuned.load_state_dict(state, strict=False)
    return tuned


def with_recurrent(network: HybridNet, lstm: int, gru: int) -> HybridNet:
    """The same network with an LSTM and a GRU, which say nothing yet."""
    architecture = replace(network.architecture, lstm=lstm, gru=gru)
    return _with_weights(HybridNet(architecture), network, ("trunk.", "hidden.", "dense."))


def _with_weights(network: HybridNet, other: HybridNet, parts: tuple[str, ...]) -> HybridNet:
    state = {n: w for n, w in other.state_dict().items() if n.startswith(parts)}
    network.load_state_dict(state, strict=False)
    return network.eval()
