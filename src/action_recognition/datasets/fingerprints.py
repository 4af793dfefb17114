"""The fingerprint of a clip: what its frames show, in few numbers that survive re-encoding.

A frame is known by the lowest frequencies of its luma, as in pHash (C. Zauner, "Implementation and
Benchmarking of Perceptual Image Hash Functions", 2010): size, codec, bit rate and brightness hardly
change them, and mirroring only turns the signs of some.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import av
import numpy as np
from numpy.typing import NDArray

from action_recognition.errors import VideoError
from action_recognition.video import Video

FRAMES_PER_SECOND = 10
MAX_S = 600.0  # seconds of a video that are looked at

_ROUNDING_S = 0.001  # Matroska rounds time stamps to milliseconds
_SIDE = 64  # pixels; frames are scaled to a square of this side
_LOW = 8  # frequencies per direction
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601

# Bars around the picture: rows and columns that stay dark, against the brightest of the video.
_BAR_LEVEL, _BAR_SHARE, _BRIGHTEST = 6.0, 0.12, 98.0
_MAX_BAR = _SIDE // 4
_FRAMES_FOR_BARS = 60

# A frame says something if this share of its 8x8 cells stands out from the usual level. Photographs
# have more, flat frames none, and a small thing on a plain ground less.
_STANDING_OUT, _SHARE_OF_LARGEST, _LEVELS = 0.28, 0.15, 4.0

Fingerprint = NDArray[np.float16]  # (frames, 64)


def take_fingerprint(video: Video) -> Fingerprint:
    """Decodes a whole video, as `Video.check` does, and looks at ten frames of each second.

    Returns:
        (N, 64) float16, a row for the frame on display at each tenth of a second of the first
        `MAX_S` seconds: the 8x8 lowest coefficients of the DCT-II of its luma (0 to 255), without
        bars around the picture, vertical frequency first. The first of them is the mean.

    Raises:
        VideoError: the file is truncated, or nothing in it can be decoded.
    """
    to_square = video.square_converter(_SIDE, max_aspect=_SIDE)  # all of it, whatever its shape
    luma = []
    for frame in _ten_a_second(video):
        try:
            luma.append(np.rint(to_square(frame) @ _LUMA).astype(np.uint8))
        except (av.FFmpegError, ValueError, MemoryError) as error:
            raise VideoError(video.name, f"a frame cannot be converted ({error})") from None
    return _low_frequencies(np.stack(luma))


def _ten_a_second(video: Video) -> Iterator[av.VideoFrame]:
    """The frames on display at each tenth of a second; then the others are decoded, too."""
    due, last = 0, round(MAX_S * FRAMES_PER_SECOND)
    shown, since_s = None, 0.0
    for time_s, frame in video.timed_frames():
        while shown is not None and due < last and due / FRAMES_PER_SECOND < time_s - _ROUNDING_S:
            yield shown
            due += 1
        shown, since_s = frame, time_s
    while shown is not None and due < last and due / FRAMES_PER_SECOND < since_s + _ROUNDING_S:
        yield shown
        due += 1


def voting(fingerprint: Fingerprint) -> NDArray[np.bool_]:
    """Whether each frame shows enough to be told from others: (N,) bool."""
    to_cells = np.linalg.inv(_dct(_LOW))
    cells = to_cells @ fingerprint.reshape(-1, _LOW, _LOW).astype(np.float32) @ to_cells.T
    away = np.abs(cells - np.median(cells, axis=(1, 2), keepdims=True)).reshape(-1, _LOW**2)
    limit = np.maximum(_SHARE_OF_LARGEST * away.max(1, keepdims=True), _LEVELS)
    enough: NDArray[np.bool_] = (away > limit).mean(1) >= _STANDING_OUT
    return enough


def hash_frames(rows: Fingerprint | NDArray[np.float32]) -> NDArray[np.uint64]:
    """The signs of the coefficients of each frame (N, 64), without the mean, as 63 bits: (N,)."""
    bits = rows > 0
    bits[:, 0] = False
    return np.packbits(bits, axis=1).view(np.uint64)[:, 0]


@cache
def mirror_signs() -> NDArray[np.float32]:
    """What a row of a fingerprint is multiplied with to give that of the mirrored frame: (64,)."""
    signs = np.ones((_LOW, _LOW), np.float32)
    signs[:, 1::2] = -1.0
    return signs.ravel()


def mirror_bits() -> np.uint64:
    """The bits of a hash that mirroring turns."""
    bits: np.uint64 = np.packbits(mirror_signs() < 0).view(np.uint64)[0]
    return bits


def _low_frequencies(luma: NDArray[np.uint8]) -> Fingerprint:
    top, bottom, left, right = _find_bars(luma[:: max(1, len(luma) // _FRAMES_FOR_BARS)])
    picture = luma[:, top : _SIDE - bottom, left : _SIDE - right].astype(np.float32)
    low = _dct(picture.shape[1]) @ picture @ _dct(picture.shape[2]).T
    return np.ascontiguousarray(low.reshape(-1, _LOW**2), dtype=np.float16)


def _find_bars(luma: NDArray[np.uint8]) -> tuple[int, int, int, int]:
    """Rows above and below the picture, columns left and right of it.

    Only bars on both sides count: a dark edge of the picture itself is on one side as a rule.
    """
    limit = _BAR_SHARE * float(np.percentile(luma, _BRIGHTEST)) + _BAR_LEVEL
    found = []
    for across in (2, 1):
        level = np.percentile(luma, _BRIGHTEST, axis=(0, across))
        bright = np.flatnonzero(level > limit)
        first, last = (bright[0], _SIDE - 1 - bright[-1]) if len(bright) else (0, 0)
        both = min(first, last) >= 1 and abs(first - last) <= 2 and max(first, last) <= _MAX_BAR
        found += [int(first), int(last)] if both else [0, 0]
    return found[0], found[1], found[2], found[3]


@cache
def _dct(size: int) -> NDArray[np.float32]:
    """The lowest rows of the DCT-II, scaled so that coefficients do not depend on the size."""
    place = (np.arange(size) + 0.5) / size
    rows = np.sqrt(2) * np.cos(np.pi * np.outer(np.arange(_LOW), place)) / size
    rows[0] = 1 / size
    return rows.astype(np.float32)
