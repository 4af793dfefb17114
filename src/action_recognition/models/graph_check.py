"""Checks the graph of a stranger's model file before anything runs it.

A graph is data, but ONNX lets it name other files, for its weights, and operations of libraries
that would have to be loaded. The graphs of this project do neither.
"""

from __future__ import annotations

import hashlib
import math
import struct

from action_recognition.errors import ModelFileError
from action_recognition.models.protobuf import fields, numbers

MAX_GRAPH_BYTES = 4 * 2**20
_MAX_NODES = 20_000  # of a network of this project, which has up to 100 layers: some 8000
_MAX_TENSOR_BYTES = 4096  # of a constant: all that is large is a weight, which graphs only name
_LARGEST = 2**24  # of a size in a graph; but slices end at infinity

_GRAPH, _FUNCTIONS = 7, 25  # of ModelProto
_NODE, _INITIALIZER, _SPARSE = 1, 5, 15  # of GraphProto
_OPERATION, _ATTRIBUTE, _DOMAIN = 4, 5, 7  # of NodeProto
_NUMBER, _NUMBERS, _TENSOR, _TENSORS = 3, 8, 5, 10  # of AttributeProto
_SUBGRAPHS, _SPARSE_VALUES = (6, 11), (22, 23)  # of AttributeProto, too
_DIMS, _DATA_TYPE, _SEGMENT = 1, 2, 3  # of TensorProto
_EXTERNAL, _LOCATION, _RAW_DATA = 13, 14, 9  # of TensorProto, too
_TYPES = {1: 4, 6: 4, 7: 8, 9: 1}  # float, int32, int64, bool: bytes
_INT64 = 7

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


# The graphs of the package, by the SHA-256 of their bytes.
_SHIPPED = frozenset(
    {
        "144c96e40b5e55b45b5b1a3fdfbce7739d44c7c4d5bccfa5d09e55a66c40797f",
        "83d43fd017ccb73e4d2d41d46f5fe2f78ce1a0540cf19e2f2c3d1f59861c8a73",
        "ff0bae75854a9eccdfa3a751341bea8ba182be1c886149e1de7084ace3d7ed05",
    }
)


def is_shipped(graph: bytes) -> bool:
    """Whether a graph is one of those that came with this package."""
    return hashlib.sha256(graph).hexdigest() in _SHIPPED


def check_graph(graph: bytes) -> None:
    """Checks that a graph names no other file, and no operation that networks do not consist of.

    Raises:
        ModelFileError: it does, or it is not ONNX, or it holds sizes that networks do not have.
    """
    nodes = 0
    try:
        for field, value in fields(graph):
            if field == _FUNCTIONS:
                raise ModelFileError("its graph defines functions of its own")
            if field == _GRAPH:
                nodes += _check_graph(value)
                if nodes > _MAX_NODES:
                    raise ModelFileError(f"its graph has more than {_MAX_NODES} operations")
    except (IndexError, TypeError, AttributeError):  # a number where bytes belong, or the like
        raise ModelFileError("its graph is damaged") from None


def _check_graph(graph: bytes) -> int:
    """The number of its operations."""
    nodes = 0
    for field, value in fields(graph):
        if field == _NODE:
            _check_node(value)
            nodes += 1
        elif field == _INITIALIZER:
            _check_tensor(value)
        elif field == _SPARSE:
            raise ModelFileError("its graph holds sparse weights")
    return nodes


def _check_node(node: bytes) -> None:
    for field, value in fields(node):
        if field == _DOMAIN and value not in (b"", b"ai.onnx"):
            raise ModelFileError(f"its graph needs operations of {_text(value)}")
        if field == _OPERATION and _text(value) not in _OPERATIONS:
            raise ModelFileError(f"its graph has an operation that is not known: {_text(value)}")
        if field == _ATTRIBUTE:
            _check_attribute(value)


def _check_attribute(attribute: bytes) -> None:
    for field, value in fields(attribute):
        if field in (_TENSOR, _TENSORS):
            _check_tensor(value)
        elif field in _SUBGRAPHS:
            raise ModelFileError("its graph holds a graph in an operation")
        elif field in _SPARSE_VALUES:
            raise ModelFileError("its graph holds sparse weights")
        elif field in (_NUMBER, _NUMBERS):
            for number in numbers(value):
                _check_size(number)


def _check_tensor(tensor: bytes) -> None:
    found: dict[int, int | bytes] = {}
    sizes: list[int] = []
    for field, value in fields(tensor):
        if field in (_EXTERNAL, _SEGMENT) or (field == _LOCATION and value != 0):
            raise ModelFileError("its graph refers to another file")
        if field == _DIMS:
            sizes += numbers(value)
        found[field] = value
    width = _TYPES.get(int(found.get(_DATA_TYPE, 0)))
    if width is None:
        raise ModelFileError("its graph holds a constant of a type that networks do not have")
    if len(tensor) > _MAX_TENSOR_BYTES or width * math.prod(sizes) > _MAX_TENSOR_BYTES:
        raise ModelFileError("its graph holds a constant that is too large")
    raw = found.get(_RAW_DATA, b"")
    if found[_DATA_TYPE] == _INT64 and isinstance(raw, bytes):
        for (number,) in struct.iter_unpack("<q", raw[: len(raw) // 8 * 8]):
            _check_size(number)


def _check_size(number: int) -> None:
    if not (abs(number) <= _LARGEST or abs(number) >= 2**63 - 1):
        raise ModelFileError(f"its graph holds the size {number}, which no network has")


def _text(value: bytes) -> str:
    return ascii(value.decode("utf-8", "replace"))[1:61].removesuffix("'")
