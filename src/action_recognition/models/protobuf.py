"""Reads and writes the fields of protocol buffers, of which ONNX files consist.

See https://protobuf.dev/programming-guides/encoding/; the numbers of fields are those of
onnx.proto3.
"""

from __future__ import annotations

from collections.abc import Iterator

_LARGEST_KEY = 2**32 - 1
_ALL, _SIGN = 2**64 - 1, 2**63


def fields(message: bytes) -> Iterator[tuple[int, bytes]]:
    """The numbers of the fields of a message and what they hold: bytes, or a number.

    Raises:
        IndexError: the message is damaged.
    """
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


def numbers(value: bytes | int) -> list[int]:
    """The signed numbers of a field that holds one, or as bytes any number of them.

    Raises:
        IndexError: they are damaged.
    """
    found, place = [], 0
    if isinstance(value, int):
        found = [value]
    else:
        view = memoryview(value)
        while place < len(view):
            number, place = _number(view, place)
            found.append(number)
    return [((n & _ALL) ^ _SIGN) - _SIGN for n in found]


def field(number: int, content: bytes | int) -> bytes:
    """A field that holds bytes, or a number of at least 0."""
    if isinstance(content, int):
        return _varint(number << 3) + _varint(content)
    return _varint(number << 3 | 2) + _varint(len(content)) + content


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


def _varint(value: int) -> bytes:
    parts = bytearray()
    while value > 0x7F:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*parts, value])
