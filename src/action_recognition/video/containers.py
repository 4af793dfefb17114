"""Reads a video file's outermost headers: which container it is, and whether it is complete.

FFmpeg opens a file that was cut off, and for AVI even adjusts the duration to what is left. The
sizes in the outer headers reveal the loss before anything is decoded.
"""

from __future__ import annotations

import io
from typing import BinaryIO, Literal

Kind = Literal["MP4 or MOV", "AVI", "MKV or WebM"]

_MP4_FIRST_BOXES = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip")
_MP4_MEDIA_BOXES = (b"moov", b"moof", b"mdat")  # what a video cannot be shown without

_MATROSKA_SEGMENT = b"\x18\x53\x80\x67"
_MATROSKA_PARTS = (  # RFC 9559, 5.1: what a segment consists of; then EBML's void and checksum
    b"\x11\x4d\x9b\x74", b"\x15\x49\xa9\x66", b"\x16\x54\xae\x6b", b"\x10\x43\xa7\x70",
    b"\x1f\x43\xb6\x75", b"\x1c\x53\xbb\x6b", b"\x19\x41\xa4\x69", b"\x12\x54\xc3\x67",
    b"\xec", b"\xbf",
)  # fmt: skip
_MAX_BOXES = 100_000  # a long fragmented MP4 has some thousands; bounds the walk in a hostile file


def container_kind(head: bytes) -> Kind | None:
    """The container of a file that begins with `head` (12 bytes or more); None if unknown."""
    if head[4:8] in _MP4_FIRST_BOXES:
        return "MP4 or MOV"
    if head[:4] == b"RIFF" and head[8:11] == b"AVI":
        return "AVI"
    if head[:4] == b"\x1a\x45\xdf\xa3":
        return "MKV or WebM"
    return None


def missing_share(file: BinaryIO) -> float:
    """The share, 0..1, of the bytes declared by a file's outer headers that are missing.

    0 where the headers declare no size, as in a live recording.
    """
    size = file.seek(0, io.SEEK_END)
    file.seek(0)
    kind = container_kind(file.read(16))
    if kind == "MP4 or MOV":
        promised = _mp4_end(file, size)
    elif kind == "AVI":
        promised = _avi_end(file, size)
    elif kind == "MKV or WebM":
        promised = _matroska_end(file)
    else:
        promised = 0
    return max(0.0, 1 - size / promised) if promised else 0.0


def _mp4_end(file: BinaryIO, size: int) -> int:
    """ISO/IEC 14496-12, 4.2: boxes one after another, each with its length and type.

    After the last box, cameras and taggers append bytes of their own. Read as a box, they promise
    any length; that counts only where the box is one that holds media.
    """
    position = 0
    for _ in range(_MAX_BOXES):
        file.seek(position)
        head = file.read(16)
        if len(head) < 8:
            return position
        length = int.from_bytes(head[:4], "big")
        if length == 1:
            length = int.from_bytes(head[8:16], "big")
        if length < 8:  # 0 stands for "up to the end of the file"
            return position
        if position + length >= size:
            return position + length if head[4:8] in _MP4_MEDIA_BOXES else size
        position += length
    return position


def _avi_end(file: BinaryIO, size: int) -> int:
    """One RIFF chunk, and in OpenDML files more of them for each further gigabyte."""
    position = 0
    for _ in range(_MAX_BOXES):
        file.seek(position)
        head = file.read(12)
        length = int.from_bytes(head[4:8], "little")
        if head[:4] != b"RIFF" or not 0 < length < 0xFFFF_FFFF:
            return position
        position += 8 + length + length % 2
        if position >= size:
            return position
    return position


def _matroska_end(file: BinaryIO) -> int:
    """Where the segment ends; 0 where that is not known."""
    length = _enter_segment(file)
    return 0 if length is None else file.tell() + length


def _enter_segment(file: BinaryIO) -> int | None:
    """RFC 8794: the EBML header, then one segment, whose length may be unknown (all ones).

    Returns its length; the file is then at its first part.
    """
    file.seek(4)
    header = _vint(file)
    if header is None or header > 4096:
        return None
    file.seek(header, io.SEEK_CUR)
    if file.read(4) != _MATROSKA_SEGMENT:
        return None
    return _vint(file)


def is_whole(file: BinaryIO) -> bool:
    """Whether a file's parts follow one another to its very end: nothing of it can be missing.

    False, too, for an AVI without an index and where a part has no length, as in a live recording:
    nothing tells then whether zeros stand where pictures were meant to be.
    """
    size = file.seek(0, io.SEEK_END)
    file.seek(0)
    kind = container_kind(file.read(16))
    if kind == "MKV or WebM":
        return _is_whole_matroska(file, size)
    return kind == "AVI" and _is_whole_avi(file, size)


def _is_whole_matroska(file: BinaryIO, size: int) -> bool:
    length = _enter_segment(file)
    end = size if length is None else file.tell() + length
    for _ in range(_MAX_BOXES):
        if file.tell() >= end:
            return file.tell() == end <= size
        first = file.read(1)
        if not first or not first[0]:
            return False
        name = first + file.read(8 - first[0].bit_length())
        length = _vint(file)
        if name not in _MATROSKA_PARTS or length is None or length > size - file.tell():
            return False
        file.seek(length, io.SEEK_CUR)
    return False


def _is_whole_avi(file: BinaryIO, size: int) -> bool:
    """The first gigabyte of it: header, pictures, index."""
    file.seek(4)
    end = 8 + int.from_bytes(file.read(4), "little")
    position, indexed = 12, False
    for _ in range(_MAX_BOXES):
        if position + 8 > end:
            return indexed and end <= size + 1
        file.seek(position)
        head = file.read(8)
        if len(head) < 8 or not head[:4].strip(b"\0"):
            return False
        indexed |= head[:4] == b"idx1"
        length = int.from_bytes(head[4:], "little")
        position += 8 + length + length % 2
    return False


def _vint(file: BinaryIO) -> int | None:
    """A variable-length integer of EBML; None where it is broken or stands for "unknown"."""
    first = file.read(1)
    if not first or not first[0]:
        return None
    width = 9 - first[0].bit_length()
    raw = first + file.read(width - 1)
    if len(raw) < width:
        return None
    mask = (1 << 7 * width) - 1
    value = int.from_bytes(raw, "big") & mask
    return None if value == mask else value
