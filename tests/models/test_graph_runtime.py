"""The portable graph: what it holds, what fits it, and what is refused before it runs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from action_recognition.errors import ModelFileError
from action_recognition.models.architecture import Architecture, weight_shapes
from action_recognition.models.graph_check import check_graph
from action_recognition.models.graph_export import export_graph
from action_recognition.models.graph_names import FRAMES, OUTPUTS, STATE_OUTPUT, Graphs, state_names
from action_recognition.models.graph_runtime import GraphRuntime
from action_recognition.models.hybridnet import HybridNet
from action_recognition.models.stored_network import (
    StoredNetwork,
    open_runtime,
    restored,
    stored,
    with_graphs,
)
from tiny_network import TINY, randomise

pytestmark = pytest.mark.graphs

ARCHITECTURES = {
    "lstm and gru": replace(TINY, pretrained=5),
    "neither": replace(TINY, lstm=0, gru=0),
    "lstm": replace(TINY, gru=0),
    "gru, one layer": replace(TINY, lstm=0, layers=((8, 16, 3, 3, 2),)),
}
SIZE = 32


def network_of(architecture: Architecture) -> HybridNet:
    network = HybridNet(architecture).eval()
    randomise(network)
    return network


@pytest.mark.parametrize("architecture", ARCHITECTURES.values(), ids=ARCHITECTURES)
def test_names_and_shapes_of_weights(architecture: Architecture) -> None:
    network = HybridNet(architecture)
    expected = {name: tuple(w.shape) for name, w in network.state_dict().items()}
    assert weight_shapes(architecture) == expected


@pytest.fixture(scope="module")
def small() -> StoredNetwork:
    return with_graphs(network_of(ARCHITECTURES["lstm and gru"]), SIZE)


def test_the_graph_holds_no_weights(small: StoredNetwork) -> None:
    assert small.graphs is not None
    graph = onnx.load_from_string(small.graphs.network).graph
    names = state_names(small.architecture)
    assert [i.name for i in graph.input][: len(names) + 1] == [FRAMES, *names]
    assert {i.name for i in graph.input} == {FRAMES, *names, *small.weights}
    assert [o.name for o in graph.output] == [*OUTPUTS, *(STATE_OUTPUT + n for n in names)]
    assert sum(np.prod(i.dims) for i in graph.initializer) < 200  # numbers of its operations
    check_graph(small.graphs.network)
    check_graph(small.graphs.heat)


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "size"), [("neither", 33), ("lstm", 32), ("gru, one layer", 32)])
def test_every_architecture_and_size(kind: str, size: int) -> None:
    """Guards: at stride 2 a frame of odd size was padded on one side less."""
    network = network_of(ARCHITECTURES[kind])
    graphs = Graphs(export_graph(network.architecture, size), b"")
    runtime = GraphRuntime(graphs, stored(network).weights, network.architecture)
    frames = np.random.default_rng(1).integers(0, 256, (2, 9, size, size, 3), dtype=np.uint8)
    expected = open_runtime(network, device="cpu").run(frames)
    found = runtime.run(frames[:, :4])
    rest = runtime.run(frames[:, 4:], found.state)
    both = np.concatenate([found.logits, rest.logits], 1)
    assert both == pytest.approx(expected.logits, abs=1e-5)
    assert np.ptp(expected.logits) > 0.1


def test_a_graph_is_exported_once_for_all_networks_of_an_architecture(small: StoredNetwork) -> None:
    other = with_graphs(network_of(ARCHITECTURES["lstm and gru"]), SIZE)
    assert other.graphs == small.graphs
    assert small.graphs is not None
    assert export_graph(small.architecture, SIZE) is small.graphs.network


def test_a_stored_network_is_restored_as_it_was(small: StoredNetwork) -> None:
    weights = restored(small).state_dict()
    assert weights.keys() == small.weights.keys()
    assert all(np.array_equal(w.numpy(), small.weights[name]) for name, w in weights.items())


def test_what_does_not_fit_is_refused(small: StoredNetwork) -> None:
    graphs, weights, architecture = small.graphs, dict(small.weights), small.architecture
    assert graphs is not None
    with pytest.raises(ModelFileError, match=r"its graph does not fit its weight dense\.bias"):
        GraphRuntime(graphs, weights | {"dense.bias": np.zeros(9, np.float32)}, architecture)
    less = {name: w for name, w in weights.items() if name != "hidden.weight"}
    with pytest.raises(ModelFileError, match=r"does not fit its .*: hidden\.weight"):
        GraphRuntime(graphs, less, architecture)
    with pytest.raises(ModelFileError, match="does not fit its architecture"):
        GraphRuntime(graphs, weights, replace(architecture, gru=0))
    for broken in (b"", b"no graph", graphs.network[:9999], graphs.heat):
        with pytest.raises(ModelFileError, match="its graph cannot be read|does not fit"):  # noqa: RUF043
            GraphRuntime(graphs._replace(network=broken), weights, architecture)


def model_of(*nodes: onnx.NodeProto, domain: str = "", **graph: list) -> bytes:
    value = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1])
    made = helper.make_graph(list(nodes), "g", [value], [value], **graph)
    return helper.make_model(made).SerializeToString()


def elsewhere() -> TensorProto:
    """Weights that lie in another file."""
    tensor = helper.make_tensor("w", TensorProto.FLOAT, [1], [1.0])
    tensor.ClearField("float_data")
    tensor.data_location = TensorProto.EXTERNAL
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", "/etc/passwd"
    return tensor


def nested(depth: int) -> onnx.NodeProto:
    node = helper.make_node("Identity", ["x"], ["y"])
    for _ in range(depth):
        node = helper.make_node("Add", ["x"], ["y"], b=helper.make_graph([node], "g", [], []))
    return node


BAD = {
    "another file": (model_of(initializer=[elsewhere()]), "refers to another file"),
    "another file, in an attribute": (
        model_of(helper.make_node("Constant", [], ["y"], value=elsewhere())),
        "refers to another file",
    ),
    "another file, in a subgraph": (
        model_of(
            helper.make_node(
                "Add", ["x"], ["y"], b=helper.make_graph([], "g", [], [], [elsewhere()])
            )
        ),
        "refers to another file",
    ),
    "another library": (
        model_of(helper.make_node("Add", ["x"], ["y"], domain="org.evil")),
        "operations of org.evil",
    ),
    "unknown operation": (
        model_of(helper.make_node("Loop", ["x"], ["y"])),
        "an operation that is not known: Loop",
    ),
    "too deep": (model_of(nested(20)), "nested too deeply"),
    "cut": (model_of()[:-3], "damaged"),
    "no ONNX": (b"\xff" * 40, "damaged"),
}


@pytest.mark.parametrize(("graph", "said"), BAD.values(), ids=BAD)
def test_strangers_graphs_are_refused(graph: bytes, said: str) -> None:
    with pytest.raises(ModelFileError, match=said):
        check_graph(graph)
