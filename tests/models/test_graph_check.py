"""Graphs of strangers: what names other files or code is refused before anything runs it."""

from __future__ import annotations

import numpy as np
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


def nested() -> onnx.NodeProto:
    """With a graph in an operation."""
    node = helper.make_node("Identity", ["x"], ["y"])
    return helper.make_node("Add", ["x"], ["y"], b=helper.make_graph([node], "g", [], []))


def constant(*values: int, **attributes: object) -> onnx.NodeProto:
    """A constant of whole numbers."""
    tensor = helper.make_tensor("c", TensorProto.INT64, [len(values)], np.array(values, "<i8"))
    tensor.ClearField("int64_data")
    tensor.raw_data = np.array(values, "<i8").tobytes()
    return helper.make_node("Constant", [], ["c"], **(attributes or {"value": tensor}))


def claimed(*sizes: int) -> TensorProto:
    """A constant that says that it is large, and holds nothing."""
    tensor = TensorProto(name="w", data_type=TensorProto.FLOAT)
    tensor.dims.extend(sizes)
    return tensor


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
        "holds a graph in an operation",
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
    "a graph in an operation": (model_of(nested()), "holds a graph in an operation"),
    "a large size": (model_of(constant(1, 2**30)), "holds the size 1073741824"),
    "a large size, plainly": (
        model_of(constant(value_ints=[3, -(2**40)])),
        "holds the size -1099511627776",
    ),
    "a large attribute": (
        model_of(helper.make_node("Conv", ["x", "x"], ["y"], pads=[0, 2**25])),
        "holds the size 33554432",
    ),
    "a large constant": (
        model_of(initializer=[helper.make_tensor("w", TensorProto.FLOAT, [2000], [0.0] * 2000)]),
        "a constant that is too large",
    ),
    "a constant that claims to be large": (
        model_of(initializer=[claimed(2**40, 2**40)]),
        "a constant that is too large",
    ),
    "texts": (
        model_of(initializer=[helper.make_tensor("w", TensorProto.STRING, [1], [b"x"])]),
        "a constant of a type",
    ),
    "many operations": (
        model_of(*[helper.make_node("Identity", ["x"], ["y"])] * 20_001),
        "more than 20000 operations",
    ),
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
    """Operations, constants, and slices to the end."""
    tensor = helper.make_tensor("w", TensorProto.FLOAT, [1], [1.0])
    nodes = [
        helper.make_node("Constant", [], ["c"], value=tensor),
        constant(0, -1, 2**63 - 1, -(2**63)),
    ]
    check_graph(model_of(*nodes, initializer=[tensor]))
    check_graph(b"")  # of which ONNX Runtime says that it is no graph
