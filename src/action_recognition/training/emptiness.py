"""Made videos that show nothing: examples of "none of these" that no data set has."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Frames = NDArray[np.uint8]
LABEL = "(nothing)"  # of the background class that they make


def make_emptiness(
    random: np.random.Generator, size: int, count: int, picture: Frames | None = None
) -> Frames:
    """One such video at random: (count, size, size, 3) uint8 RGB.

    Parameters:
        picture: (size, size, 3) of any footage; what is made of pictures shows it: a photograph
            that does not move, or one of a slide show's slides.
    """
    makers: list[Callable[[np.random.Generator, int, int], Frames]] = [
        _plain, _noise, _pattern, _gradient, _room, _page, _figure,
    ]  # fmt: skip
    if picture is not None and random.random() < 0.5:
        still = np.repeat(picture[None], count, 0)
        if random.random() < 0.4:  # slides
            other = random.permutation(picture.reshape(-1, 3)).reshape(picture.shape)
            cut = int(random.integers(count + 1))
            still[cut:] = _blur(other, size // 4) if random.random() < 0.5 else picture[:, ::-1]
        return _camera(random, still)
    return makers[int(random.integers(len(makers)))](random, size, count)


def _camera(random: np.random.Generator, frames: Frames) -> Frames:
    """What a camera that does not move adds: nothing, or a little noise and a lamp's flicker."""
    if random.random() < 0.4:
        return frames
    noise = random.normal(0, random.uniform(0.5, 6), frames.shape)
    flicker = random.normal(1, random.uniform(0, 0.01), (len(frames), 1, 1, 1))
    return np.clip(frames * flicker + noise, 0, 255).astype(np.uint8)


def _plain(random: np.random.Generator, size: int, count: int) -> Frames:
    colour = random.integers(0, 256, 3)
    if random.random() < 0.6:
        colour = np.full(3, random.choice([0, 16, 128, 235, 255]))
    return _camera(random, np.tile(colour.astype(np.uint8), (count, size, size, 1)))


