"""The network: pieces give what the whole gives, nothing sees the future, films never meet."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from action_recognition.models.architecture import Architecture
from action_recognition.models.hybridnet import HybridNet, Output, State
from tiny_network import TINY, randomise

STILL = tuple((c, e, k, 1, s) for c, e, k, _, s in TINY.layers)  # no temporal convolution
RECURRENT = [{}, {"lstm": 0}, {"gru": 0}, {"lstm": 0, "gru": 0}]


def build(seed: int = 7, **change: object) -> HybridNet:
    network = HybridNet(replace(TINY, **change))
    randomise(network, seed)
    return network.eval()


def film(batch: int = 1, times: int = 14, sides: tuple[int, int] = (32, 32), seed: int = 0):
    random = torch.Generator().manual_seed(seed)
    return torch.rand(batch, times, 3, *sides, generator=random)


@torch.no_grad()
def in_pieces(network: HybridNet, frames: Tensor, lengths: list[int]) -> Output:
    """The film in pieces of these lengths, over and over until it ends."""
    found: list[Output] = []
    state: State | None = None
    start = 0
    while start < frames.shape[1]:
        length = lengths[len(found) % len(lengths)]
        found.append(network(frames[:, start : start + length], state))
        state, start = found[-1].state, start + length
    assert state is not None
    return Output(
        torch.cat([o.logits for o in found], 1), torch.cat([o.features for o in found], 1), state
    )


@torch.no_grad()
def whole(network: HybridNet, frames: Tensor) -> Output:
    return network(frames)


def flat(state: State) -> list[Tensor]:
    return [*state.trunk, state.recent, state.seen, *state.lstm, *state.gru]


@pytest.mark.parametrize("change", RECURRENT)
def test_shapes(change: dict[str, int]) -> None:
    network = build(**change)
    logits, features, state = whole(network, film(2, 5, (31, 45)))
    assert logits.shape == (2, 5, 3)
    assert features.shape == (2, 5, 24)
    assert logits.dtype == features.dtype == torch.float32
    assert state.recent.shape == (2, 3, 32)
    assert state.seen.item() == 5
    assert [s.shape for s in state.lstm] == [(1, 2, 12)] * 2 * (change.get("lstm") != 0)
    assert [s.shape for s in state.gru] == [(1, 2, 8)] * (change.get("gru") != 0)
    names = {name.split(".")[0] for name, _ in network.named_parameters()}
    parts = {"trunk", "hidden", "dense"} | {p for p in ("lstm", "gru") if change.get(p) != 0}
    assert names == parts | ({"recurrent_dense"} if len(parts) > 3 else set())


@pytest.mark.parametrize(
    ("lengths", "batch", "sides"),
    [
        ([1], 1, (32, 32)),
        ([3], 1, (32, 32)),
        ([7], 1, (32, 32)),
        ([1], 2, (31, 45)),
        ([1, 3, 7], 2, (31, 45)),
        ([5, 1, 1, 6], 2, (17, 16)),
        ([13, 1], 2, (31, 45)),
    ],
)
def test_pieces_give_what_the_whole_gives(
    lengths: list[int], batch: int, sides: tuple[int, int]
) -> None:
    network, frames = build(), film(batch, 14, sides)
    pieces, once = in_pieces(network, frames, lengths), whole(network, frames)
    assert np.ptp(once.logits.numpy(), axis=1).max() > 0.1  # frames differ, or this shows nothing
    torch.testing.assert_close(pieces.logits, once.logits, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(pieces.features, once.features, atol=1e-4, rtol=1e-4)
    for one, other in zip(flat(pieces.state), flat(once.state), strict=True):
        torch.testing.assert_close(one, other, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize(
    "change", [*RECURRENT[1:], {"layers": STILL}, {"window": 1}, {"window": 100}]
)
def test_pieces_of_any_network(change: dict[str, object]) -> None:
    network, frames = build(**change), film()
    found, once = in_pieces(network, frames, [1, 3, 7]), whole(network, frames)
    torch.testing.assert_close(found.logits, once.logits, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("place", [0, 4, 9, 13])
def test_a_later_frame_changes_no_earlier_answer(place: int) -> None:
    network, frames = build(), film()
    changed = frames.clone()
    changed[:, place] = 1 - changed[:, place]
    one, other = whole(network, frames), whole(network, changed)
    moved = (one.logits - other.logits).abs().amax((0, 2))
    assert moved[:place].eq(0).all()
    assert (one.features - other.features)[:, :place].eq(0).all()
    assert (moved[place:] > 1e-6).all()  # the recurrent layers never forget wholly


def test_two_films_through_one_network_do_not_mix() -> None:
    network = build()
    films = [film(seed=1), film(seed=2, sides=(24, 40))]
    states: list[State | None] = [None, None]
    found: list[list[Tensor]] = [[], []]
    with torch.no_grad():
        for start in range(0, 14, 2):
            for k, frames in enumerate(films):
                output = network(frames[:, start : start + 2], states[k])
                states[k] = output.state
                found[k].append(output.logits)
    for frames, logits in zip(films, found, strict=True):
        alone = whole(build(), frames).logits
        torch.testing.assert_close(torch.cat(logits, 1), alone, atol=1e-4, rtol=1e-4)


def test_films_of_a_batch_do_not_see_each_other() -> None:
    network, frames = build(), film(3)
    together = whole(network, frames).logits
    alone = torch.cat([whole(network, frames[k : k + 1]).logits for k in range(3)])
    torch.testing.assert_close(together, alone, atol=1e-4, rtol=1e-4)


def test_a_state_can_be_used_again() -> None:
    """Two ways to go on from one state: the first changes nothing for the second."""
    network, frames = build(), film()
    state = whole(network, frames[:, :6]).state
    with torch.no_grad():
        first = network(frames[:, 6:], state).logits
        network(film(times=3, seed=9), state)
        again = network(frames[:, 6:], state).logits
    assert torch.equal(first, again)


@pytest.mark.parametrize("window", [1, 4, 6])
def test_the_dense_path_reads_exactly_the_last_window_of_frames(window: int) -> None:
    network = build(layers=STILL, lstm=0, gru=0, window=window)
    frames = film()
    once = whole(network, frames).logits
    for place in (0, 5, 12):
        changed = frames.clone()
        changed[:, place] = 0
        moved = (whole(network, changed).logits - once).abs().amax((0, 2)) > 1e-5
        assert moved.tolist() == [place <= k < place + window for k in range(14)], place


@pytest.mark.parametrize("change", RECURRENT)
def test_the_answer_from_the_vectors_by_hand(change: dict[str, int]) -> None:
    """The mean of the last 4 vectors, or of those so far; then what the recurrent layers add."""
    network = build(**change)
    vectors = torch.rand(2, 9, 32, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        found = network.answer(vectors, network.start(film(2)))
        x = vectors
        if network.lstm is not None:
            x, _ = network.lstm(x)
        if network.gru is not None:
            x, _ = network.gru(x)
        for t in range(9):
            mean = vectors[:, max(0, t - 3) : t + 1].mean(1)
            hidden = F.relu6(mean @ network.hidden.weight.T + network.hidden.bias)
            logits = hidden @ network.dense.weight.T + network.dense.bias
            if network.recurrent_dense is not None:
                past = min(max(t + 1 - 4, 0), 4) / 4  # they are silent until the window is full
                logits = logits + past * x[:, t] @ network.recurrent_dense.weight.T
            torch.testing.assert_close(found.features[:, t], hidden, atol=1e-5, rtol=1e-5)
            torch.testing.assert_close(found.logits[:, t], logits, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("times", [1, 3, 9])
def test_the_logits_of_a_window_are_those_without_lstm_and_gru(times: int) -> None:
    """What heat maps explain: the same weights, but nothing of what was before the window."""
    network, plain = build(), build(lstm=0, gru=0)
    plain.load_state_dict({k: network.state_dict()[k] for k in plain.state_dict()})
    vectors = torch.rand(2, times, 32, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        expected = plain.answer(vectors, plain.start_answer(vectors)).logits
        torch.testing.assert_close(network.window_logits(vectors), expected)


def test_recurrent_layers_say_nothing_until_they_are_trained() -> None:
    network = HybridNet(TINY).eval()
    assert network.recurrent_dense is not None
    assert network.recurrent_dense.weight.eq(0).all()
    alone = HybridNet(replace(TINY, lstm=0, gru=0)).eval()
    alone.load_state_dict({k: network.state_dict()[k] for k in alone.state_dict()})
    assert torch.equal(whole(network, film()).logits, whole(alone, film()).logits)


@pytest.mark.parametrize("change", [{"lstm": 0, "gru": 0}, {"layers": STILL}])
def test_order_of_frames_matters_to_each_temporal_part(change: dict[str, object]) -> None:
    network, frames = build(**change), film(times=6)
    backwards = whole(network, frames.flip(1)).logits[:, -1]
    assert (whole(network, frames).logits[:, -1] - backwards).abs().max() > 1e-3


def test_without_temporal_parts_order_does_not_matter() -> None:
    network, frames = build(layers=STILL, lstm=0, gru=0, window=6), film(times=6)
    backwards = whole(network, frames.flip(1)).logits[:, -1]
    torch.testing.assert_close(
        whole(network, frames).logits[:, -1], backwards, atol=1e-5, rtol=1e-4
    )


def test_gradient_reaches_every_parameter() -> None:
    network = build().train()
    logits = network(film(4, 6)).logits.flatten(0, 1)
    F.cross_entropy(logits, torch.arange(24) % 3).backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().max() > 0, name


def test_training_and_answering_are_one_forward() -> None:
    network, frames = build(), film(2, 6)
    assert torch.equal(network.train()(frames).logits, whole(network.eval(), frames).logits)


@pytest.mark.parametrize("pretrained", [0, 5])
def test_a_network_without_weights_can_be_built(pretrained: int) -> None:
    architecture = replace(TINY, pretrained=pretrained)
    with torch.device("meta"):
        network = HybridNet(architecture)
    assert {k: w.shape for k, w in network.state_dict().items()} == {
        k: w.shape for k, w in HybridNet(architecture).state_dict().items()
    }


def test_default_network_keeps_its_budget() -> None:
    def count(**change: int) -> int:
        with torch.device("meta"):
            network = HybridNet(Architecture(classes=10, **change))
        return sum(w.numel() for w in network.parameters())

    trunk_and_dense = 2_723_407 - 590 * 2049  # of Kinetics-600's, less 590 classes
    assert count() == trunk_and_dense
    lstm, gru = 4 * 96 * (480 + 96 + 2), 3 * 64 * (96 + 64 + 2)
    assert count(lstm=96, gru=64) == trunk_and_dense + lstm + gru + 64 * 10


def test_window_counts_frames_across_pieces() -> None:
    """Guards: the mean before the window is full is over the frames so far, not over the piece."""
    network = build(layers=STILL, lstm=0, gru=0)
    frames = film(times=1).repeat(1, 9, 1, 1, 1)  # the same frame again and again
    logits = in_pieces(network, frames, [2, 1]).logits
    for one, other in pairwise(logits[0]):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-5)
