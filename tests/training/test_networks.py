"""Networks that are made of another one's weights."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch

from action_recognition.training.networks import (
    set_typical,
    with_classes,
    with_recurrent,
)
from tiny_network import load_network, same, weights


def test_a_start_gives_its_trunk_and_hidden_layer(init: str) -> None:
    start = load_network(init)
    network = with_classes(start, 5)
    a = network.architecture
    assert (a.classes, a.lstm, a.gru) == (5, 0, 0)
    assert network.dense.out_features == 5
    for part in ("trunk.", "hidden."):
        assert same(weights(network), weights(start), part)
    with torch.no_grad():
        network.hidden.weight += 1
        assert network.pretrained is not None
        network.pretrained.weight += 1
    assert not same(weights(network), weights(start), "hidden.")  # they are copies
    assert not torch.equal(network.pretrained.weight, start.dense.weight)


def test_a_start_gives_its_answers(init: str) -> None:
    start = load_network(init)
    network = with_classes(start, 5)
    assert network.architecture.pretrained == 3
    assert network.pretrained is not None
    assert same(network.pretrained.state_dict(), start.dense.state_dict())
    assert network.get_buffer("typical").tolist() == [[0] * 3] * 5


def test_of_a_start_that_keeps_answers_these_are_kept(init: str) -> None:
    """Own classes learned from the shipped model are compared by Kinetics' names, as its are."""
    first = load_network(init)
    second = with_classes(first, 5)
    with torch.no_grad():
        second.get_buffer("typical").fill_(0.5)
    third = with_classes(second, 2)
    assert (third.architecture.classes, third.architecture.pretrained) == (2, 3)
    assert third.pretrained is not None
    assert same(third.pretrained.state_dict(), first.dense.state_dict())
    assert third.get_buffer("typical").tolist() == [[0] * 3] * 2  # of its own classes


def test_lstm_and_gru_begin_by_saying_nothing(init: str) -> None:
    network = with_classes(load_network(init), 3)
    network.get_buffer("typical").copy_(torch.rand(3, 3))
    with_both = with_recurrent(network, 8, 4)
    assert (with_both.architecture.lstm, with_both.architecture.gru) == (8, 4)
    frames = torch.rand(1, 6, 3, 32, 32)
    with torch.inference_mode():
        before, after = network(frames), with_both(frames)
        alike = network.likeness(before.features)
        assert torch.equal(before.logits, after.logits)
        assert torch.equal(with_both.likeness(after.features), alike)
    assert alike.shape == (1, 6, 3)


# -- what is typical of each class ---------------------------------------------------------


def clips(count: int) -> tuple[np.ndarray, list[int]]:
    """Features of the hidden layer, and targets of five classes, none of class 3."""
    random = np.random.default_rng(0)
    targets = [(0, 1, 2, 4)[k % 4] for k in range(count)]
    return random.uniform(0, 0.3, (count, 24)).astype(np.float32), targets


def test_what_is_typical_is_the_mean_of_the_pretrained_probabilities(init: str) -> None:
    network = with_classes(load_network(init), 5)
    features, targets = clips(22)
    assert set_typical(network, features, targets) is network
    assert network.pretrained is not None
    weight, bias = (p.detach().numpy() for p in network.pretrained.parameters())
    shares = np.exp(features.astype(np.float64) @ weight.T + bias)
    shares /= shares.sum(1, keepdims=True)
    found = network.get_buffer("typical").numpy()
    assert found.dtype == np.float32
    for target in (0, 1, 2, 4):
        mean = shares[np.array(targets) == target].mean(0)
        assert found[target] ** 2 == pytest.approx(mean, abs=1e-5)
    assert found[3].tolist() == [0, 0, 0]  # nothing was seen of it
    assert np.ptp(found[[0, 1, 2, 4]], axis=0).max() > 0.05


def test_a_training_clip_is_most_like_its_own_class(init: str) -> None:
    network = with_classes(load_network(init), 3)
    rows = np.eye(3, 24, dtype=np.float32) * 6
    assert network.pretrained is not None
    with torch.no_grad():  # each of the three is answered with a class of its own
        network.pretrained.weight.copy_(torch.eye(3, 24))
        network.pretrained.bias.zero_()
    set_typical(network, np.repeat(rows, 4, 0), [k // 4 for k in range(12)])
    with torch.inference_mode():
        found = network.likeness(torch.from_numpy(rows)).numpy()
    assert found.argmax(1).tolist() == [0, 1, 2]
    assert found.diagonal() == pytest.approx([0, 0, 0], abs=1e-5)
    assert found[~np.eye(3, dtype=bool)].max() < -1


def test_nothing_else_changes_and_it_can_still_learn(init: str) -> None:
    network = with_classes(load_network(init), 5)
    before = weights(network)
    set_typical(network, *clips(8))
    after = weights(network)
    assert {n for n in before if not torch.equal(before[n], after[n])} == {"typical"}
    loss = network.likeness(torch.rand(2, 24)).sum()
    loss.backward()  # what was set is no tensor of inference mode
    assert network.pretrained is not None
    assert network.pretrained.weight.grad is not None
    assert copy.deepcopy(network).get_buffer("typical").equal(after["typical"])


def test_set_again_it_is_that_of_the_later_clips(init: str) -> None:
    once, twice = (with_classes(load_network(init), 5) for _ in range(2))
    features, targets = clips(16)
    set_typical(once, features[8:], targets[8:])
    set_typical(set_typical(twice, features[:8], targets[:8]), features[8:], targets[8:])
    assert torch.equal(once.get_buffer("typical"), twice.get_buffer("typical"))


def test_a_network_that_keeps_no_other_answers_stays_as_it_is(init: str) -> None:
    network = load_network(init)
    before = weights(network)
    assert set_typical(network, *clips(8)) is network
    assert same(weights(network), before)
    assert network.pretrained is None
