"""A network as a file holds it, and what is chosen to run it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from action_recognition.clips import Preprocessing
from action_recognition.errors import ModelFileError, UsageError
from action_recognition.models import stored_network
from action_recognition.models.graph_names import Graphs
from action_recognition.models.graph_runtime import GraphRuntime
from action_recognition.models.hybridnet import HybridNet
from action_recognition.models.model_file import Model, load_model
from action_recognition.models.stored_network import (
    StoredNetwork,
    open_runtime,
    restored,
    stored,
    with_graphs,
)
from action_recognition.models.torch_runtime import TorchRuntime
from tiny_network import build_tiny_model, same, weights

NONE = Graphs(b"", b"")  # that cannot be run: what is not asked for is not looked at


@pytest.fixture
def model(tiny_preprocessing: Preprocessing) -> Model:
    """It keeps the answers of another network, which are no weights that were learned."""
    return build_tiny_model(tiny_preprocessing, pretrained=5)


@pytest.fixture
def kept(tiny_model_path: Path) -> StoredNetwork:
    """As a file gives it."""
    network = load_model(tiny_model_path).network
    assert isinstance(network, StoredNetwork)
    return network


# -- to PyTorch and back -------------------------------------------------------------------


def test_there_and_back_again(model: Model) -> None:
    network = model.network
    assert isinstance(network, HybridNet)
    found = stored(network)
    assert found.architecture == network.architecture
    assert found.graphs is None
    assert list(found.weights) == list(network.state_dict())
    again = found.restored()
    assert same(weights(again), weights(network))
    assert not again.training
    assert all(not w.is_meta for w in again.state_dict().values())


def test_half_precision_becomes_whole(kept: StoredNetwork) -> None:
    assert {w.dtype for w in kept.weights.values()} == {np.dtype(np.float16)}
    state = kept.restored().state_dict()
    assert {w.dtype for w in state.values()} == {torch.float32}
    for name, weight in kept.weights.items():
        assert np.array_equal(state[name].numpy(), weight), name


def test_what_is_restored_is_a_copy_that_can_learn(kept: StoredNetwork) -> None:
    network, other = kept.restored(), kept.restored()
    assert all(p.requires_grad for p in network.parameters())
    with torch.no_grad():
        network.dense.weight += 1
    assert not same(weights(network), weights(other), "dense.weight")
    assert np.array_equal(other.dense.weight.detach().numpy(), kept.weights["dense.weight"])


def test_what_is_so_already_stays_itself(model: Model, kept: StoredNetwork) -> None:
    assert restored(model.network) is model.network
    assert stored(kept) is kept


def test_restoring_does_not_disturb_the_random_numbers_of_a_training(kept: StoredNetwork) -> None:
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    kept.restored()
    assert torch.equal(torch.rand(3), expected)


def test_the_model_counts_what_was_learned(model: Model) -> None:
    network = model.network
    assert isinstance(network, HybridNet)
    learned = sum(p.numel() for p in network.parameters())
    assert model.parameters == learned
    assert replace(model, network=stored(network)).parameters == learned
    assert model.architecture == network.architecture


# -- its graphs ----------------------------------------------------------------------------


def test_graphs_that_are_there_are_kept(
    model: Model, kept: StoredNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stored_network, "_export", pytest.fail)
    whole = replace(kept, graphs=NONE)
    assert with_graphs(whole, 32) is whole
    asked = []
    monkeypatch.setattr(stored_network, "_export", lambda *given: asked.append(given) or NONE)
    for network in (kept, model.network):
        found = with_graphs(network, 48)
        assert found.graphs is NONE
        assert same(weights(found), weights(network))
    assert asked == [(kept.architecture, 48), (model.architecture, 48)]


# -- what runs it --------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("device", ["cpu", "auto"])
def test_the_graph_on_the_processor(
    model: Model, tiny_graphs: Graphs, device: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stored_network, "_may_have_gpu", lambda: False)
    network = replace(stored(model.network), graphs=tiny_graphs)
    runtime = open_runtime(network, device=device)
    assert isinstance(runtime, GraphRuntime)
    assert runtime.architecture == model.architecture
    assert runtime.window == 4


@pytest.mark.parametrize("device", ["cpu", "auto"])
def test_pytorch_without_a_graph_and_for_networks_of_its_own(
    model: Model, kept: StoredNetwork, device: str
) -> None:
    frames = np.random.default_rng(0).integers(0, 256, (1, 3, 32, 32, 3), dtype=np.uint8)
    for network in (model.network, stored(model.network), kept):
        runtime = open_runtime(network, device=device)
        assert isinstance(runtime, TorchRuntime)
        expected = TorchRuntime(restored(network), device=device).run(frames).logits
        assert np.array_equal(runtime.run(frames).logits, expected)


def test_pytorch_where_there_may_be_a_gpu(
    kept: StoredNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which finds out whether there is one."""
    monkeypatch.setattr(stored_network, "_may_have_gpu", lambda: True)
    assert isinstance(open_runtime(replace(kept, graphs=NONE)), TorchRuntime)
    with pytest.raises(ModelFileError, match="its graph"):  # who wants the processor has it
        open_runtime(replace(kept, graphs=NONE), device="cpu")


@pytest.mark.parametrize("there", [True, False])
def test_a_gpu_is_asked_for_where_its_driver_is(
    there: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """PyTorch takes seconds to load, which nobody waits for in vain."""
    (tmp_path / "nvidia-smi").touch(0o755)
    monkeypatch.setenv("PATH", str(tmp_path) if there else "")
    if not Path("/dev/nvidiactl").exists():
        assert stored_network._may_have_gpu() == there
    monkeypatch.setattr(stored_network.importlib.util, "find_spec", lambda name: None)
    assert not stored_network._may_have_gpu()  # without PyTorch, none is of use


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there(kept: StoredNetwork) -> None:
    with pytest.raises(UsageError, match="device='cuda', but PyTorch finds no GPU here"):
        open_runtime(replace(kept, graphs=NONE), device="cuda")


@pytest.mark.parametrize("graphs", [None, NONE])
def test_other_devices(kept: StoredNetwork, graphs: Graphs | None) -> None:
    with pytest.raises(UsageError, match="device='tpu', must be one of auto, cpu, cuda"):
        open_runtime(replace(kept, graphs=graphs), device="tpu")
