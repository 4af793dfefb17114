"""Frames in, arrays out, by PyTorch and by the graph alike: in pieces, whole, from threads."""

from __future__ import annotations

import copy
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from action_recognition.clips import Preprocessing
from action_recognition.errors import ModelFileError, UsageError
from action_recognition.models import runtime as runtime_module
from action_recognition.models.graph_names import Graphs
from action_recognition.models.graph_runtime import GraphRuntime
from action_recognition.models.hybridnet import HybridNet
from action_recognition.models.model_file import Model
from action_recognition.models.runtime import Runtime
from action_recognition.models.stored_network import open_runtime, restored, stored
from action_recognition.models.torch_runtime import TorchRuntime, to_input
from tiny_network import build_tiny_model

Frames = NDArray[np.uint8]


def noise(*shape: int, seed: int = 0) -> Frames:
    return np.random.default_rng(seed).integers(0, 256, (*shape, 32, 32, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def network() -> HybridNet:
    """A network that keeps the answers of another one."""
    model = build_tiny_model(Preprocessing(size=32, interval_s=0.1), pretrained=5)
    return restored(model.network)


@pytest.fixture(scope="module", params=["torch", pytest.param("graph", marks=pytest.mark.slow)])
def runtime(network: HybridNet, request: pytest.FixtureRequest) -> Runtime:
    if request.param == "torch":
        return TorchRuntime(network, device="cpu")
    graphs: Graphs = request.getfixturevalue("tiny_graphs")
    return GraphRuntime(graphs, stored(network).weights, network.architecture)


@pytest.mark.parametrize(("batch", "times"), [(1, 1), (2, 6), (3, 7), (8, 1), (1, 40)])
def test_arrays_are_those_of_the_network(
    runtime: Runtime, network: HybridNet, batch: int, times: int
) -> None:
    frames = noise(batch, times)
    found = runtime.run(frames)
    with torch.inference_mode():
        exact = network(torch.from_numpy(frames / 255).float().permute(0, 1, 4, 2, 3))
        alike = network.likeness(exact.features)
    assert found.logits.dtype == found.likeness.dtype == found.features.dtype == np.float32
    assert found.logits == pytest.approx(exact.logits.numpy(), abs=1e-5)
    assert found.likeness == pytest.approx(alike.numpy(), abs=1e-5)
    assert found.features == pytest.approx(exact.features.numpy(), abs=1e-5)
    if batch * times > 1:
        assert np.ptp(found.likeness, axis=(0, 1)).min() > 0.001  # frames differ


def test_a_network_that_keeps_no_other_answers_has_no_likeness(tiny_model: Model) -> None:
    runtime = open_runtime(tiny_model.network, device="cpu")
    assert runtime.run(noise(2, 6)).likeness.shape == (2, 6, 0)
    found = runtime.answer(noise(2, 6))
    assert (found.likeness.shape, found.moments_likeness.shape) == ((0,), (2, 0))
    assert found.moments.shape == (2, 3)


@pytest.mark.parametrize("at_once", [1, 3, 100])
def test_how_many_go_through_at_once_changes_nothing(
    runtime: Runtime, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    frames = noise(2, 23)
    expected = runtime.run(frames)
    monkeypatch.setattr(runtime_module, "FRAMES_AT_ONCE", at_once)
    found = runtime.run(frames)
    assert found.logits == pytest.approx(expected.logits, abs=1e-4)
    assert found.likeness == pytest.approx(expected.likeness, abs=1e-4)
    assert found.features == pytest.approx(expected.features, abs=1e-4)


@pytest.mark.parametrize("cuts", [[1], [3, 4], [1, 8, 20]])
def test_pieces_with_the_state_go_on(runtime: Runtime, cuts: list[int]) -> None:
    frames = noise(1, 23)
    expected, state, found = runtime.run(frames), None, []
    for piece in np.split(frames, cuts, axis=1):
        answer = runtime.run(piece, state)
        state = answer.state
        found.append(answer.logits)
    assert np.concatenate(found, 1) == pytest.approx(expected.logits, abs=1e-4)


@pytest.mark.parametrize(("times", "first"), [(9, 3), (4, 3), (3, 2), (1, 0)])
def test_a_video_is_the_mean_over_its_full_windows(
    runtime: Runtime, times: int, first: int
) -> None:
    """The network's window is 4; of a shorter clip, the last frame counts."""
    frames = noise(3, times)
    found = runtime.answer(frames)
    run = runtime.run(frames)
    assert (found.logits.shape, found.likeness.shape, found.features.shape) == ((3,), (3,), (24,))
    assert found.logits.dtype == found.likeness.dtype == found.features.dtype == np.float64
    assert found.logits == pytest.approx(run.logits[:, first:].mean((0, 1)), abs=1e-5)
    assert found.likeness == pytest.approx(run.likeness[:, first:].mean((0, 1)), abs=1e-5)
    assert found.features == pytest.approx(run.features[:, first:].mean((0, 1)), abs=1e-5)
    some = run.logits[:, first::5].reshape(-1, 3), run.likeness[:, first::5].reshape(-1, 3)
    assert found.moments == pytest.approx(some[0], abs=1e-5)
    assert found.moments_likeness == pytest.approx(some[1], abs=1e-5)


def test_clips_of_a_video_are_films_of_their_own(runtime: Runtime) -> None:
    frames = noise(3, 5)
    each = [runtime.answer(frames[k : k + 1]).logits for k in range(3)]
    assert runtime.answer(frames).logits == pytest.approx(np.mean(each, 0), abs=1e-4)


def test_input_of_the_network() -> None:
    frames = noise(2, 3)
    x = to_input(torch.from_numpy(frames))
    assert x.shape == (2, 3, 3, 32, 32)
    assert x.dtype == torch.float32
    assert x.numpy() == pytest.approx(frames.transpose(0, 1, 4, 2, 3) / 255)


@pytest.mark.parametrize(
    ("frames", "said"),
    [
        (np.zeros((2, 16, 16, 3), np.uint8), "uint8"),
        (np.zeros((1, 2, 16, 16, 4), np.uint8), r"\(1, 2, 16, 16, 4\)"),
        (np.zeros((1, 2, 3, 16, 16), np.uint8), r"\(1, 2, 3, 16, 16\)"),
        (np.zeros((1, 2, 16, 16, 3), np.float32), "float32"),
    ],
)
def test_other_arrays_are_refused(runtime: Runtime, frames: Frames, said: str) -> None:
    with pytest.raises(UsageError, match=rf"{said}.*must be \(B, T, H, W, 3\) uint8"):
        runtime.run(frames)


def test_the_network_is_set_to_answer(tiny_model: Model) -> None:
    network = restored(tiny_model.network)
    assert not TorchRuntime(network.train(), device="cpu").network.training


@pytest.mark.parametrize("opened", [open_runtime, TorchRuntime])
def test_devices_that_are_not_there(tiny_model: Model, opened: Callable[..., Runtime]) -> None:
    with pytest.raises(UsageError, match="device='tpu'"):
        opened(tiny_model.network, device="tpu")


def test_threads_share_one_network(runtime: Runtime) -> None:
    films = [noise(1, 12, seed=k) for k in range(8)]
    expected = [runtime.answer(film).logits for film in films]
    assert np.ptp(expected, axis=0).max() > 0.1  # films differ, or this would show nothing

    def watch(film: Frames) -> list[NDArray[np.float64]]:
        return [runtime.answer(film).logits for _ in range(3)]

    with ThreadPoolExecutor(4) as pool:
        for found, logits in zip(pool.map(watch, films), expected, strict=True):
            for again in found:
                assert again == pytest.approx(logits, abs=1e-5)


def test_numbers_that_are_not_finite_are_refused(network: HybridNet) -> None:
    """Guards: finite weights of a stranger's file gave probabilities that are no numbers."""
    broken = copy.deepcopy(network)
    with torch.no_grad():
        broken.dense.weight.fill_(3e38)
        broken.dense.bias.fill_(-3e38)
    with pytest.raises(ModelFileError, match="not finite"):
        TorchRuntime(broken, device="cpu").run(noise(1, 3))
