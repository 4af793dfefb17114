"""Whether all of a file is there, from its outermost headers alone."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest

from action_recognition.video.containers import container_kind, is_whole, missing_share
from video_maker import MadeVideo


def box(kind: bytes, length: int, *, large: bool = False) -> bytes:
    if large:
        return (1).to_bytes(4, "big") + kind + length.to_bytes(8, "big") + bytes(length - 16)
    return length.to_bytes(4, "big") + kind + bytes(length - 8)


FTYP = box(b"ftyp", 24)
EBML = b"\x1a\x45\xdf\xa3\x84" + bytes(4) + b"\x18\x53\x80\x67"
WHOLE = {
    "mp4": FTYP + box(b"moov", 100) + box(b"mdat", 900),
    "mp4 with 64-bit length": FTYP + box(b"mdat", 1000, large=True),
    "mp4 up to the end": FTYP + b"\0\0\0\0mdat" + bytes(500),
    "mp4 with padding": FTYP + box(b"mdat", 900) + bytes(64),
    "mp4 with rubbish": FTYP + box(b"mdat", 900) + b"\xff" * 64,
    "mp4 with an ID3 tag": FTYP
    + box(b"moov", 100)
    + box(b"mdat", 900)
    + b"TAGtitle".ljust(128, b"\0"),
    "mp4 with a camera's trailer": FTYP + box(b"moov", 100) + box(b"mdat", 900) + b"SEFT" * 40,
    "mp4 with text": FTYP + box(b"mdat", 900) + box(b"moov", 100) + b"made on a Tuesday " * 9,
    "mp4 with a maker's box": FTYP + box(b"mdat", 900) + box(b"frea", 90) + b"\x7f\xff\xff\xffthma",
    "mp4 with cut padding": FTYP + box(b"moov", 100) + box(b"mdat", 900) + box(b"free", 800)[:90],
    "avi with text": b"RIFF" + (1004).to_bytes(4, "little") + b"AVI " + bytes(1000) + b"text" * 99,
    "avi": b"RIFF" + (1004).to_bytes(4, "little") + b"AVI " + bytes(1000),
    "avi of odd length": b"RIFF" + (1003).to_bytes(4, "little") + b"AVI " + bytes(1000),
    "avi without length": b"RIFF" + bytes(4) + b"AVI " + bytes(1000),
    "avi of two parts": (b"RIFF" + (1004).to_bytes(4, "little") + b"AVI " + bytes(1000)) * 2,
    "avi of two odd parts": (b"RIFF" + (1003).to_bytes(4, "little") + b"AVI " + bytes(1000)) * 2,
    "mkv": EBML + b"\x43\xe8" + bytes(1000),
    "mkv of unknown length": EBML + b"\x01" + b"\xff" * 7 + bytes(1000),
    "other": bytes(1000),
    "short": b"RI",
}


@pytest.mark.parametrize("kind", WHOLE)
def test_whole_file_misses_nothing(kind: str) -> None:
    assert missing_share(io.BytesIO(WHOLE[kind])) == 0


@pytest.mark.parametrize(
    "kind", ["mp4", "mp4 with 64-bit length", "avi", "avi of two parts", "mkv"]
)
@pytest.mark.parametrize("share", [0.1, 0.5, 0.6, 0.9])
def test_cut_file_misses_its_rest(kind: str, share: float) -> None:
    data = WHOLE[kind]
    missing = missing_share(io.BytesIO(data[: int(len(data) * share)]))
    if kind == "avi of two parts" and share <= 0.5:
        assert missing > 0 or share == 0.5  # of the second part nothing is known then
    elif kind == "mp4" and share == 0.1:
        assert missing > 0  # where the box that comes next is not there yet
    else:
        assert missing == pytest.approx(1 - share, abs=0.01)


def test_second_part_of_an_avi_begins_at_an_even_place() -> None:
    data = WHOLE["avi of two odd parts"]
    assert missing_share(io.BytesIO(data[:1800])) == pytest.approx(1 - 1800 / len(data), abs=0.001)


def test_endless_chain_of_boxes_ends() -> None:
    data = FTYP + box(b"free", 8) * 300_000
    assert missing_share(io.BytesIO(data)) == 0


def test_kinds() -> None:
    assert container_kind(WHOLE["mp4"]) == "MP4 or MOV"
    assert container_kind(WHOLE["avi"]) == "AVI"
    assert container_kind(WHOLE["mkv"]) == "MKV or WebM"
    assert container_kind(b"RIFF\0\0\0\0WAVE") is None
    assert container_kind(b"") is None


@pytest.mark.parametrize("name", ["v.mkv", "v.webm", "v.avi"])
def test_a_whole_file_is_known_by_its_parts(make_video: Callable[..., MadeVideo], name) -> None:
    data = make_video(name, seconds=0.4).path.read_bytes()
    assert is_whole(io.BytesIO(data))
    assert not is_whole(io.BytesIO(data[:-2]))
    assert not is_whole(io.BytesIO(data[: len(data) // 2] + bytes(len(data) - len(data) // 2)))


@pytest.mark.parametrize("data", [b"", b"RIFF", WHOLE["mp4"], WHOLE["avi"], WHOLE["mkv"]])
def test_what_is_not_known_to_be_whole(data: bytes) -> None:
    assert not is_whole(io.BytesIO(data))


@pytest.mark.parametrize("length", [2**56 - 2, 2**40, 5000])
def test_a_part_of_matroska_that_is_longer_than_the_file(make_video, length: int) -> None:
    """Guards: no file has a place so far from its beginning, and going there was an OSError."""
    data = make_video("v.mkv", seconds=0.5).path.read_bytes()
    cluster = data.index(b"\x1f\x43\xb6\x75") + 4
    width = 9 - data[cluster].bit_length()
    changed = data[:cluster] + (2**56 + length).to_bytes(8, "big") + data[cluster + width :]
    assert is_whole(io.BytesIO(data))
    assert not is_whole(io.BytesIO(changed))
