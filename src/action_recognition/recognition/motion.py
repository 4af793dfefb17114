"""Detects whether anything moves: where nothing does, no action is reported."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

Frames = NDArray[np.uint8]

# A square of this many pixels has moved if its mean, over pixels and colours, changed by more grey
# levels than noise and a codec change it. In each of 1397 clips of people (0.2 s a frame, 172
# pixels) something moves at 29 % of the frames or more; the least is a person who talks. A slide
# show with two seconds a picture has 10 %, a noisy camera on an empty room none.
SQUARE = 8
LEVELS = 3.0
LEAST_SHARE = 0.15


class Motion:
    """Tracks whether anything moved in the last frames of a film.

    Parameters:
        window: number of frames to consider.
    """

    def __init__(self, window: int) -> None:
        self._moved: deque[bool] = deque(maxlen=max(1, window - 1))
        self._last: Frames | None = None

    @property
    def still(self) -> bool:
        """Whether nothing moved; False after a single frame, which cannot tell."""
        return _is_still(list(self._moved))

    def feed(self, frames: Frames) -> Iterator[bool]:
        """Takes the next frames (T, H, W, 3); yields the value of `still` after each of them."""
        known = frames if self._last is None else np.concatenate([self._last, frames])
        self._last = frames[-1:]
        steps = moves(known).tolist()
        if len(steps) < len(frames):
            yield self.still
        for moved in steps:
            self._moved.append(moved)
            yield self.still


def nothing_moves(clips: Frames) -> bool:
    """Whether a video is still, judged by all of its clips (N, T, H, W, 3)."""
    return _is_still([moved for clip in clips for moved in moves(clip).tolist()])


def moves(frames: Frames) -> NDArray[np.bool_]:
    """Frames (T, H, W, 3) uint8 -> whether anything moves between neighbours, (T - 1,)."""
    times, height, width, _ = frames.shape
    rows, columns = max(1, height // SQUARE), max(1, width // SQUARE)
    side_h, side_w = min(SQUARE, height), min(SQUARE, width)
    cut = frames[:, : rows * side_h, : columns * side_w]
    squares = cut.reshape(times, rows, side_h, columns, -1).sum(4, dtype=np.uint32).sum(2)
    means = squares.reshape(times, rows * columns) / (side_h * side_w * 3.0)  # (T, squares)
    change = np.diff(means, axis=0)
    change -= _median(change)[:, None]  # a light that dims is no movement
    return np.asarray(np.abs(change).max(1, initial=0) > LEVELS)


def _median(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """That of each row; `np.median` imports all of `numpy.ma`, which takes longer than the rest."""
    count = values.shape[1]
    low, high = (count - 1) // 2, count // 2
    parted = np.partition(values, (low, high), axis=1)
    return np.asarray((parted[:, low] + parted[:, high]) / 2)


def _is_still(moved: Sequence[bool]) -> bool:
    return len(moved) > 0 and float(np.mean(moved)) < LEAST_SHARE
