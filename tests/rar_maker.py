"""Writes small RAR archives, for tests of what reads them. There is no free program that does.

RAR5 as in https://www.rarlab.com/technote.htm, RAR4 as in the "technote.txt" of older WinRAR.
Contents are stored, or, in RAR5, "compressed" by a fixed table of 8-bit codes: no smaller than
before, but a tool must truly decompress them.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

_SIGNATURE4 = b"Rar!\x1a\x07\x00"
_SIGNATURE5 = b"Rar!\x1a\x07\x01\x00"


@dataclass(frozen=True)
class Entry:
    """One entry: a file, or with `link` a link to that target, by default a symbolic one."""

    name: str
    data: bytes = b""
    link: str = ""
    link_type: int = 1  # in RAR5: symbolic of Unix, of Windows, junction, hard link, copy
    compressed: bool = False
    crc: int | None = None  # None: the right one


def write_rar(path: Path, entries: list[Entry], *, kind: Literal[4, 5] = 5) -> Path:
    """Writes an archive of RAR version 4 or 5."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(rar4(entries) if kind == 4 else rar5(entries))
    return path


def rar5(entries: list[Entry]) -> bytes:
    parts = [_SIGNATURE5, _block5(_vint(1) + _vint(0) + _vint(0))]
    for e in entries:
        data = b"" if e.link else _compress5(e.data) if e.compressed else e.data
        crc = zlib.crc32(e.data) if e.crc is None else e.crc
        name = e.name.encode()
        extra = b""
        if e.link:
            target = e.link.encode()
            record = _vint(5) + _vint(e.link_type) + _vint(0) + _vint(len(target)) + target
            extra = _vint(len(record)) + record
        header = _vint(2) + _vint(3 if extra else 2)
        header += (_vint(len(extra)) if extra else b"") + _vint(len(data))
        header += _vint(4) + _vint(0 if e.link else len(e.data)) + _vint(0o644)
        header += struct.pack("<I", crc)
        header += _vint((3 << 7) if e.compressed else 0) + _vint(1) + _vint(len(name)) + name
        parts += [_block5(header + extra), data]
    return b"".join([*parts, _block5(_vint(5) + _vint(0) + _vint(0))])


def rar4(entries: list[Entry]) -> bytes:
    parts = [_SIGNATURE4, _block4(0x73, 0, b"\0" * 6)]
    for e in entries:
        data, name = (e.link or "").encode() or e.data, e.name.encode()
        mode = 0o120777 if e.link else 0o100644
        crc = zlib.crc32(data) if e.crc is None else e.crc
        body = struct.pack(
            "<IIBIIBBHI", len(data), len(data), 3, crc, 0x58210000, 20, 0x30, len(name), mode
        )
        parts += [_block4(0x74, 0x8000, body + name), data]
    return b"".join([*parts, _block4(0x7B, 0x4000, b"")])


def _vint(value: int) -> bytes:
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def _block5(header: bytes) -> bytes:
    sized = _vint(len(header)) + header
    return struct.pack("<I", zlib.crc32(sized)) + sized


def _block4(kind: int, flags: int, body: bytes) -> bytes:
    header = struct.pack("<BHH", kind, flags, 7 + len(body)) + body
    return struct.pack("<H", zlib.crc32(header) & 0xFFFF) + header


def _compress5(data: bytes) -> bytes:
    """One block: code lengths, then each byte as its own 8-bit code."""
    # Of the 20 symbols that code the lengths, 8 ("length 8") and 19 ("a run of zeros") are used,
    # with one bit each: 0 and 1.
    bits = "".join(f"{1 if symbol in (8, 19) else 0:04b}" for symbol in range(20))
    # 306 + 64 + 16 + 44 lengths: 256 literals of length 8, 174 zeros in runs of 138 and 36.
    bits += "0" * 256 + "1" + f"{138 - 11:07b}" + "1" + f"{36 - 11:07b}"
    bits += "".join(f"{byte:08b}" for byte in data)
    used = len(bits) % 8 or 8
    bits += "0" * (8 - used)
    body = int(bits, 2).to_bytes(len(bits) // 8, "big")
    size = struct.pack("<I", len(body))[:3]
    flags = (used - 1) | (2 << 3) | 0x40 | 0x80  # 3 bytes of size, last block, tables present
    checksum = 0x5A ^ flags ^ size[0] ^ size[1] ^ size[2]
    return bytes([flags, checksum]) + size + body