def _noise(random: np.random.Generator, size: int, count: int) -> Frames:
    """Snow: fine or coarse, grey or coloured, faint or harsh, some of it with a bar that rolls."""
    grain = int(random.choice([1, 1, 2, 4, 12]))
    channels = int(random.choice([1, 1, 3]))
    shape = (count, -(-size // grain), -(-size // grain), channels)
    if random.random() < 0.3:
        values = random.integers(0, 256, shape).astype(np.float64)
    else:
        values = random.normal(random.uniform(40, 200), random.uniform(15, 90), shape)
    frames = values.repeat(grain, 1).repeat(grain, 2)[:, :size, :size].clip(0, 255)
    frames = np.broadcast_to(frames, (count, size, size, 3)).astype(np.uint8)
    reach = int(random.choice([0, 0, 1, 2]))  # as a codec or a smaller size blurs it
    if reach:
        frames = np.stack([_blur(frame, reach) for frame in frames])
        spread = random.uniform(1, 2 * reach + 1)  # part of the contrast that the blur took
        mean = frames.mean()
        frames = ((frames - mean) * spread + mean).clip(0, 255).astype(np.uint8)
    if random.random() < 0.4:
        way, height = random.uniform(1, size / 6), int(random.uniform(0.05, 0.3) * size)
        for k, frame in enumerate(frames):
            top = int(k * way) % size
            frame[top : top + height] = frame[top : top + height] * 0.6
    return frames


def _pattern(random: np.random.Generator, size: int, count: int) -> Frames:
    """Colour bars, a chess board, stripes or rings, some with a box that moves (a clock)."""
    rows, columns = np.mgrid[:size, :size] / size
    kind, cells = int(random.integers(4)), int(random.integers(2, 12))
    if kind == 0:
        colours = random.permutation(
            [[235, 235, 235], [235, 235, 16], [16, 235, 235], [16, 235, 16], [235, 16, 235],
             [235, 16, 16], [16, 16, 235], [16, 16, 16]]
        )  # fmt: skip
        picture = colours[(columns * 8).astype(int)]
    else:
        phase = {
            1: (rows * cells).astype(int) + (columns * cells).astype(int),
            2: ((rows if cells % 2 else columns) * 2 * cells).astype(int),
            3: (np.hypot(rows - 0.5, columns - 0.5) * 3 * cells).astype(int),
        }[kind]
        picture = random.integers(0, 256, (2, 3))[phase % 2]
    frames = np.repeat(picture[None].astype(np.uint8), count, 0)
    if random.random() < 0.4:
        side, way = size // 8, random.integers(1, 5)
        for k, frame in enumerate(frames):
            left = int(k * way) % (size - side)
            frame[-side:, left : left + side] = 255
    return frames


def _gradient(random: np.random.Generator, size: int, count: int) -> Frames:
    """A colour gradient that stands or turns slowly, as screen savers do."""
    rows, columns = np.mgrid[:size, :size] / size
    turn = random.uniform(-0.03, 0.03) * (random.random() < 0.6)
    ends = random.integers(0, 256, (2, 3))
    angles = random.uniform(0, 2 * np.pi) + turn * np.arange(count)
    way = np.cos(angles)[:, None, None] * rows + np.sin(angles)[:, None, None] * columns
    way = (way - way.min()) / max(1e-6, float(np.ptp(way)))
    return (ends[0] + (ends[1] - ends[0]) * way[..., None]).astype(np.uint8)


def _room(random: np.random.Generator, size: int, count: int) -> Frames:
    """A fixed camera on an empty room: walls, floor, a few pieces of furniture, noise."""
    picture = np.empty((size, size, 3))
    horizon = int(size * random.uniform(0.4, 0.8))
    picture[:horizon] = random.uniform(60, 230, 3)
    picture[horizon:] = random.uniform(40, 180, 3)
    for _ in range(int(random.integers(1, 7))):
        height, width = (random.uniform(0.1, 0.5, 2) * size).astype(int)
        top, left = (random.uniform(0, 0.8, 2) * size).astype(int)
        picture[top : top + height, left : left + width] = random.uniform(20, 240, 3)
    light = np.linspace(random.uniform(0.6, 1), random.uniform(0.6, 1), size)[None, :, None]
    lit = np.clip(picture * light, 0, 255).astype(np.uint8)
    return _camera(random, np.repeat(_blur(lit, int(random.integers(1, 4)))[None], count, 0))


def _page(random: np.random.Generator, size: int, count: int) -> Frames:
    """A screen with text that stands, scrolls or is typed, and a pointer that moves."""
    paper, ink = (255, 30) if random.random() < 0.7 else (30, 220)
    rows = 4 * size
    page = np.full((rows, size, 3), paper, np.uint8)
    line = int(random.integers(5, 12))
    for top in range(line, rows - line, line):
        left = size // 20
        while left < size * random.uniform(0.5, 0.98):
            width = int(random.integers(2, max(3, size // 8)))
            page[top : top + line // 2, left : left + width] = ink
            left += width + 3
    if random.random() < 0.5:
        top, height = int(random.integers(rows // 2)), size // 3
        page[top : top + height, size // 2 :] = random.integers(0, 256, 3)
    way = min(random.choice([0.0, 0.0, random.uniform(0, 6)]), (rows - size) / count)
    frames = np.stack([page[int(k * way) : int(k * way) + size] for k in range(count)])
    if random.random() < 0.5:
        place = np.cumsum(random.normal(0, size / 40, (count, 2)), 0) + size / 2
        for frame, (row, column) in zip(frames, place.clip(0, size - 6).astype(int), strict=True):
            frame[row : row + 5, column : column + 4] = 128
    return frames


def _figure(random: np.random.Generator, size: int, count: int) -> Frames:
    """A drawn figure that stands still."""
    picture = np.full((size, size, 3), random.integers(0, 256, 3), np.uint8)
    rows, columns = np.mgrid[:size, :size] / size
    ink, thick = random.integers(0, 256, 3), random.uniform(0.01, 0.04)
    x, y, scale = random.uniform(0.3, 0.7), random.uniform(0.4, 0.6), random.uniform(0.2, 0.6)
    picture[np.hypot(rows - y + 0.5 * scale, columns - x) < 0.13 * scale] = ink
    joints = random.uniform(-0.35, 0.35, 4)
    for (row, column), (to_row, to_column) in (
        ((-0.4, 0), (0.1, 0)),
        ((-0.3, 0), (joints[0], -0.3)), ((-0.3, 0), (joints[1], 0.3)),
        ((0.1, 0), (0.55, -0.2 + 0.2 * joints[2])), ((0.1, 0), (0.55, 0.2 + 0.2 * joints[3])),
    ):  # fmt: skip
        for way in np.linspace(0, 1, 40):
            at_row = y + scale * (row + (to_row - row) * way)
            at_column = x + scale * (column + (to_column - column) * way)
            picture[np.hypot(rows - at_row, columns - at_column) < thick] = ink
    return _camera(random, np.repeat(picture[None], count, 0))


def _blur(picture: Frames, reach: int) -> Frames:
    """Mean over a square of 2 reach + 1 pixels."""
    x = picture.astype(np.float32)
    for axis in (0, 1):
        padded = np.pad(x, [(reach + 1, reach) if a == axis else (0, 0) for a in range(3)], "edge")
        sums = padded.cumsum(axis)
        width = 2 * reach + 1
        upper = sums.take(range(width, padded.shape[axis]), axis)
        lower = sums.take(range(padded.shape[axis] - width), axis)
        x = (upper - lower) / width
    return x.round().clip(0, 255).astype(np.uint8)
