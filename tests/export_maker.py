"""What the tests of exported models are made with."""

from __future__ import annotations

import numpy as np
from PIL import Image

from action_recognition.models.open_set import OpenSetRule

RULE = OpenSetRule(energy=0.4, odds=0.3, threshold=0.5, slope=2.0, likeness=1.5, usual=(0.5, -0.7))


def moving(batch: int, times: int, height: int, width: int) -> np.ndarray:
    """Smooth pictures (batch, times, height, width, 3), of which something always moves."""
    random = np.random.default_rng(5)
    coarse = random.integers(0, 256, (batch, times, 5, 6, 3), dtype=np.uint8)
    shown = [Image.fromarray(p).resize((width, height)) for clip in coarse for p in clip]
    return np.stack([np.asarray(p) for p in shown]).reshape(batch, times, height, width, 3)
