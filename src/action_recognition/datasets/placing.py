"""The split of each clip: those that were given stay, the others are dealt out by group."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path

from action_recognition.datasets.manifest import Clip
from action_recognition.datasets.splits import SPLITS, assign_by_group, resolve_films

VALIDATION_SHARE = 1 / 6
TEST_SHARE = 0.25
OWN = "own"


def keep_given(clips: Sequence[Clip], given: Collection[Path]) -> tuple[list[Clip], set[Path]]:
    """Keeps the given splits, and no group in two of them.

    Clips of a group that stands in test, too, are left out of train and val; those of one that
    stands in val, of train. Clips without a given split follow their group.

    Parameters:
        given: the clips whose split is given.

    Returns:
        the clips, and those whose split is settled.
    """
    split_of: dict[str, str] = {}
    for split in SPLITS:  # test goes before val, and val before train
        split_of |= {c.group: split for c in clips if c.split == split and c.path in given}
    kept, settled = [], set(given)
    for c in clips:
        wanted = split_of.get(c.group, c.split)
        if c.split in SPLITS and wanted != c.split:
            if c.path in given:
                reason = f"group {c.group} stands in {wanted}"
                c = replace(c, split="left_out", reason=reason)
            else:
                c = replace(c, split=wanted)
        if c.group in split_of:
            settled.add(c.path)
        kept.append(c)
    return kept, settled


def place_official(clips: Sequence[Clip]) -> list[Clip]:
    """Leaves out train clips of UCF101 and HMDB51 whose film is also in test."""
    index = [k for k, c in enumerate(clips) if c.dataset != OWN and c.split in SPLITS]
    splits = resolve_films([clips[k].group for k in index], [clips[k].split for k in index])  # type: ignore[misc]
    placed = list(clips)
    for k, split in zip(index, splits, strict=True):
        if split is None:
            reason = f"film {clips[k].group} stands in test"
            placed[k] = replace(clips[k], split="left_out", reason=reason)
    return placed


def place_own(clips: Sequence[Clip], seed: int, settled: Collection[Path] = ()) -> list[Clip]:
    """Moves clips of one's own from train to test, but for those whose split is settled.

    A class of only one or two groups stays in train: it cannot be in three splits.
    """
    free = [c.dataset == OWN and c.path not in settled for c in clips]
    return _move(clips, free, "test", len(SPLITS), TEST_SHARE, seed)


def carve_validation(
    clips: Sequence[Clip], seed: int, settled: Collection[Path] = ()
) -> list[Clip]:
    """Moves train clips to validation, but for those whose split is settled.

    A class with only one or two groups stays in train and is not measured; nor is validation taken
    from a class whose train clips are all from one group.
    """
    groups: dict[str, set[str]] = defaultdict(set)
    for c in clips:
        if c.split in SPLITS:
            groups[c.label].add(c.group)
    free = [c.path not in settled and len(groups[c.label]) >= len(SPLITS) for c in clips]
    return _move(clips, free, "val", 2, VALIDATION_SHARE, seed)


def _move(
    clips: Sequence[Clip], free: Sequence[bool], to: str, fewest: int, share: float, seed: int
) -> list[Clip]:
    """Moves a share of the free train clips of each class that has as many groups or more."""
    index = [k for k, c in enumerate(clips) if c.split == "train"]
    moved = list(clips)
    candidates = _movable([clips[k] for k in index], [free[k] for k in index], fewest)
    index = [k for k, movable in zip(index, candidates, strict=True) if movable]
    if not index:
        return moved
    labels, groups = [clips[k].label for k in index], [clips[k].group for k in index]
    picks = assign_by_group(labels, groups, share=share, seed=seed)
    for k, picked in zip(index, picks, strict=True):
        if picked:
            moved[k] = replace(clips[k], split=to)
    return moved


def _movable(clips: Sequence[Clip], free: Sequence[bool], fewest: int) -> list[bool]:
    """Which of the free clips can be moved: no clip of their group has to stay.

    A class that is left with too few groups stays as a whole, and so do its groups in other
    classes.
    """
    movable = list(free)
    while True:
        stay = {c.group for c, m in zip(clips, movable, strict=True) if not m}
        groups: dict[str, set[str]] = defaultdict(set)
        for c in clips:
            if c.group not in stay:
                groups[c.label].add(c.group)
        fewer = [c.group not in stay and len(groups[c.label]) >= fewest for c in clips]
        if fewer == movable:
            return movable
        movable = fewer
