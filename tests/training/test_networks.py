"""Networks that are made of another one's weights."""

from __future__ import annotations

import torch
from torch import Tensor

from action_recognition.models.hybridnet import HybridNet
from action_recognition.models.model_file import load_model
from action_recognition.training.networks import blended, with_classes, with_recurrent


def weights(network: HybridNet) -> dict[str, Tensor]:
    return {name: w.clone() for name, w in network.state_dict().items()}


def same(one: dict[str, Tensor], two: dict[str, Tensor], start: str = "") -> bool:
    names = [name for name in one if name.startswith(start)]
    assert names
    return all(torch.equal(one[name], two[name]) for name in names)


def test_a_start_gives_its_trunk_and_hidden_layer(init: str) -> None:
    start = load_model(init).network
    network = with_classes(start, 5)
    a = network.architecture
    assert (a.classes, a.lstm, a.gru) == (5, 0, 0)
    assert network.dense.out_features == 5
    for part in ("trunk.", "hidden."):
        assert same(weights(network), weights(start), part)
    with torch.no_grad():
        network.hidden.weight += 1
    assert not same(weights(network), weights(start), "hidden.")  # it is a copy


def test_lstm_and_gru_begin_by_saying_nothing(init: str) -> None:
    network = with_classes(load_model(init).network, 3)
    with_both = with_recurrent(network, 8, 4)
    assert (with_both.architecture.lstm, with_both.architecture.gru) == (8, 4)
    frames = torch.rand(1, 6, 3, 32, 32)
    with torch.inference_mode():
        assert torch.equal(network(frames).logits, with_both(frames).logits)


def test_a_blend_lies_between_the_start_and_what_was_tuned(init: str) -> None:
    start = load_model(init).network
    tuned = with_classes(start, 3)
    with torch.no_grad():
        for values in tuned.parameters():
            values.add_(1.0)
    after = weights(tuned)
    found = blended(start, tuned, 0.25)
    before = weights(start)
    for name, values in found.state_dict().items():
        expected = after[name] if name.startswith("dense.") else before[name] + 0.25
        torch.testing.assert_close(values, expected)
