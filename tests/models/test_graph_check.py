"""Graphs of strangers: what names other files or code is refused before anything runs it."""

from __future__ import annotations

import onnx
import pytest
from onnx import TensorProto, helper

from action_recognition.errors import ModelFileError
from action_recognition.models.graph_check import check_graph


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


def with_function() -> bytes:
    node = helper.make_node("Add", ["x", "x"], ["y"])
    function = helper.make_function("own", "f", ["x"], ["y"], [node], [helper.make_opsetid("", 18)])
    model = onnx.load_from_string(model_of())
    model.functions.append(function)
    return model.SerializeToString()


def sparse() -> onnx.NodeProto:
    """A constant, most of whose values are 0; the others lie in another file."""
    node = helper.make_node("Constant", [], ["y"])
    attribute = node.attribute.add()
    attribute.name, attribute.type = "sparse_value", onnx.AttributeProto.SPARSE_TENSOR
    attribute.sparse_tensor.values.CopyFrom(elsewhere())
    attribute.sparse_tensor.dims.append(1)
    return node


def disguised() -> bytes:
    """As with `elsewhere`, but under a number of a field whose last 32 bits alone are the field's.

    ONNX Runtime reads no more of it, and reads the file.
    """
    graph = model_of(initializer=[elsewhere()])
    key = (13 << 3 | 2).to_bytes()  # of external_data
    entry = elsewhere().external_data[0].SerializeToString()
    plain = key + len(entry).to_bytes() + entry
    assert graph.count(plain) == 1
    return graph.replace(plain, bytes([key[0] | 0x80, 0x80, 0x80, 0x80, 0x10]) + plain[1:])


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
    "another file, in a sparse constant": (model_of(sparse()), "holds sparse weights"),
    "sparse weights": (model_of(sparse_initializer=[onnx.SparseTensorProto()]), "sparse weights"),
    "another file, disguised": (disguised(), "damaged"),
    "another library": (
        model_of(helper.make_node("Add", ["x"], ["y"], domain="org.evil")),
        "operations of org.evil",
    ),
    "unknown operation": (
        model_of(helper.make_node("Loop", ["x"], ["y"])),
        "an operation that is not known: Loop",
    ),
    "operation of another graph": (
        model_of(
            helper.make_node("If", ["x"], ["y"], then_branch=helper.make_graph([], "g", [], []))
        ),
        "an operation that is not known: If",
    ),
    "functions": (with_function(), "functions of its own"),
    "too deep": (model_of(nested(20)), "nested too deeply"),
    "cut": (model_of()[:-3], "damaged"),
    "no ONNX": (b"\xff" * 40, "damaged"),
    "a number for a graph": (b"\x38\x01", "damaged"),
    "a number for a name": (b"\x3a\x04\x0a\x02\x20\x01", "damaged"),
    "a group": (b"\x3b\x3c", "damaged"),
}


@pytest.mark.parametrize(("graph", "said"), BAD.values(), ids=BAD)
def test_strangers_graphs_are_refused(graph: bytes, said: str) -> None:
    with pytest.raises(ModelFileError, match=said):
        check_graph(graph)


def test_what_a_network_consists_of_is_let_through() -> None:
    """An operation, a constant and a subgraph of such."""
    tensor = helper.make_tensor("w", TensorProto.FLOAT, [1], [1.0])
    nodes = [helper.make_node("Constant", [], ["c"], value=tensor), nested(3)]
    check_graph(model_of(*nodes, initializer=[tensor]))
    check_graph(b"")  # of which ONNX Runtime says that it is no graph
