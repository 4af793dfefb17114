"""Lays two videos over one another in time, and says whether they show the same.

Their frames must agree, and so must what changes from frame to frame: a camera that stands still
films alike frames all day, but no movement twice.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from action_recognition.datasets.fingerprints import (
    FRAMES_PER_SECOND,
    Fingerprint,
    mirror_signs,
    voting,
)

# Measured by benchmarks/copies.py: over the time that both share, the least correlation of their
# frames, and of how these differ from their mean. Copies reach 0.95 and 0.9 as a rule; other clips
# of the same place and camera 0.96 and 0.77 at most, and more if the same person repeats a movement
# at the same spot. A part of both (less than the share of the shorter one) or another speed can be
# found in more ways, so more must agree. Where nothing moves, or not for long enough, the frames
# alone tell.
_ALIKE, _MOVES_ALIKE, _MOVES_ALIKE_IN_PART, _ALIKE_IF_STILL = 0.85, 0.85, 0.93, 0.995
_WHOLE = 0.8
_STILL = 0.5  # levels, root mean square
_LEAST_MOVEMENT = FRAMES_PER_SECOND // 2  # frames
_LEAST_FRAMES, _LEAST_SHARE = FRAMES_PER_SECOND, 0.3  # that both share, of the shorter one

LEAST_VOTES = 0.5  # share of frames that show enough, without which a video is not compared

# A copy that was written at another frame rate, frame by frame, is as much longer as it is slower.
_SPEEDS, _ABOUT = (0.4, 2.5), np.linspace(0.95, 1.05, 5)
_TINY = 1e-6  # instead of a division by zero

Rows = NDArray[np.float32]  # (frames, 64)


@dataclass(frozen=True)
class Frames:
    """Frames of a video as they are compared.

    Parameters:
        rows: (N, 64) float32, their fingerprint without the mean: a copy may be darker.
        votes: (N,) bool, whether a frame shows enough to be told from others.
    """

    rows: Rows
    votes: NDArray[np.bool_]

    @classmethod
    def of(cls, fingerprint: Fingerprint) -> Frames:
        """The frames of a fingerprint."""
        rows = fingerprint.astype(np.float32)
        rows[:, 0] = 0
        return cls(rows, voting(fingerprint))

    def __len__(self) -> int:
        return len(self.rows)

    def mirrored(self) -> Frames:
        """The same, left and right exchanged."""
        return Frames(self.rows * mirror_signs(), self.votes)

    def part(self, start: int, length: int) -> Frames:
        """Some of them."""
        return Frames(self.rows[start : start + length], self.votes[start : start + length])

    def faster(self, speed: float) -> Frames:
        """As they pass when the video is played at `speed`, at least 1."""
        place = np.arange(0, len(self) - 1 + _TINY, speed)
        before = place.astype(np.intp)
        after = np.minimum(before + 1, len(self) - 1)
        share = (place - before)[:, None].astype(np.float32)
        rows = self.rows[before] * (1 - share) + self.rows[after] * share
        return Frames(rows, self.votes[before] & self.votes[after])


def show_the_same(one: Frames, other: Frames, *, any_speed: bool = False) -> str | None:
    """How one of two videos is a copy of the other, or of a part of it: "plain" or "mirrored".

    Parameters:
        any_speed: also where one of them plays the whole faster, up to 2.5 times.

    Returns:
        None where it is not.
    """
    found = _compare(one, other)
    if found is not None or not any_speed:
        return found
    speed = len(other) / len(one)
    if not _SPEEDS[0] <= speed <= _SPEEDS[1]:
        return None
    pairs = [
        (one, other.faster(s)) if s > 1 else (one.faster(1 / s), other)
        for s in (speed * _ABOUT).tolist()
    ]
    return _compare(*max(pairs, key=lambda pair: _best(*pair)[0]), in_part=True)


def _compare(one: Frames, other: Frames, *, in_part: bool = False) -> str | None:
    _, mirrored, shift = _best(one, other)
    shorter = min(len(one), len(other))
    length = min(len(one) - max(shift, 0), len(other) - max(-shift, 0))
    one = one.part(max(shift, 0), length)
    other = (other.mirrored() if mirrored else other).part(max(-shift, 0), length)
    tell = one.votes | other.votes
    in_part = in_part or length < _WHOLE * shorter
    if tell.mean() < LEAST_VOTES or not _agree(one.rows[tell], other.rows[tell], in_part):
        return None
    return "mirrored" if mirrored else "plain"


def _agree(one: Rows, other: Rows, in_part: bool) -> bool:
    """Whether frames that pass side by side are of one recording."""
    alike = _correlation(one, other)
    change = max(float(np.sqrt(_energy(rows - rows.mean(0)) / len(rows))) for rows in (one, other))
    if change < _STILL or len(one) < _LEAST_MOVEMENT:
        return alike >= _ALIKE_IF_STILL and not in_part
    least = _MOVES_ALIKE_IN_PART if in_part else _MOVES_ALIKE
    return alike >= _ALIKE and _movement_alike(one, other) >= least


def _movement_alike(one: Rows, other: Rows) -> float:
    """The correlation of their changes; a cut can begin between two frames of the other."""
    between = (one[1:] + one[:-1]) / 2
    pairs = ((one, other), (between, other[1:]), (between, other[:-1]))
    return max(_correlation(a - a.mean(0), b - b.mean(0)) for a, b in pairs)


def _energy(rows: Rows) -> float:
    return float((rows**2).sum())


def _correlation(one: Rows, other: Rows) -> float:
    return float((one * other).sum() / np.sqrt(_energy(one) * _energy(other) + _TINY))


# -- the best shift ------------------------------------------------------------------------


def _best(one: Frames, other: Frames) -> tuple[float, bool, int]:
    """The best agreement, whether mirrored, and the frame of one at which the other begins."""
    plain, mirrored = _lay_over(one.rows, other.rows), _lay_over(one.rows, other.mirrored().rows)
    return (mirrored[0], True, mirrored[1]) if mirrored > plain else (plain[0], False, plain[1])


def _lay_over(one: Rows, other: Rows) -> tuple[float, int]:
    """The best agreement of frames, and the frame of one at which the other begins there.

    It may begin before (negative) or end after it, as long as they share enough frames.
    """
    shift = np.arange(1 - len(other), len(one))
    start, other_start = np.maximum(shift, 0), np.maximum(-shift, 0)
    length = np.minimum(len(one) - start, len(other) - other_start)
    total, energy = _sums(one, start, length)
    other_total, other_energy = _sums(other, other_start, length)
    products = _diagonal_sums(one @ other.T)
    alike = products / np.sqrt(energy * other_energy + _TINY)
    change = energy - (total**2).sum(1) / length
    other_change = other_energy - (other_total**2).sum(1) / length
    changes = products - (total * other_total).sum(1) / length
    moves_alike = changes / np.sqrt(np.maximum(change * other_change, _TINY))
    moves_alike[np.maximum(change, other_change) < length * _STILL**2] = 0
    # Before a camera that stands still, frames agree at any shift: the movement decides, and where
    # there is none, how much both share.
    shorter = min(len(one), len(other))
    agreement = np.where(alike >= _ALIKE, 1 + moves_alike, alike - 1) + 1e-3 * length / shorter
    agreement[length < min(shorter, max(_LEAST_FRAMES, _LEAST_SHARE * shorter))] = -np.inf
    best = int(agreement.argmax())
    return float(agreement[best]), int(shift[best])


def _sums(
    rows: Rows, start: NDArray[np.intp], length: NDArray[np.intp]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Of runs of rows: the sum (runs, 64), and the sum of all squares (runs,)."""
    total = np.zeros((len(rows) + 1, rows.shape[1]))
    np.cumsum(rows, axis=0, out=total[1:])
    energy = np.zeros(len(rows) + 1)
    np.cumsum((rows**2).sum(1), out=energy[1:])
    return total[start + length] - total[start], energy[start + length] - energy[start]


def _diagonal_sums(values: Rows) -> Rows:
    """Sums of the diagonals of a matrix (N, M), from its upper right to its lower left corner.

    >>> _diagonal_sums(np.array([[1, 2], [3, 4]]))
    array([2, 5, 3])
    """
    rows, columns = values.shape
    # With so many zeros after each row, the columns of a matrix one narrower are the diagonals.
    padded = np.zeros((rows, columns + rows), values.dtype)
    padded[:, :columns] = values[:, ::-1]
    sheared = padded.ravel()[: rows * (columns + rows - 1)].reshape(rows, -1)
    sums: Rows = sheared.sum(0)
    return sums
