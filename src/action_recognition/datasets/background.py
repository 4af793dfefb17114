"""Background classes: learned beside the wanted ones, but never an answer.

A network that also has to tell other actions apart learns features that carry further than those
of few clips of few classes, and examples of what is none of the wanted actions.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from action_recognition.datasets.manifest import Clip, Manifest
from action_recognition.datasets.splits import SPLITS, check_leaks
from action_recognition.errors import DataError

NONE = "(none of these)"  # label of segments that somebody has said to show none of the actions


def add_background(
    manifest: Manifest, background: Manifest, *, per_class: int | None = None
) -> Manifest:
    """The clips of both, with no group in two splits.

    At most `per_class` train clips of each background class are taken, spread over its groups.
    Background clips are never tested on. Those of a group that stands in test or val of the
    wanted classes are left out of training, or stand in val as well.

    Raises:
        DataError: a class is in both, or a background class keeps no clip to train on.
    """
    both = sorted(set(manifest.labels) & set(background.labels) - {NONE})
    if both:
        raise DataError(f"class {both[0]!r} is wanted and background at once")
    split_of = {c.group: c.split for c in manifest.split("train")}
    split_of |= {c.group: c.split for c in (*manifest.split("val"), *manifest.split("test"))}
    groups_in_val = {c.group for c in (*manifest.split("val"), *background.split("val"))}
    added = []
    for c in (*background.split("train"), *background.split("val")):
        if split_of.get(c.group) == "test":
            added.append(_left_out(c, f"film {c.group} stands in test"))
        elif split_of.get(c.group, c.split) == "train" and c.group in groups_in_val:
            added.append(_left_out(c, f"film {c.group} stands in val"))
        else:
            added.append(replace(c, split=split_of.get(c.group, c.split)))
    if per_class is not None:
        train = [c for c in added if c.split == "train"]
        enough = set(train) - set(spread(train, per_class))
        reason = f"{per_class} clips of its class are enough"
        added = [_left_out(c, reason) if c in enough else c for c in added]
    clips = (*manifest.clips, *added)
    check_leaks([c.group for c in clips], [c.split for c in clips])
    count = Counter((c.label, c.split) for c in clips)
    for label in background.labels:
        if not count[label, "train"]:
            raise DataError(f"background class {label!r} has no clip left to train on")
    passed_over = (*manifest.passed_over, *background.passed_over)
    return Manifest(clips, passed_over, (*manifest.notes, *background.notes))


def follow(clips: Sequence[Clip], none: Sequence[Clip], *, take: bool) -> list[Clip]:
    """Clips of none of the actions, in the splits in which their groups stand.

    They are never tested on, and left out where none of them can be trained on.

    Parameters:
        take: False: all of them are left out.
    """
    split_of = {c.group: c.split for c in clips if c.split in SPLITS}
    placed = [
        replace(c, split=split_of.get(c.group, "train")) if c.split in SPLITS else c for c in none
    ]
    reason, out = "of none of the actions, in videos that stand in test", ["test"]
    if not any(c.split == "train" for c in placed):
        reason, out = "of none of the actions, none of them in train", [*SPLITS]
    if not take:
        reason, out = "of none of the actions, which only training takes", [*SPLITS]
    return [_left_out(c, reason) if c.split in out else c for c in placed]


def spread(clips: Sequence[Clip], per_class: int) -> list[Clip]:
    """At most `per_class` clips of each class: the first of each group, the second, and so on."""
    turn: Counter[tuple[str, str]] = Counter()
    turns = []
    for c in clips:
        turns.append(turn[c.label, c.group])
        turn[c.label, c.group] += 1
    taken: Counter[str] = Counter()
    chosen = []
    for k in sorted(range(len(clips)), key=turns.__getitem__):
        taken[clips[k].label] += 1
        if taken[clips[k].label] <= per_class:
            chosen.append(clips[k])
    return chosen


def _left_out(clip: Clip, reason: str) -> Clip:
    return replace(clip, split="left_out", reason=reason)
