"""Heat maps laid over the frames they belong to."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# Dark to light in one direction, as matplotlib's "inferno": read without telling hues apart.
_COLOURS = np.array(
    [(0, 0, 4), (87, 16, 110), (188, 55, 84), (249, 142, 9), (252, 255, 164)], dtype=np.float32
)
_STRONGEST = 0.8  # share of the colour where the heat is full: the picture is still seen below


def overlay(frames: NDArray[np.uint8], heat: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Frames in grey, and the heat over them in colour.

    Parameters:
        frames: (T, H, W, 3) uint8 RGB.
        heat: (T, H, W) in 0..1.

    Returns:
        (T, H, W, 3) uint8 RGB.
    """
    steps = np.linspace(0, 1, len(_COLOURS))
    colour = np.stack([np.interp(heat, steps, _COLOURS[:, k]) for k in range(3)], -1)
    luma = frames @ np.array([0.299, 0.587, 0.114], dtype=np.float32)  # ITU-R BT.601
    share = _STRONGEST * heat[..., None]
    mixed = luma[..., None] * (1 - share) + colour * share
    return mixed.round().clip(0, 255).astype(np.uint8)
