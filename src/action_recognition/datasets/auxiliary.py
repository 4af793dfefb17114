"""Auxiliary classes: learned beside the wanted ones, and then dropped from the answer.

A network that also has to tell other actions apart learns features that carry further than those
of few clips of few classes.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from action_recognition.datasets.manifest import Clip, Manifest
from action_recognition.datasets.splits import check_leaks
from action_recognition.errors import DataError


def add_auxiliary(manifest: Manifest, auxiliary: Manifest) -> Manifest:
    """The clips of both, with no group on two sides.

    Auxiliary clips are never tested on. Those of a group that stands in test or val of the
    wanted classes are left out of training, or stand in val as well.

    Raises:
        DataError: a class is in both, or an auxiliary class keeps no clip on a side.
    """
    both = sorted(set(manifest.labels) & set(auxiliary.labels))
    if both:
        raise DataError(f"class {both[0]!r} is wanted and auxiliary at once")
    side_of = {c.group: c.split for c in manifest.side("train")}
    side_of |= {c.group: c.split for c in (*manifest.side("val"), *manifest.side("test"))}
    groups_in_val = {c.group for c in (*manifest.side("val"), *auxiliary.side("val"))}
    added = []
    for c in (*auxiliary.side("train"), *auxiliary.side("val")):
        if side_of.get(c.group) == "test":
            added.append(_left_out(c, f"film {c.group} stands in test"))
        elif side_of.get(c.group, c.split) == "train" and c.group in groups_in_val:
            added.append(_left_out(c, f"film {c.group} stands in val"))
        else:
            added.append(replace(c, split=side_of.get(c.group, c.split)))
    clips = (*manifest.clips, *added)
    check_leaks([c.group for c in clips], [c.split for c in clips])
    count = Counter((c.label, c.split) for c in clips)
    for label in auxiliary.labels:
        for side in ("train", "val"):
            if not count[label, side]:
                raise DataError(f"auxiliary class {label!r} has no clip left on the side {side!r}")
    return Manifest(clips)


def _left_out(clip: Clip, reason: str) -> Clip:
    return replace(clip, split="left_out", reason=reason)
