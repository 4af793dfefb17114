"""The values in HDF5 files as this project writes them: their types, shapes and bytes."""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from action_recognition.errors import ModelFileError

_KINDS = (
    "integer", "float", "time", "fixed-length text", "bits", "opaque", "compound", "reference",
    "enumeration", "variable-length", "array",
)  # fmt: skip
_TEXT = bytes.fromhex("19 01")  # the begin of that of texts of any length
_TYPES: dict[bytes, np.dtype[Any]] = {
    bytes.fromhex("11200f00 02000000 00001000 0a05000a 0f000000"): np.dtype("<f2"),
    bytes.fromhex("11201f00 04000000 00002000 17080017 7f000000"): np.dtype("<f4"),
    bytes.fromhex("10000000 01000000 00000800"): np.dtype("u1"),
    bytes.fromhex("10080000 08000000 00004000"): np.dtype("<i8"),
}


class NotPlainError(ModelFileError):
    """A part of the file is well, but not of those that are read."""


@dataclass(frozen=True)
class Value:
    """An array or a text that lies in the file.

    Parameters:
        type: None: a text.
        shape: () for a single one.
        content: its bytes; of a text, where it lies.
    """

    type: np.dtype[Any] | None
    shape: tuple[int, ...]
    content: memoryview


def type_of(body: memoryview, name: str) -> np.dtype[Any] | None:
    """The type that a message tells; None: text of any length. Others are refused."""
    for described, kind in _TYPES.items():
        if body[: len(described)] == described:
            return kind
    if body[:2] == _TEXT:
        return None
    number = body[0] & 15 if body else 15
    said = _KINDS[number] if number < len(_KINDS) else "unknown"
    raise NotPlainError(f"{name} has type {said}, not one that model files have")


def shape_of(body: memoryview, name: str) -> tuple[int, ...]:
    """The shape that a message tells."""
    version, dimensions, _, kind = unpack("<4B", body, name)
    if version not in (1, 2) or (version == 2 and kind == 2) or dimensions > 8:
        raise damaged(f"{name} has no shape")
    found = unpack(f"<{dimensions}Q", body[8 if version == 1 else 4 :], name)
    return tuple(found)


def sized(
    name: str,
    kind: np.dtype[Any] | None,
    shape: tuple[int, ...],
    content: memoryview,
    *,
    exactly: bool = True,
) -> Value:
    """The value, whose bytes must be as many as its type and shape say."""
    needed = math.prod(shape) * (16 if kind is None else kind.itemsize)
    if len(content) < needed or (exactly and len(content) != needed):
        raise not_plain(name)
    return Value(kind, shape, content[:needed])


def array_of(value: Value | None) -> NDArray[Any] | None:
    """The values of an array, not a copy; None: it is none."""
    if value is None or value.type is None:
        return None
    return np.frombuffer(value.content, value.type).reshape(value.shape)


def unpack(form: str, body: memoryview, name: str) -> tuple[Any, ...]:
    """Numbers at the beginning of a message."""
    if len(body) < struct.calcsize(form):
        raise damaged(f"{name or 'its root'} is cut off")
    return struct.unpack_from(form, body)


def name_of(content: memoryview) -> str:
    """The name that ends at the first zero byte."""
    name, end, _ = bytes(content[:256]).partition(b"\0")
    try:
        if end and name:
            return name.decode("ascii")
    except UnicodeDecodeError:
        pass
    raise damaged("a name in it is not one")


def damaged(why: str) -> ModelFileError:
    """The error of a file that is not as any program writes it."""
    return ModelFileError(f"the model file is damaged ({why})")


def not_plain(name: str) -> NotPlainError:
    """The error of an array that is packed, or lies elsewhere or nowhere."""
    return NotPlainError(f"{name} does not lie in the file as plain numbers")
