"""Pictures that lie over the frames of a video for a while: labels, heat maps."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from struct import Struct

import av
import numpy as np
from av.video.reformatter import Interpolation, VideoReformatter
from numpy.typing import NDArray

_HEAD = Struct("<2d4d4I")  # times, box, level, height, width, bytes that follow


@dataclass(frozen=True)
class Overlay:
    """A picture and where and when it is shown.

    Parameters:
        start_s, end_s: in seconds as a player of the video counts.
        box: left, top, right and bottom in shares of the shown frame, 0..1.
        level: what has a higher one lies above.
        height, width: of the picture, in pixels; it is stretched to the box.
        packed: its pixels (height, width, 4) uint8 RGBA, compressed with zlib.
    """

    start_s: float
    end_s: float
    box: tuple[float, float, float, float]
    level: int
    height: int
    width: int
    packed: bytes

    @classmethod
    def of(
        cls,
        pixels: NDArray[np.uint8],
        start_s: float,
        end_s: float,
        box: tuple[float, float, float, float],
        *,
        level: int = 0,
    ) -> Overlay:
        """An overlay of pixels (height, width, 4) uint8 RGBA."""
        height, width, _ = pixels.shape
        packed = zlib.compress(pixels.tobytes(), 1)
        return cls(start_s, end_s, box, level, height, width, packed)

    def pixels(self) -> NDArray[np.uint8]:
        """(height, width, 4) uint8 RGBA."""
        raw = np.frombuffer(zlib.decompress(self.packed), np.uint8)
        return raw.reshape(self.height, self.width, 4)


class Painter:
    """Paints overlays onto frames, which must come in order of time.

    Parameters:
        overlays: in order of `start_s`; read no further than the frames have come.
        width, height: of the frames, in pixels.
    """

    def __init__(self, overlays: Iterable[Overlay], width: int, height: int) -> None:
        self._coming = iter(overlays)
        self._next = next(self._coming, None)
        self._width, self._height = width, height
        self._shown: list[tuple[Overlay, _Layer]] = []

    def paint(self, picture: NDArray[np.uint8], time_s: float) -> None:
        """Paints onto (height, width, 3) uint8 RGB what is shown at a time, in place."""
        while self._next is not None and self._next.start_s <= time_s:
            if self._next.end_s > time_s:
                layer = _Layer(self._next, self._width, self._height)
                self._shown.append((self._next, layer))
                self._shown.sort(key=lambda shown: shown[0].level)
            self._next = next(self._coming, None)
        self._shown = [shown for shown in self._shown if shown[0].end_s > time_s]
        for _, layer in self._shown:
            layer.paint(picture)


class _Layer:
    """An overlay in the size in which it is painted."""

    def __init__(self, overlay: Overlay, width: int, height: int) -> None:
        left, top, right, bottom = overlay.box
        self._x, self._y = round(left * width), round(top * height)
        size = max(1, round(right * width) - self._x), max(1, round(bottom * height) - self._y)
        pixels = overlay.pixels()
        if size != (overlay.width, overlay.height):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgba")
            scaled = VideoReformatter().reformat(
                frame, *size, format="rgba", interpolation=Interpolation.BILINEAR, threads=1
            )
            pixels = np.asarray(scaled.to_ndarray(), np.uint8)
        alpha = pixels[..., 3:].astype(np.uint16)
        self._kept = 255 - alpha
        self._added = pixels[..., :3] * alpha

    def paint(self, picture: NDArray[np.uint8]) -> None:
        height, width = self._kept.shape[:2]
        below = picture[self._y : self._y + height, self._x : self._x + width]
        kept, added = self._kept[: len(below), : below.shape[1]], self._added
        mixed = below * kept + added[: len(below), : below.shape[1]]
        below[...] = (mixed + 127) // 255


def pack(overlays: Iterable[Overlay]) -> Iterator[bytes]:
    """The bytes of each overlay, from which `unpack` makes it again."""
    for o in overlays:
        head = (o.start_s, o.end_s, *o.box, o.level, o.height, o.width, len(o.packed))
        yield _HEAD.pack(*head) + o.packed


def unpack(data: bytes) -> Iterator[Overlay]:
    """The overlays of which `data` consists."""
    place = 0
    while place < len(data):
        start_s, end_s, *edges, level, height, width, size = _HEAD.unpack_from(data, place)
        place += _HEAD.size
        left, top, right, bottom = edges
        packed = data[place : place + size]
        yield Overlay(start_s, end_s, (left, top, right, bottom), level, height, width, packed)
        place += size
