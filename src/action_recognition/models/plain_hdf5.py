"""Reads HDF5 files as this project writes them, and nothing else that HDF5 can be.

libhdf5 can be made to loop, crash, load plugins, open other files or unfold a few bytes to
gigabytes. This reader knows the few parts of the format that a plain file consists of: a tree of
groups (symbol tables) with contiguous arrays and texts. All else is refused, and what is read is a
view of the bytes that are there. The format: https://support.hdfgroup.org/documentation/hdf5/latest/
_f_m_t11.html (superblock 0, object headers of version 1).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from functools import cached_property
from typing import Any

from numpy.typing import NDArray

from action_recognition.errors import ModelFileError
from action_recognition.models.hdf5_values import (
    NotPlainError,
    Value,
    array_of,
    damaged,
    name_of,
    not_plain,
    shape_of,
    sized,
    type_of,
    unpack,
)

SIGNATURE = b"\x89HDF\r\n\x1a\n"
_UNDEFINED = 2**64 - 1
_MOST_ENTRIES = 10_000
_MOST_MESSAGES = 200_000
_MOST_TEXTS = 65_536  # in one heap, of which each entry needs one
_DEEPEST = 8  # of groups, and of the nodes of their indices

# Of messages in object headers.
_NIL, _SPACE, _TYPE, _OLD_FILL, _FILL, _LAYOUT, _FILTERS = 0, 1, 3, 4, 5, 8, 11
_ATTRIBUTE, _CONTINUATION, _TABLE, _CHANGED, _EXTERNAL = 12, 16, 17, 18, 7
_KNOWN = {
    _NIL, _SPACE, _TYPE, _OLD_FILL, _FILL, _LAYOUT, _ATTRIBUTE, _CONTINUATION, _TABLE, _CHANGED
}  # fmt: skip
_SHARED = 2  # a flag


Found = dict[str, Value | NotPlainError]


class PlainHDF5:
    """The content of a file.

    Parameters:
        data: the bytes of the file, with the user block.

    Raises:
        ModelFileError: it is not such a file; here or when `values` is asked for first.
    """

    def __init__(self, data: bytes) -> None:
        start = data.find(SIGNATURE, 0, 1024)
        if start not in (0, 512):
            raise damaged("it is not an HDF5 file")
        self._all = memoryview(data)[start:]
        self._seen: set[int] = set()
        self._messages_left = _MOST_MESSAGES
        self._attributes: dict[str, Value] = {}
        if bytes(self._at(8, 8)) != b"\0\0\0\0\0\x08\x08\0":
            raise ModelFileError("it is an HDF5 file of another layout than this release writes")
        base, _, end, driver = self._numbers("<4Q", 24)
        if base != start or end != len(data) or driver != _UNDEFINED:
            raise damaged("its superblock does not fit it")
        (root,) = self._numbers("<Q", 64)
        self._root = self._read_header(root, "")

    @cached_property
    def values(self) -> Found:
        """All arrays and texts, or why one is not read, by their names as in `group/name`."""
        found: Found = {}
        self._read_object(self._root, "", 0, found)
        return found

    def text(self, name: str) -> bytes | None:
        """The bytes of a text; None: there is none of that name. Raises ModelFileError."""
        return self._text_of(self._value(name))

    def array(self, name: str) -> NDArray[Any] | None:
        """An array, not a copy; None: there is none of that name. Raises ModelFileError."""
        return array_of(self._value(name))

    def _value(self, name: str) -> Value | None:
        value = self.values.get(name)
        if isinstance(value, NotPlainError):
            raise value
        return value

    def attribute(self, name: str) -> str | int | None:
        """A text or a number that belongs to the whole file; None: there is none of that name."""
        value = self._attributes.get(name)
        text = self._text_of(value)
        if text is not None:
            return text.decode("utf-8", "replace")
        number = array_of(value)
        return int(number) if number is not None and number.shape == () else None

    def _text_of(self, value: Value | None) -> bytes | None:
        if value is None or value.type is not None or value.shape != ():
            return None
        length, heap, place = struct.unpack("<IQI", value.content)
        return b"" if not length else bytes(self._in_heap(heap, place)[:length])

    def _at(self, place: int, length: int) -> memoryview:
        if place + length > len(self._all):
            raise damaged("it names a place outside itself")
        return self._all[place : place + length]

    def _numbers(self, form: str, place: int) -> tuple[Any, ...]:
        return struct.unpack(form, self._at(place, struct.calcsize(form)))

    def _once(self, place: int, name: str) -> None:
        """Guards against parts that hold themselves, and against more of them than can be."""
        if place in self._seen or len(self._seen) > 4 * _MOST_ENTRIES:
            raise damaged(f"{name or 'its root'} leads back to itself or on and on")
        self._seen.add(place)

    def _read_header(self, place: int, name: str) -> dict[int, memoryview]:
        """The messages that say what an object is; the attributes of the root are read."""
        found: dict[int, memoryview] = {}
        for kind, body in self._messages(place, name):
            if kind == _ATTRIBUTE:
                if not name:
                    self._read_attribute(body)
            elif kind in found and kind != _NIL:
                raise damaged(f"{name or 'its root'} says something twice")
            else:
                found[kind] = body
        return found

    def _read_object(
        self,
        header: dict[int, memoryview],
        name: str,
        depth: int,
        found: Found,
    ) -> None:
        said = header.keys() & {_SPACE, _TYPE, _LAYOUT, _TABLE}
        if said == {_TABLE} and depth < _DEEPEST:
            tree, heap = unpack("<2Q", header[_TABLE], name)
            self._read_group(tree, self._heap(heap, name), name, depth, found)
        elif said == {_SPACE, _TYPE, _LAYOUT} and name:
            if len(found) == _MOST_ENTRIES:
                raise ModelFileError(f"it holds more than {_MOST_ENTRIES} entries")
            kind, shape = type_of(header[_TYPE], name), shape_of(header[_SPACE], name)
            content = self._stored(header[_LAYOUT], name)
            found[name] = sized(name, kind, shape, content)
        else:
            raise damaged(f"{name or 'its root'} is neither a group nor an array")

    def _messages(self, place: int, name: str) -> Iterator[tuple[int, memoryview]]:
        self._once(place, name)
        version, count, _, size = self._numbers("<BxHIIxxxx", place)
        if version != 1:
            raise damaged(f"{name or 'its root'} is of another version of HDF5")
        blocks = [self._at(place + 16, size)]
        for block in blocks:  # which grow as it goes on
            at = 0
            while count and at + 8 <= len(block):
                self._messages_left -= 1
                if self._messages_left < 0:
                    raise damaged(f"{name or 'its root'} goes on and on")
                kind, length, flags = struct.unpack_from("<HHB", block, at)
                body = block[at + 8 : at + 8 + length]
                at, count = at + 8 + length, count - 1
                if kind in (_FILTERS, _EXTERNAL):
                    raise not_plain(name)
                if kind not in _KNOWN or flags & _SHARED or len(body) != length:
                    raise ModelFileError(
                        f"{name or 'its root'} holds what no model file has (HDF5 message {kind})"
                    )
                if kind == _CONTINUATION:
                    where, size = unpack("<2Q", body, name)
                    self._once(where, name)
                    blocks.append(self._at(where, size))
                else:
                    yield kind, body

    def _read_group(
        self,
        place: int,
        names: memoryview,
        group: str,
        depth: int,
        found: Found,
    ) -> None:
        for leaf in self._leaves(place, group, _DEEPEST):
            self._once(leaf, group)
            mark, version, count = self._numbers("<4sBxH", leaf)
            if mark != b"SNOD" or version != 1:
                raise damaged(f"the index of {group or 'its root'} is not one")
            for k in range(count):
                at, header, kind = self._numbers("<QQI", leaf + 8 + 40 * k)
                name = f"{group}/{name_of(names[at:])}".lstrip("/")
                if kind not in (0, 1):
                    raise ModelFileError(f"{name} is a link, which no model file has")
                if name in found:
                    raise damaged(f"{name} is there twice")
                try:
                    self._read_object(self._read_header(header, name), name, depth + 1, found)
                except NotPlainError as error:
                    found[name] = error

    def _leaves(self, place: int, group: str, depth: int) -> Iterator[int]:
        self._once(place, group)
        mark, kind, level, count = self._numbers("<4sBBH", place)
        if mark != b"TREE" or kind != 0 or not depth:
            raise damaged(f"the index of {group or 'its root'} is not one")
        for k in range(count):
            (child,) = self._numbers("<Q", place + 32 + 16 * k)
            if level:
                yield from self._leaves(child, group, depth - 1)
            else:
                yield child

    def _heap(self, place: int, group: str) -> memoryview:
        mark, size, _, where = self._numbers("<4s4xQQQ", place)
        if mark != b"HEAP":
            raise damaged(f"the names of {group or 'its root'} are not there")
        return self._at(where, size)

    def _stored(self, body: memoryview, name: str) -> memoryview:
        version, kind = unpack("<BB", body, name)
        if version == 3 and kind == 0:
            (size,) = unpack("<H", body[2:], name)
            return body[4 : 4 + size]
        if version == 3 and kind == 1:
            place, size = unpack("<QQ", body[2:], name)
            if place != _UNDEFINED or not size:
                return self._at(place if size else 0, size)
        raise not_plain(name)

    def _in_heap(self, place: int, wanted: int) -> memoryview:
        mark, size = self._numbers("<4s4xQ", place)
        heap = self._at(place, size)
        if mark != b"GCOL":
            raise damaged("a text is not where it should be")
        at = 16
        for _ in range(_MOST_TEXTS):
            if at + 16 > len(heap):
                break
            index, length = struct.unpack_from("<H6xQ", heap, at)
            if index == wanted and index:
                return heap[at + 16 : at + 16 + length]
            if not index:
                break
            at += 16 + -(-length // 8) * 8
        raise damaged("a text is not where it should be")

    def _read_attribute(self, body: memoryview) -> None:
        version, *sizes = unpack("<BxHHH", body, "an attribute")
        at, parts = 8, []
        if version not in (1, 3):
            raise damaged("an attribute is of another version of HDF5")
        if version == 3:
            at += 1
        for size in sizes:
            parts.append(body[at : at + size])
            at += size if version == 3 else -(-size // 8) * 8
        name = name_of(parts[0])
        try:
            kind, shape = type_of(parts[1], name), shape_of(parts[2], name)
            self._attributes[name] = sized(name, kind, shape, body[at:], exactly=False)
        except ModelFileError:  # of other programs; those of models are missed when asked for
            return
