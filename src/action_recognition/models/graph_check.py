"""Checks the graph of a stranger's model file before anything runs it.

A graph is data, but ONNX lets it name other files, for its weights, and operations of libraries
that would have to be loaded. The graphs of this project do neither. ONNX is a protocol buffer
(https://protobuf.dev/programming-guides/encoding/); its fields are those of onnx.proto3.
"""

from __future__ import annotations

from collections.abc import Iterator

from action_recognition.errors import ModelFileError

_GRAPH, _FUNCTIONS = 7, 25  # of ModelProto
_NODE, _INITIALIZER, _SPARSE = 1, 5, 15  # of GraphProto
_OPERATION, _ATTRIBUTE, _DOMAIN = 4, 5, 7  # of NodeProto
_TENSOR, _SUBGRAPH, _TENSORS, _SUBGRAPHS = 5, 6, 10, 11  # of AttributeProto
_SPARSE_VALUES = (22, 23)  # of AttributeProto, too
_EXTERNAL, _LOCATION = 13, 14  # of TensorProto
_DEPTH = 8
_LARGEST_KEY = 2**32 - 1

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
        for field, value in _fields(graph):
            if field == _FUNCTIONS:
                raise ModelFileError("its graph defines functions of its own")
            if field == _GRAPH:
                _check_graph(value, _DEPTH)
    except (IndexError, TypeError, AttributeError):  # a number where bytes belong, or the like
        raise ModelFileError("its graph is damaged") from None


def _check_graph(graph: bytes, depth: int) -> None:
    if not depth:
        raise ModelFileError("its graph is nested too deeply")
    for field, value in _fields(graph):
        if field == _NODE:
            _check_node(value, depth)
        elif field == _INITIALIZER:
            _check_tensor(value)
        elif field == _SPARSE:
            raise ModelFileError("its graph holds sparse weights")


def _check_node(node: bytes, depth: int) -> None:
    for field, value in _fields(node):
        if field == _DOMAIN and value not in (b"", b"ai.onnx"):
            raise ModelFileError(f"its graph needs operations of {_text(value)}")
        if field == _OPERATION and _text(value) not in _OPERATIONS:
            raise ModelFileError(f"its graph has an operation that is not known: {_text(value)}")
        if field == _ATTRIBUTE:
            for inner, content in _fields(value):
                if inner in (_TENSOR, _TENSORS):
                    _check_tensor(content)
                elif inner in (_SUBGRAPH, _SUBGRAPHS):
                    _check_graph(content, depth - 1)
                elif inner in _SPARSE_VALUES:
                    raise ModelFileError("its graph holds sparse weights")


def _check_tensor(tensor: bytes) -> None:
    for field, value in _fields(tensor):
        if field == _EXTERNAL or (field == _LOCATION and value != 0):
            raise ModelFileError("its graph refers to another file")


def _fields(message: bytes) -> Iterator[tuple[int, bytes]]:
    """The numbers of the fields of a message and what they hold: bytes, or a number."""
    view, place = memoryview(message), 0
    while place < len(view):
        key, place = _number(view, place)
        if key > _LARGEST_KEY:  # of which others read the last 32 bits: it would be another field
            raise IndexError
        kind, length = key & 7, 0
        if kind == 0:
            value, place = _number(view, place)
            yield key >> 3, value  # type: ignore[misc]
            continue
        if kind == 2:
            length, place = _number(view, place)
        elif kind in (1, 5):
            length = 8 if kind == 1 else 4
        else:
            raise IndexError
        if place + length > len(view):
            raise IndexError
        yield key >> 3, bytes(view[place : place + length])
        place += length


def _number(view: memoryview, place: int) -> tuple[int, int]:
    """A variable-length integer, and the place after it."""
    value = shift = 0
    while True:
        byte = view[place]
        value |= (byte & 0x7F) << shift
        place, shift = place + 1, shift + 7
        if byte < 0x80:
            return value, place
        if shift > 63:
            raise IndexError


def _text(value: bytes) -> str:
    return value.decode("utf-8", "replace")
