"""The portable graph: what it holds, what fits it, and that it answers as its network does."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import Any

import numpy as np
import onnx
import pytest

from action_recognition.errors import ModelFileError
from action_recognition.models.architecture import Architecture
from action_recognition.models.graph_check import check_graph
from action_recognition.models.graph_export import export_graph
from action_recognition.models.graph_heat_export import export_heat_graph
from action_recognition.models.graph_names import FRAMES, OUTPUTS, STATE_OUTPUT, Graphs, state_names
from action_recognition.models.graph_runtime import GraphRuntime
from action_recognition.models.hybridnet import HybridNet
from action_recognition.models.runtime import Runtime
from action_recognition.models.saliency import heat_maps
from action_recognition.models.stored_network import (
    StoredNetwork,
    open_runtime,
    restored,
    stored,
)
from action_recognition.models.torch_runtime import TorchRuntime
from tiny_network import TINY, randomise

pytestmark = pytest.mark.slow  # the whole file: exporting takes half a minute

# And the sizes of their frames.
KINDS = {
    "neither, odd size": (replace(TINY, lstm=0, gru=0), 33),
    "lstm, the picture never halved": (replace(TINY, gru=0, layers=((8, 16, 3, 3, 1),) * 2), 32),
    "gru, one layer": (replace(TINY, lstm=0, layers=((8, 16, 3, 3, 2),)), 32),
}


def network_of(architecture: Architecture) -> HybridNet:
    network = HybridNet(architecture).eval()
    randomise(network)
    return network


def noise(*shape: int, size: int = 32) -> Any:
    return np.random.default_rng(1).integers(0, 256, (*shape, size, size, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def small(tiny_graphs: Graphs) -> StoredNetwork:
    """With LSTM, GRU and the answers of another network."""
    return replace(stored(network_of(replace(TINY, pretrained=5))), graphs=tiny_graphs)


def test_the_graph_holds_no_weights(small: StoredNetwork, tiny_graphs: Graphs) -> None:
    graph = onnx.load_from_string(tiny_graphs.network).graph
    names = state_names(small.architecture)
    assert [i.name for i in graph.input] == [FRAMES, *names]
    made = {name for node in graph.node for name in node.output}
    known = made | {FRAMES, *names} | {i.name for i in graph.initializer}
    assert {i for node in graph.node for i in node.input if i} - known == set(small.weights)
    assert [o.name for o in graph.output] == [*OUTPUTS, *(STATE_OUTPUT + n for n in names)]
    assert sum(np.prod(i.dims) for i in graph.initializer) < 200  # numbers of its operations
    for of in tiny_graphs:
        check_graph(of)


@pytest.mark.parametrize("kind", KINDS)
def test_every_architecture_and_size(kind: str) -> None:
    """Guards: at stride 2 a frame of odd size was padded on one side less."""
    architecture, size = KINDS[kind]
    network, frames = network_of(architecture), noise(2, 9, size=size)
    # The graph behind heat maps takes long; for a network that halves the picture late, that of
    # `small` and those of the shipped models are enough.
    heat = b"" if architecture.cut > 1 else export_heat_graph(architecture, size)
    graphs = Graphs(export_graph(architecture, size), heat)
    runtime = GraphRuntime(graphs, stored(network).weights, architecture)
    by_torch = TorchRuntime(network, device="cpu")
    expected = by_torch.run(frames)
    found = runtime.run(frames[:, :4])
    rest = runtime.run(frames[:, 4:], found.state)
    both = np.concatenate([found.logits, rest.logits], 1)
    assert both == pytest.approx(expected.logits, abs=1e-5)
    assert np.ptp(expected.logits) > 0.1
    if heat:
        check_heat(runtime, by_torch, frames[0])


def test_the_same_heat(small: StoredNetwork) -> None:
    """Of a network whose last layer halves the picture, with LSTM and GRU."""
    check_heat(open_runtime(small, device="cpu"), TorchRuntime(restored(small)), noise(9))


def check_heat(runtime: Runtime, by_torch: Runtime, clip: Any) -> None:
    brightest = 0.0
    for times, target, answers in ((1, 0, 3), (3, 1, 2), (9, 2, 3), (9, 0, 3)):
        expected = heat_maps(by_torch, clip[:times], target, answers=answers)
        found = heat_maps(runtime, clip[:times], target, answers=answers)
        assert found == pytest.approx(expected, abs=1e-4)
        brightest = max(brightest, expected.max())
    assert brightest == 1  # or it shows nothing


@pytest.mark.parametrize("classes", [1, 3, 4])
def test_one_graph_serves_all_networks_of_an_architecture(
    small: StoredNetwork, tiny_graphs: Graphs, classes: int
) -> None:
    """Of any number of classes; and other weights give other answers."""
    other = HybridNet(replace(small.architecture, classes=classes)).eval()
    randomise(other, seed=4)
    expected = open_runtime(other, device="cpu").run(noise(1, 5)).logits
    runtime = open_runtime(replace(stored(other), graphs=tiny_graphs), device="cpu")
    assert isinstance(runtime, GraphRuntime)
    assert runtime.run(noise(1, 5)).logits == pytest.approx(expected, abs=1e-5)
    first = open_runtime(small, device="cpu").run(noise(1, 5)).logits
    assert first.shape != expected.shape or not np.allclose(first, expected, atol=0.1)
    found, heat = (
        heat_maps(of, noise(9), 0, answers=classes)
        for of in (runtime, open_runtime(other, device="cpu"))
    )
    assert found == pytest.approx(heat, abs=1e-4)


def test_it_is_exported_once(tiny_graphs: Graphs) -> None:
    assert export_graph(replace(TINY, classes=2, pretrained=5), 32) is tiny_graphs.network


def test_what_does_not_fit_is_refused(small: StoredNetwork, tiny_graphs: Graphs) -> None:
    weights, architecture = dict(small.weights), small.architecture
    with pytest.raises(ModelFileError, match=r"its graph cannot be read \(Node .*dimensions\)"):
        GraphRuntime(tiny_graphs, weights | {"dense.bias": np.zeros(9, np.float32)}, architecture)
    less = {name: w for name, w in weights.items() if name != "hidden.weight"}
    with pytest.raises(ModelFileError, match=r"its graph cannot be read .*hidden\.weight"):
        GraphRuntime(tiny_graphs, less, architecture)
    with pytest.raises(ModelFileError, match="does not fit its architecture"):
        GraphRuntime(tiny_graphs, weights, replace(architecture, gru=0))
    for broken in (b"", b"no graph", tiny_graphs.network[:9999], tiny_graphs.heat):
        with pytest.raises(ModelFileError, match="its graph cannot be read|does not fit"):  # noqa: RUF043
            GraphRuntime(tiny_graphs._replace(network=broken), weights, architecture)


def test_of_the_graph_behind_heat_maps_that_is_said_when_they_are_asked_for(
    small: StoredNetwork, tiny_graphs: Graphs
) -> None:
    for broken in (b"no graph", tiny_graphs.heat[:9999], tiny_graphs.network):
        graphs = tiny_graphs._replace(heat=broken)
        runtime = GraphRuntime(graphs, small.weights, small.architecture)
        assert runtime.run(noise(1, 2)).logits.shape == (1, 2, 3)
        with pytest.raises(ModelFileError, match="its graph cannot be read|does not fit"):  # noqa: RUF043
            heat_maps(runtime, noise(4), 0, answers=3)


def test_frames_of_another_size_are_one_sentence(small: StoredNetwork) -> None:
    """A graph is made for one size of the picture."""
    runtime = open_runtime(small, device="cpu")
    with pytest.raises(ModelFileError, match=r"^its graph cannot be run \([^\n]+\)$"):
        runtime.run(noise(1, 2, size=48))
    assert runtime.run(noise(1, 2)).logits.shape == (1, 2, 3)  # and it goes on


def with_texts(graph: bytes) -> bytes:
    """A weight is an input, too, and an input of texts."""
    model = onnx.load_from_string(graph)
    sizes = [3]
    texts = onnx.helper.make_tensor_value_info("dense.bias", onnx.TensorProto.STRING, sizes)
    model.graph.input.append(texts)
    return model.SerializeToString()


def with_lost_name(graph: bytes) -> bytes:
    """A value is asked for by a name that nothing has, and that is no text."""
    before, after = graph.split(b"val_0", 1)
    return before + b"val_0" + after.replace(b"val_0", b"\xff\xfe\xfd_0", 1)


NONSENSE = {
    "texts": with_texts,
    "lost name": with_lost_name,
}


@pytest.mark.parametrize("kind", NONSENSE)
def test_graphs_that_make_no_sense_are_one_sentence(
    small: StoredNetwork, tiny_graphs: Graphs, kind: str
) -> None:
    graphs = tiny_graphs._replace(network=NONSENSE[kind](tiny_graphs.network))
    check_graph(graphs.network)
    with pytest.raises(ModelFileError, match=r"^its graph [^\n]+$"):
        GraphRuntime(graphs, small.weights, small.architecture)


def test_changed_bytes_are_answered_or_refused(small: StoredNetwork, tiny_graphs: Graphs) -> None:
    random, said = Random(1), list[str]()
    for _ in range(25):
        graph = bytearray(tiny_graphs.network)
        graph[random.randrange(len(graph))] ^= 1 << random.randrange(8)
        try:
            check_graph(bytes(graph))
            graphs = tiny_graphs._replace(network=bytes(graph))
            GraphRuntime(graphs, small.weights, small.architecture).run(noise(1, 2))
        except ModelFileError as error:
            said.append(str(error))
    assert 0 < len(said) < 25
    assert all(sentence.startswith("its graph ") and "\n" not in sentence for sentence in said)
