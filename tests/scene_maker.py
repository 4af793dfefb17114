"""Draws scenes that can be told apart, and videos of them as a copy would be made.

A scene has a ground of soft spots, and discs that wander over it. Its picture is a function of
time, so that a video can show any part of it, at any size and frame rate.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from video_maker import Image, Pattern, write_video

SIZE = (96, 72)
Change = Callable[[Image], Image]


class Scene:
    """The picture of a scene at a time; `take` is what happens before the same ground."""

    def __init__(self, seed: int, take: int = 0) -> None:
        self._waves = np.random.default_rng(seed).uniform(-1, 1, (14, 5))
        random = np.random.default_rng((seed, take))
        self._discs = random.uniform(0, 1, (4, 6))

    def __call__(self, time_s: float, width: int, height: int) -> Image:
        """(height, width, 3) uint8."""
        y, x = np.mgrid[:height, :width] / np.array([height, width]).reshape(2, 1, 1)
        level = np.full((height, width), 120.0)
        for across, down, phase, strength, _ in self._waves:
            level += 28 * strength * np.cos(6 * (across * x + down * y) + 9 * phase)
        for x0, y0, speed_x, speed_y, size, bright in self._discs:
            middle_x = 0.5 + 0.4 * np.sin(6 * x0 + (0.8 + 2 * speed_x) * time_s)
            middle_y = 0.5 + 0.4 * np.sin(6 * y0 + (0.8 + 2 * speed_y) * time_s)
            inside = (x - middle_x) ** 2 + (y - middle_y) ** 2 < (0.07 + 0.12 * size) ** 2
            level = np.where(inside, 30 + 200 * bright, level)
        return np.repeat(level.clip(0, 255).astype(np.uint8)[:, :, None], 3, axis=2)


def write_scene(
    path: Path,
    scene: Scene,
    *,
    start_s: float = 0.0,
    seconds: float = 3.0,
    speed: float = 1.0,
    change: Change | None = None,
    size: tuple[int, int] = SIZE,
    **settings: Any,
) -> Path:
    """A video of a part of a scene; `settings` are those of `write_video`.

    Parameters:
        change: what is done to each picture, for example `mirror`.
        speed: how fast the scene passes.
    """

    def pattern(index: int, time_s: float, width: int, height: int) -> Image:
        image = scene(start_s + time_s * speed, width, height)
        return image if change is None else change(image)

    drawn: Pattern = pattern
    path.parent.mkdir(parents=True, exist_ok=True)
    return write_video(path, seconds=seconds, size=size, pattern=drawn, **settings).path


def mirror(image: Image) -> Image:
    return np.ascontiguousarray(image[:, ::-1])


def darken(image: Image) -> Image:
    return (image * 0.8).astype(np.uint8)


def crop(image: Image) -> Image:
    """Without 5 % of its width and height, enlarged again."""
    height, width = image.shape[:2]
    rows = (0.025 * height + np.arange(height) * 0.95).astype(int)
    columns = (0.025 * width + np.arange(width) * 0.95).astype(int)
    return np.ascontiguousarray(image[rows][:, columns])


def letterbox(image: Image) -> Image:
    """Between black bars, each an eighth of the height."""
    height = len(image)
    bar = height // 8
    boxed = np.zeros_like(image)
    boxed[bar : height - bar] = image[np.arange(height - 2 * bar) * height // (height - 2 * bar)]
    return boxed
