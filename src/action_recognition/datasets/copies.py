"""Clips that are copies of one another by what they show, whatever their names say."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from action_recognition.datasets.duplicates import find_duplicates
from action_recognition.datasets.manifest import Clip
from action_recognition.datasets.probe import read_fingerprints
from action_recognition.datasets.splits import SPLITS

_OWN = "own"
_MOST = 20  # pairs, or clips, that are named before "and so many more"


@dataclass(frozen=True)
class Copies:
    """What a comparison of clips found.

    Parameters:
        pairs: (clip, clip, whether mirrored): one is a copy of the other, or of a part of it.
        unseen: clips that show too little to be compared.
        compared: how many clips and pairs of clips were compared, and the seconds it took.
    """

    pairs: tuple[tuple[Clip, Clip, bool], ...]
    unseen: tuple[Clip, ...]
    compared: str

    def describe_pairs(self) -> list[str]:
        """The pairs by name, with their splits where these differ; of many, the first ones."""
        lines = [_describe(*pair) for pair in self.pairs[:_MOST]]
        more = len(self.pairs) - _MOST
        return [*lines, f"{more} more pairs"] if more > 0 else lines

    def describe_unseen(self) -> list[str]:
        """A line that names the clips that were not compared, if there are any."""
        if not self.unseen:
            return []
        names = [_name(c) for c in self.unseen[:_MOST]]
        more = len(self.unseen) - _MOST
        shown = ", ".join(names) + (f" and {more} more" if more > 0 else "")
        return [
            f"not compared, for showing too little (one colour, or a small thing on a plain "
            f"ground): {_count(len(self.unseen))}: {shown}"
        ]


def find_copies(
    clips: Sequence[Clip],
    families: Sequence[str],
    *,
    on_progress: Callable[[int, int], None] | None = None,
) -> Copies:
    """Compares the clips of different families (groups, or splits); see `duplicates`.

    Files that were decoded before are not decoded again; see `probe`.
    """
    start = time.perf_counter()
    fingerprints = read_fingerprints([c.path for c in clips], on_progress=on_progress)
    found = find_duplicates(fingerprints, families)
    number = sum(f is not None for f in fingerprints) - len(found.unseen)
    seconds = time.perf_counter() - start
    return Copies(
        pairs=tuple((clips[p.first], clips[p.second], p.mirrored) for p in found.pairs),
        unseen=tuple(clips[k] for k in found.unseen),
        compared=f"{_count(number)}, {found.compared:,} pairs compared in {seconds:.1f} s",
    )


def join_copies(
    clips: Sequence[Clip],
    *,
    given: Collection[Path] = (),
    on_progress: Callable[[int, int], None] | None = None,
) -> tuple[list[Clip], tuple[str, ...]]:
    """Puts clips that are copies of one another into one group, with all of their groups.

    Clips of one's own that join clips of UCF101 or HMDB51 take their data set and split, too.

    Parameters:
        given: clips of one's own that keep their split.

    Returns:
        the clips, and lines that say what was found.
    """
    used = [c for c in clips if c.split in SPLITS]
    copies = find_copies(used, [c.group for c in used], on_progress=on_progress)
    lines = [f"content check: {copies.compared}"]
    lines += [f"copies, kept in one group: {pair}" for pair in copies.describe_pairs()]
    lines += [f"note: {line}" for line in copies.describe_unseen()]
    joined = _join_groups([(one.group, other.group) for one, other, _ in copies.pairs])
    originals = _originals(used, joined)
    moved = []
    for clip in clips:
        group = joined.get(clip.group, clip.group)
        original = originals.get(group)
        clip = replace(clip, group=original.group if original else group)
        if original and clip.dataset == _OWN and clip.split in SPLITS and clip.path not in given:
            clip = replace(clip, dataset=original.dataset, split=original.split)
        moved.append(clip)
    return moved, tuple(lines)


def _join_groups(pairs: Sequence[tuple[str, str]]) -> dict[str, str]:
    """One name for all groups that pairs connect: the first of them in the alphabet."""
    members: dict[str, set[str]] = {}
    for one, other in pairs:
        together = members.get(one, {one}) | members.get(other, {other})
        members |= dict.fromkeys(together, together)
    return {group: min(together) for group, together in members.items()}


def _originals(clips: Sequence[Clip], joined: Mapping[str, str]) -> dict[str, Clip]:
    """For each group that was joined, a clip of UCF101 or HMDB51 in it, of test if there is one."""
    originals: dict[str, Clip] = {}
    for clip in sorted(clips, key=lambda c: (-SPLITS.index(c.split), c.group)):
        if clip.dataset != _OWN and clip.group in joined:
            originals.setdefault(joined[clip.group], clip)
    return originals


def _describe(one: Clip, other: Clip, mirrored: bool) -> str:
    names = _name(one), _name(other)
    if one.split != other.split:
        names = f"{names[0]} ({one.split})", f"{names[1]} ({other.split})"
    return f"{names[0]} and {names[1]}" + (", mirrored" if mirrored else "")


def _count(clips: int) -> str:
    return "1 clip" if clips == 1 else f"{clips:,} clips"


def _name(clip: Clip) -> str:
    return f"{clip.path.parent.name}/{clip.path.name}"
