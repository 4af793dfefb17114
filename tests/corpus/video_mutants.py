"""Damaged and hostile videos, made from a seed, and what the product says of each."""

from __future__ import annotations

import random
import struct
import tempfile
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

from action_recognition.errors import VideoError
from action_recognition.recognition.recognizer import Recognizer
from video_maker import write_video

# One second each, of every container and of codecs that cameras and data sets use.
_BASES: dict[str, dict[str, object]] = {
    "h264.mp4": {"audio": 0.5},
    "fragmented.mp4": {"options": {"movflags": "frag_keyframe+empty_moov"}},
    "turned.mov": {"b_frames": 2},
    "xvid.avi": {"tag": "XVID", "audio": 0.5},
    "mjpeg.avi": {"codec": "mjpeg", "pix_fmt": "yuvj420p"},
    "h264.mkv": {"gop": 5},
    "ffv1.mkv": {"codec": "ffv1"},
    "vp8.webm": {},
    "mpeg4.3gp": {"codec": "mpeg4"},
}

_NUMBERS = (0, 1, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 0xFFFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)

# What is followed by numbers that size something: boxes, chunks, and elements of Matroska.
_FIELDS = (
    b"mvhd", b"tkhd", b"mdhd", b"elst", b"stts", b"ctts", b"stsz", b"stsc", b"stco", b"co64",
    b"stss", b"stsd", b"avc1", b"avcC", b"trun", b"tfhd", b"tfdt", b"trex", b"sidx", b"dref",
    b"hdlr", b"avih", b"strh", b"strf", b"idx1", b"movi", b"LIST", b"RIFF", b"\x2a\xd7\xb1",
    b"\x44\x89", b"\x16\x54\xae\x6b", b"\x1f\x43\xb6\x75", b"\xe7", b"\xa3", b"\xb0", b"\xba",
    b"\x23\xe3\x83", b"\x63\xa2", b"\x1c\x53\xbb\x6b", b"\x53\xab", b"\x53\xac",
)  # fmt: skip

Change = Callable[[random.Random, bytearray], None]


def mutants(seed: int, count: int) -> Iterator[tuple[str, bytes]]:
    """Yields names and bytes of damaged files; the same for the same seed."""
    bases = list(_bases().items())
    for number in range(count):
        chance = random.Random(f"{seed} {number}")
        name, content = bases[number % len(bases)]
        data = bytearray(content)
        changes = [chance.choice(_CHANGES) for _ in range(chance.choice((1, 1, 1, 2, 4)))]
        for change in changes:
            if len(data) > 16:
                change(chance, data)
        told = "+".join(change.__name__.strip("_") for change in changes)
        stem, _, ending = name.partition(".")
        yield f"{stem}-{told}.{ending}", bytes(data)


def check(path: Path) -> str:
    """What `predict` and `timeline` say: "accepted", or the sentence of the first that refuses."""
    recognizer = _recognizer()
    try:
        recognizer.predict(path, keep_frames=False)
        for _ in recognizer.timeline(path):
            pass
    except VideoError as error:
        if not str(error).startswith(path.name) or "\n" in str(error):
            raise AssertionError(str(error)) from None
        return error.reason
    return "accepted"


def check_isolated(path: Path) -> str:
    """The same of `predict --untrusted`."""
    recognizer = _recognizer()
    recognizer.untrusted = True
    return check(path)


@cache
def _recognizer() -> Recognizer:
    return Recognizer.load()


@cache
def _bases() -> dict[str, bytes]:
    with tempfile.TemporaryDirectory() as folder:
        for name, settings in _BASES.items():
            write_video(Path(folder, name), seconds=1.0, fps=10, **settings)  # type: ignore[arg-type]
        return {name: Path(folder, name).read_bytes() for name in _BASES}


def _flip_bits(chance: random.Random, data: bytearray) -> None:
    for _ in range(chance.choice((1, 2, 8, 64))):
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)


def _flip_bits_of_the_header(chance: random.Random, data: bytearray) -> None:
    for _ in range(chance.choice((1, 4, 16))):
        data[chance.randrange(min(len(data), 1500))] ^= 1 << chance.randrange(8)


def _set_a_number(chance: random.Random, data: bytearray) -> None:
    place = chance.randrange(len(data) - 8)
    _put(chance, data, place)


def _set_a_number_of_a_field(chance: random.Random, data: bytearray) -> None:
    found = [f for f in _FIELDS if f in data]
    if not found:
        return
    field = chance.choice(found)
    starts = [k for k in range(len(data)) if data.startswith(field, k)][:50]
    _put(chance, data, chance.choice(starts) + len(field) + chance.choice((0, 1, *range(0, 64, 4))))


def _put(chance: random.Random, data: bytearray, place: int) -> None:
    form = chance.choice((">I", "<I", ">Q", "<Q", ">H", "<H"))
    number = struct.pack(form, chance.choice(_NUMBERS) & (256 ** struct.calcsize(form) - 1))
    data[place : place + len(number)] = number


def _cut(chance: random.Random, data: bytearray) -> None:
    del data[chance.randrange(1, len(data)) :]


def _delete_a_block(chance: random.Random, data: bytearray) -> None:
    place = chance.randrange(len(data))
    del data[place : place + chance.choice((1, 4, 100, 2000))]


def _repeat_a_block(chance: random.Random, data: bytearray) -> None:
    place = chance.randrange(len(data))
    block = data[place : place + chance.choice((4, 100, 2000))]
    data[place:place] = block * chance.choice((1, 2, 50))


def _swap_blocks(chance: random.Random, data: bytearray) -> None:
    one, other, length = chance.randrange(len(data)), chance.randrange(len(data)), 64
    first, second = data[one : one + length], data[other : other + length]
    data[one : one + len(second)], data[other : other + len(first)] = second, first


def _zeros(chance: random.Random, data: bytearray) -> None:
    place, length = chance.randrange(len(data)), chance.choice((16, 500))
    data[place : place + length] = bytes(len(data[place : place + length]))


def _noise(chance: random.Random, data: bytearray) -> None:
    place, length = chance.randrange(len(data)), chance.choice((16, 500))
    data[place : place + length] = chance.randbytes(len(data[place : place + length]))


_CHANGES: tuple[Change, ...] = (
    _flip_bits, _flip_bits_of_the_header, _set_a_number, _set_a_number_of_a_field,
    _set_a_number_of_a_field, _set_a_number_of_a_field, _cut, _delete_a_block, _repeat_a_block,
    _swap_blocks, _zeros, _noise,
)  # fmt: skip
