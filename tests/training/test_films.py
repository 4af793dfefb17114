"""LSTM and GRU learn from films joined of training videos."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from action_recognition.models.hybridnet import HybridNet
from action_recognition.training import films as module
from action_recognition.training.films import TrunkVideo, join_films, learn_films, measure
from tiny_network import TINY, randomise

FEATURES = 6


def network_of(lstm: int = 24, gru: int = 16, window: int = 6) -> HybridNet:
    """Of two classes, between which its dense layer cannot tell."""
    torch.manual_seed(0)
    network = HybridNet(
        replace(TINY, classes=2, features=FEATURES, window=window, lstm=lstm, gru=gru)
    )
    torch.nn.init.zeros_(network.dense.weight)
    torch.nn.init.zeros_(network.dense.bias)
    return network.eval()


def weights(network: HybridNet) -> dict[str, Tensor]:
    return {name: w.clone() for name, w in network.state_dict().items()}


def cycles(count: int, seed: int) -> list[TrunkVideo]:
    """Three vectors in turn: a b c a b c ... is of one class, a c b a c b ... of the other.

    Of three (or six) frames in a row, the mean is the same in both.
    """
    random = np.random.default_rng(seed)
    found = []
    for k in range(count):
        turn = (0, 1, 2) if k % 2 == 0 else (0, 2, 1)
        first = int(random.integers(3))
        index = [turn[(first + t) % 3] for t in range(40)]
        vectors = np.eye(FEATURES, dtype=np.float32)[index]
        found.append(TrunkVideo(vectors + random.normal(0, 0.05, vectors.shape), k % 2))
    return [replace(v, vectors=v.vectors.astype(np.float32)) for v in found]


# -- films ---------------------------------------------------------------------------------


def marked(count: int = 7) -> list[TrunkVideo]:
    """Vectors that say which video and which of its frames they are; the class is the video."""
    lengths = (3, 9, 12, 30, 40, 60, 200)
    return [
        TrunkVideo(np.stack([np.full(n, k), np.arange(n)], 1).astype(np.float32), k)
        for k, n in enumerate(lengths[:count])
    ]


@pytest.mark.parametrize("window", [1, 4, 5, 16])
def test_what_is_to_be_answered_is_the_class_in_the_middle_of_the_window(window: int) -> None:
    vectors, targets = join_films(marked(), 12, window, np.random.default_rng(0))
    assert vectors.shape == (12, 80, 2)
    assert targets.shape == (12, 80)
    assert (vectors.dtype, targets.dtype) == (torch.float32, torch.int64)
    shown = vectors[:, :, 0].long()
    for t in range(80):
        first = max(0, t - window + 1)
        middle = first + (t - first + 1) // 2  # of two in the middle, the later one
        assert torch.equal(targets[:, t], shown[:, middle])


def test_a_film_is_made_of_stretches_of_videos() -> None:
    vectors, _ = join_films(marked(), 40, 4, np.random.default_rng(1))
    lengths: dict[int, set[int]] = {}
    for film in vectors.tolist():
        start = 0
        for t in range(1, 81):
            goes_on = t < 80 and film[t] == [film[t - 1][0], film[t - 1][1] + 1]
            if not goes_on:
                if t < 80:  # the last stretch is cut
                    lengths.setdefault(int(film[start][0]), set()).add(t - start)
                start = t
    assert lengths[0] == {3}  # shorter than a stretch: whole
    assert lengths[1] <= {8, 9}
    assert min(lengths[6]) >= 8
    assert max(lengths[6]) <= 40
    assert set(lengths) == set(range(7))


def test_films_follow_their_seed() -> None:
    one, two, other = (join_films(marked(), 3, 4, np.random.default_rng(s)) for s in (5, 5, 6))
    assert torch.equal(one[0], two[0])
    assert torch.equal(one[1], two[1])
    assert not torch.equal(one[0], other[0])


def test_measure() -> None:
    network = network_of(lstm=0, gru=0)
    with torch.no_grad():
        network.dense.bias.copy_(torch.tensor([np.log(3.0), 0.0]))  # 3 of 4 for the first class
    targets = torch.tensor([[0, 0, 1], [0, 1, 1]])
    loss, accuracy = measure(network, torch.zeros(2, 3, FEATURES), targets)
    assert loss == pytest.approx(-(np.log(0.75) + np.log(0.25)) / 2, rel=1e-5)
    assert accuracy == 0.5


# -- learning ------------------------------------------------------------------------------


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fewer films, and large steps."""
    monkeypatch.setattr(module, "_FILMS", 8)
    monkeypatch.setattr(module, "_VALIDATION_FILMS", 16)
    monkeypatch.setattr(module, "_RATE", 0.05)


