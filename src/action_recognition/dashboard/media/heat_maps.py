"""Heat maps laid over the frames they belong to."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# From dark orange to light yellow over a dimmed picture: the hotter, the lighter, so that it is
# read without telling hues apart.
_COLOURS = np.array([(200, 60, 20), (249, 142, 9), (252, 255, 164)], dtype=np.float32)
_STRONGEST = 0.75  # share of the colour where the heat is full: the person is still seen below
_LIFT = 0.7  # exponent of the heat: one bright moment must not leave all others dark
_DIMMED = 0.64  # brightness of the grey picture: a white wall must not outshine the heat


def overlay(frames: NDArray[np.uint8], heat: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Frames in grey, and the heat over them in colour.

    Parameters:
        frames: (T, H, W, 3) uint8 RGB.
        heat: (T, H, W) in 0..1.

    Returns:
        (T, H, W, 3) uint8 RGB.
    """
    steps = np.linspace(0, 1, len(_COLOURS))
    heat = heat**_LIFT
    colour = np.stack([np.interp(heat, steps, _COLOURS[:, k]) for k in range(3)], -1)
    weights = _DIMMED * np.array([0.299, 0.587, 0.114], dtype=np.float32)  # luma of ITU-R BT.601
    luma = frames @ weights
    share = _STRONGEST * heat[..., None]
    mixed = luma[..., None] * (1 - share) + colour * share
    return mixed.round().clip(0, 255).astype(np.uint8)


def legend() -> str:
    """What the colours mean, as HTML: a bar from "nothing" to "most"."""
    grey = np.full((1, 1, 3), 128, np.uint8)
    steps = [overlay(grey[None], np.full((1, 1, 1), h, np.float32)) for h in np.linspace(0, 1, 9)]
    colours = ", ".join(f"rgb({r}, {g}, {b})" for r, g, b in (s[0, 0, 0].tolist() for s in steps))
    return (
        '<div role="img" aria-label="Colours: from grey, nothing, to light yellow, most" '
        'style="display: flex; gap: 0.5rem; align-items: center; max-width: 24rem">nothing'
        f'<span style="flex: 1; height: 0.8rem; border-radius: 0.2rem; '
        f'background: linear-gradient(to right, {colours})"></span>most</div>'
    )
