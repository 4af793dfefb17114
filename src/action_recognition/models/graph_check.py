"""Checks the graph of a stranger's model file before anything runs it.

A graph is data, but ONNX lets it name other files, for its weights, and operations of libraries
that would have to be loaded. The graphs of this project do neither.
"""

from __future__ import annotations

from action_recognition.errors import ModelFileError
from action_recognition.models.protobuf import fields

_GRAPH, _FUNCTIONS = 7, 25  # of ModelProto
_NODE, _INITIALIZER, _SPARSE = 1, 5, 15  # of GraphProto
_OPERATION, _ATTRIBUTE, _DOMAIN = 4, 5, 7  # of NodeProto
_TENSOR, _SUBGRAPH, _TENSORS, _SUBGRAPHS = 5, 6, 10, 11  # of AttributeProto
_SPARSE_VALUES = (22, 23)  # of AttributeProto, too
_EXTERNAL, _LOCATION = 13, 14  # of TensorProto
_DEPTH = 8

# What networks of this project consist of (ONNX, operator set 18).
_OPERATIONS = frozenset(
    {
        "Abs", "Add", "AveragePool", "Cast", "CastLike", "Clip", "Concat", "Constant",
        "ConstantOfShape", "Conv", "ConvTranspose", "Div", "Equal", "Exp", "Expand", "GRU",
        "Gather", "Gemm", "GreaterOrEqual", "Identity", "LSTM", "LessOrEqual", "Log", "MatMul",
        "Mul", "Neg", "Or", "Pad", "Range", "ReduceMax", "ReduceMean", "ReduceSum", "Relu",
        "Reshape", "Shape", "Slice", "Softmax", "Sqrt", "Squeeze", "Sub", "Transpose",
        "Unsqueeze", "Where",
    }
)  # fmt: skip


def check_graph(graph: bytes) -> None:
    """Checks that a graph names no other file, and no operation that networks do not consist of.

    Raises:
        ModelFileError: it does, or it is not ONNX.
    """
    try:
        for field, value in fields(graph):
            if field == _FUNCTIONS:
                raise ModelFileError("its graph defines functions of its own")
            if field == _GRAPH:
                _check_graph(value, _DEPTH)
    except (IndexError, TypeError, AttributeError):  # a number where bytes belong, or the like
        raise ModelFileError("its graph is damaged") from None


def _check_graph(graph: bytes, depth: int) -> None:
    if not depth:
        raise ModelFileError("its graph is nested too deeply")
    for field, value in fields(graph):
        if field == _NODE:
            _check_node(value, depth)
        elif field == _INITIALIZER:
            _check_tensor(value)
        elif field == _SPARSE:
            raise ModelFileError("its graph holds sparse weights")


def _check_node(node: bytes, depth: int) -> None:
    for field, value in fields(node):
        if field == _DOMAIN and value not in (b"", b"ai.onnx"):
            raise ModelFileError(f"its graph needs operations of {_text(value)}")
        if field == _OPERATION and _text(value) not in _OPERATIONS:
            raise ModelFileError(f"its graph has an operation that is not known: {_text(value)}")
        if field == _ATTRIBUTE:
            for inner, content in fields(value):
                if inner in (_TENSOR, _TENSORS):
                    _check_tensor(content)
                elif inner in (_SUBGRAPH, _SUBGRAPHS):
                    _check_graph(content, depth - 1)
                elif inner in _SPARSE_VALUES:
                    raise ModelFileError("its graph holds sparse weights")


def _check_tensor(tensor: bytes) -> None:
    for field, value in fields(tensor):
        if field == _EXTERNAL or (field == _LOCATION and value != 0):
            raise ModelFileError("its graph refers to another file")


def _text(value: bytes) -> str:
    return value.decode("utf-8", "replace")
