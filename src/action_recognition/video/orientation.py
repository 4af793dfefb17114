"""How stored frames are turned and mirrored for display: the display matrix of a video file."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any

import av
import numpy as np
from av.sidedata.sidedata import Type
from numpy.typing import NDArray

_MATRIX_BYTES = 36  # nine int32: a b u, c d v, x y w


@dataclass(frozen=True)
class Orientation:
    """One of the eight ways to show a stored frame.

    Parameters:
        quarter_turns: counter-clockwise, 0 to 3, after mirroring.
        mirrored: whether left and right are swapped first.
    """

    quarter_turns: int = 0
    mirrored: bool = False

    @property
    def swaps_sides(self) -> bool:
        """Whether the width of the stored frame is the height of the shown one."""
        return self.quarter_turns % 2 == 1

    def upright(self, pixels: NDArray[Any]) -> NDArray[Any]:
        """Stored pixels (H, W, ...) as they are shown: (H, W, ...), or (W, H, ...)."""
        if self.mirrored:
            pixels = pixels[:, ::-1]
        return np.ascontiguousarray(np.rot90(pixels, self.quarter_turns))

    def matrix(self) -> NDArray[np.float64]:
        """(2, 2): where the shown frame has the x and y axes of the stored one; y points down."""
        quarter = np.array([[0.0, 1.0], [-1.0, 0.0]])  # (x, y) -> (y, -x)
        mirror = np.diag([-1.0 if self.mirrored else 1.0, 1.0])
        return np.linalg.matrix_power(quarter, self.quarter_turns) @ mirror


UPRIGHT = Orientation()
EIGHT = tuple(Orientation(turns, mirrored) for mirrored in (False, True) for turns in range(4))


def orientation_of(frame: av.VideoFrame) -> Orientation:
    """The orientation that the display matrix of a decoded frame asks for.

    Of the matrix (ISO/IEC 14496-12, 8.3.2; FFmpeg makes one for Matroska and H.264, too) only the
    four values that turn, mirror and scale count. One that turns by less than a quarter is taken
    for the nearest of the eight orientations.
    """
    stored: Any = frame.side_data  # the type that PyAV declares for it has no keys
    raw = bytes(stored.get(Type.DISPLAYMATRIX) or b"")
    if len(raw) < _MATRIX_BYTES:
        return UPRIGHT
    a, b, _, c, d, *_ = struct.unpack("=9i", raw[:_MATRIX_BYTES])
    asked = np.array([[a, c], [b, d]], dtype=np.float64)
    # The first of equals: a matrix of zeros is upright.
    return max(EIGHT, key=lambda o: float((o.matrix() * asked).sum()))