@pytest.mark.slow
@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(("lstm", "gru"), [(24, 16), (24, 0), (0, 24)])
def test_they_learn_order_that_the_mean_cannot_tell(lstm: int, gru: int) -> None:
    network = network_of(lstm, gru)
    before = weights(network)
    seen: list[tuple[int, float]] = []
    figures = learn_films(
        network, cycles(64, 0), cycles(20, 1), epochs=20, seed=0,
        on_epoch=lambda *done: seen.append(done),
    )  # fmt: skip
    assert figures["loss_without"] == pytest.approx(np.log(2), rel=1e-4)
    assert figures["loss_with"] < 0.8 * np.log(2)
    assert figures["accuracy_with"] > 0.75
    assert [epoch for epoch, _ in seen] == list(range(1, 21))
    assert figures["loss_with"] == min(loss for _, loss in seen)
    after = weights(network)
    changed = {n.split(".")[0] for n in before if not torch.equal(before[n], after[n])}
    assert changed == {"recurrent_dense"} | ({"lstm"} if lstm else set()) | (
        {"gru"} if gru else set()
    )
    assert all(p.requires_grad for p in network.parameters())
    held = join_films(cycles(20, 1), 16, network.architecture.window, np.random.default_rng(1))
    assert measure(network, *held) == (figures["loss_with"], figures["accuracy_with"])


@pytest.mark.slow
@pytest.mark.usefixtures("quick")
def test_where_they_do_not_help_they_go_on_to_say_nothing() -> None:
    """The dense layer is right already; in training, the classes are exchanged."""
    network = network_of()
    with torch.no_grad():
        network.hidden.weight.copy_(2 * torch.eye(TINY.hidden, FEATURES))
        network.hidden.bias.zero_()
        network.dense.weight.copy_(torch.eye(2, TINY.hidden))
    before = weights(network)
    videos = [
        TrunkVideo(np.eye(FEATURES, dtype=np.float32)[[k % 2] * 40], k % 2) for k in range(64)
    ]
    exchanged = [replace(v, target=1 - v.target) for v in videos]
    figures = learn_films(network, exchanged, videos, epochs=4, seed=0)
    after = weights(network)
    assert all(torch.equal(before[n], after[n]) for n in before)
    assert network.recurrent_dense is not None
    assert network.recurrent_dense.weight.abs().max() == 0
    assert figures["loss_with"] == figures["loss_without"] < 0.4
    assert figures["accuracy_with"] == figures["accuracy_without"] > 0.9


@pytest.mark.slow
@pytest.mark.usefixtures("quick")
def test_the_seed_decides() -> None:
    found = []
    for seed in (1, 1, 2):
        network = network_of()
        randomise(network)  # the same start each time
        with torch.no_grad():
            assert network.recurrent_dense is not None
            network.recurrent_dense.weight.zero_()
            network.dense.weight.zero_()
        torch.manual_seed(seed + 100)
        learn_films(network, cycles(32, 0), cycles(20, 1), epochs=4, seed=seed)
        found.append(network.recurrent_dense.weight.clone())
    assert found[0].abs().max() > 0
    assert torch.equal(found[0], found[1])
    assert not torch.equal(found[0], found[2])
