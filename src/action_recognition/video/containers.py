"""Reads a video file's outermost headers: which container it is, and whether it is complete.

FFmpeg opens a file that was cut off, and for AVI even adjusts the duration to what is left. The
sizes in the outer headers reveal the loss before anything is decoded.
"""

from __future__ import annotations

import io
import re
from typing import BinaryIO, Literal

Kind = Literal["MP4 or MOV", "AVI", "MKV or WebM"]

_MP4_FIRST_BOXES = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip")
_MATROSKA_SEGMENT = b"\x18\x53\x80\x67"
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
    """ISO/IEC 14496-12, 4.2: boxes one after another, each with its length and type."""
    position = 0
    for _ in range(_MAX_BOXES):
        file.seek(position)
        head = file.read(16)
        if len(head) < 8 or not head[4:8].isalnum():
            return position  # padding or rubbish after the last box
        length = int.from_bytes(head[:4], "big")
        if length == 1:
            length = int.from_bytes(head[8:16], "big")
        if length < 8:  # 0 stands for "up to the end of the file"
            return position
        position += length
        if position >= size:
            return position
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
    """RFC 8794: the EBML header, then one segment, whose length may be unknown (all ones)."""
    file.seek(4)
    header = _vint(file)
    if header is None or header > 4096:
        return 0
    file.seek(header, io.SEEK_CUR)
    if file.read(4) != _MATROSKA_SEGMENT:
        return 0
    length = _vint(file)
    return 0 if length is None else file.tell() + length


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


def parse_clock(text: str) -> float | None:
    """Seconds of a Matroska tag such as 00:01:02.500000000."""
    match = re.fullmatch(r"(\d{1,6}):(\d{1,2}):(\d{1,2}(?:\.\d{1,12})?)", text)
    if match is None:
        return None
    hours, minutes, seconds = (float(part) for part in match.groups())
    return hours * 3600 + minutes * 60 + seconds
