"""Finds videos that show the same, by their fingerprints: copies, mirrored ones, and cuts.

Hashes of single frames name the pairs that may be copies; `overlay` looks at these closely.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from action_recognition.datasets.fingerprints import (
    FRAMES_PER_SECOND,
    Fingerprint,
    hash_frames,
    mirror_bits,
    voting,
)
from action_recognition.datasets.overlay import LEAST_VOTES, Frames, show_the_same

# A frame a second of each video (four of a short one) is looked for among five frames a second of
# each other one.
_ASKED_EVERY, _ASKED_AT_LEAST, _KNOWN_EVERY = FRAMES_PER_SECOND, 4, FRAMES_PER_SECOND // 5
_NEAR = 12  # of 63 bits
_BLOCK = (16, 4096)  # hashes asked and known that are compared at once: they fit into a CPU's cache

# Shares of the frames asked that are near one of the other video. Of 5.5 million pairs of clips
# that are no copies, one in ten thousand reaches the first (benchmarks/copies.py).
_CANDIDATE, _CANDIDATE_AT_ANY_SPEED = 0.3, 0.8


@dataclass(frozen=True)
class Duplicate:
    """Two videos, by their places in the list: one is a copy of the other, or of a part of it."""

    first: int
    second: int
    mirrored: bool


@dataclass(frozen=True)
class Duplicates:
    """What `find_duplicates` found.

    Parameters:
        pairs: in the order of the list.
        compared: number of pairs that were compared.
        unseen: places of the videos that show too little to be compared: flat frames, or a small
            thing on a plain ground.
    """

    pairs: tuple[Duplicate, ...]
    compared: int
    unseen: tuple[int, ...]


def find_duplicates(
    fingerprints: Sequence[Fingerprint | None], families: Sequence[str]
) -> Duplicates:
    """Compares each video with each other one that is not of its family.

    Parameters:
        fingerprints: of each video; None for one that is passed over.
        families: of each video, for example its group or its split.
    """
    votes = [None if f is None else voting(f) for f in fingerprints]
    seen = [k for k, v in enumerate(votes) if v is not None and v.mean() >= LEAST_VOTES]
    unseen = [k for k, v in enumerate(votes) if v is not None and v.mean() < LEAST_VOTES]
    family = np.unique([families[k] for k in seen], return_inverse=True)[1]
    hashes = [hash_frames(fingerprints[k])[votes[k]] for k in seen]  # type: ignore[arg-type]
    pairs = []
    for (one, other), share in _candidates(hashes, family).items():
        first, second = seen[one], seen[other]
        frames = Frames.of(fingerprints[first]), Frames.of(fingerprints[second])  # type: ignore[arg-type]
        found = show_the_same(*frames, any_speed=share >= _CANDIDATE_AT_ANY_SPEED)
        if found is not None:
            pairs.append(Duplicate(first, second, found == "mirrored"))
    sizes = np.bincount(family)
    compared = (len(seen) ** 2 - int((sizes**2).sum())) // 2
    return Duplicates(tuple(pairs), compared, tuple(unseen))


Hashes = NDArray[np.uint64]


def _candidates(hashes: Sequence[Hashes], family: NDArray[np.intp]) -> dict[tuple[int, int], float]:
    """Pairs of different families that may be copies, with the share of near frames."""
    if not hashes:
        return {}
    asked, asker = _pick(hashes, _ASKED_EVERY)
    known, owner = _pick(hashes, _KNOWN_EVERY)
    near = _near_videos(asked, known, owner)
    one, other = asker[near[0]], near[1]
    apart = family[one] != family[other]
    pairs, count = np.unique(np.stack([one, other])[:, apart], axis=1, return_counts=True)
    share = count / np.bincount(asker)[pairs[0]]
    best: dict[tuple[int, int], float] = {}
    for a, b, s in zip(*pairs.tolist(), share.tolist(), strict=True):
        pair = min(a, b), max(a, b)
        best[pair] = max(s, best.get(pair, 0.0))
    return {pair: s for pair, s in sorted(best.items()) if s >= _CANDIDATE}


def _pick(hashes: Sequence[Hashes], every: int) -> tuple[Hashes, NDArray[np.intp]]:
    """Hashes of each video at intervals, and the numbers of their videos."""
    picked = [h[:: max(1, min(every, len(h) // _ASKED_AT_LEAST))] for h in hashes]
    return np.concatenate(picked), np.repeat(np.arange(len(hashes)), [len(p) for p in picked])


def _near_videos(asked: Hashes, known: Hashes, owner: NDArray[np.intp]) -> NDArray[np.intp]:
    """For each hash asked, the videos with a hash near it: (2, pairs), asked and video."""
    rows, columns = _BLOCK

    def near(start: int) -> NDArray[np.intp]:
        some = asked[start : start + rows, None]
        # Written over again and again: three times as fast as new arrays.
        differ = np.empty((len(some), columns), np.uint64)
        bits, mirrored = np.empty((2, len(some), columns), np.uint8)
        found = []
        for at in range(0, len(known), columns):
            others = known[None, at : at + columns]
            last = others.shape[1]
            np.bitwise_xor(some, others, out=differ[:, :last])
            np.bitwise_count(differ, out=bits)
            np.bitwise_xor(differ, mirror_bits(), out=differ)
            np.bitwise_count(differ, out=mirrored)
            np.minimum(bits, mirrored, out=bits)
            row, column = np.nonzero(bits[:, :last] <= _NEAR)
            found.append(np.stack([start + row, owner[at + column]]))
        return np.unique(np.concatenate(found, axis=1), axis=1)

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return np.concatenate(list(pool.map(near, range(0, len(asked), rows))), axis=1)
