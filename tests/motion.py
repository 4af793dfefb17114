"""Generated motion: three classes that no single frame tells apart.

A bright square on a dark, noisy ground moves left, moves right, or grows. Its places and sizes
are drawn so that any frame of one class could be a frame of each of the others.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from video_maker import Image, write_video

CLASSES = ("growing", "moving_left", "moving_right")
SIDE = 32
SECONDS = 1.0
FPS = 10


def write_motion_data(root: Path, *, per_class: int, seed: int = 0) -> Path:
    """Writes root/<class>/<number>.mp4, videos of 10 frames of 32x32 pixels; returns root."""
    random = np.random.default_rng(seed)
    for name in CLASSES:
        folder = root / name
        folder.mkdir(parents=True)
        for number in range(per_class):
            write_video(
                folder / f"{name}_{number:03d}.mp4",
                seconds=SECONDS,
                fps=FPS,
                size=(SIDE, SIDE),
                pattern=_Motion(name, random),
            )
    return root


class _Motion:
    """The picture at a time: square of half side `half` around (x, y)."""

    def __init__(self, name: str, random: np.random.Generator) -> None:
        self._name = name
        self._middle_x, self._y = random.uniform(12, 20), random.uniform(9, 23)
        self._half = random.uniform(3, 7)
        self._step = random.uniform(1.0, 1.6)  # pixels a frame
        self._noise = random.integers(0, 50, (SIDE, SIDE, 1), dtype=np.uint8)

    def __call__(self, index: int, time_s: float, width: int, height: int) -> Image:
        offset = index - (SECONDS * FPS - 1) / 2  # frames from the middle of the video
        x, half = self._middle_x, self._half
        if self._name == "growing":
            x += 0.0
            half = max(1.5, half + 0.6 * offset)
        else:
            x += self._step * offset * (-1 if self._name == "moving_left" else 1)
        rows, columns = np.mgrid[:height, :width]
        inside = (abs(columns - x) <= half) & (abs(rows - self._y) <= half)
        return np.where(inside[:, :, None], np.uint8(220), self._noise).repeat(3, axis=2)
