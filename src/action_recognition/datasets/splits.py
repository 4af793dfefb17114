"""Which side a clip stands on: whole groups at a time, and the leak check.

Clips cut from one recording (UCF101: a group; HMDB51: a film) share people, place and light. A
network that has seen one of them in training recognises the others by their look, so a group
may stand on one side only.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from action_recognition.datasets.official import Side
from action_recognition.errors import DataError

SIDES: tuple[Side, ...] = ("train", "val", "test")

_SHUFFLES = 10


def resolve_films(groups: Sequence[str], sides: Sequence[Side | None]) -> list[Side | None]:
    """Sides in which no group stands on both: train clips of a test group become None."""
    test = {g for g, s in zip(groups, sides, strict=True) if s == "test"}
    return [None if s == "train" and g in test else s for g, s in zip(groups, sides, strict=True)]


def assign_by_group(
    labels: Sequence[str], groups: Sequence[str], *, share: float, seed: int
) -> list[bool]:
    """Picks about `share` of the clips of each label, whole groups at a time.

    Returns:
        for each clip whether it is picked; the same for the same input and seed.

    Raises:
        DataError: a label has too few groups to be divided.
    """
    from sklearn.model_selection import StratifiedGroupKFold

    per_label: dict[str, set[str]] = defaultdict(set)
    for label, group in zip(labels, groups, strict=True):
        per_label[label].add(group)
    for label, members in sorted(per_label.items()):
        if len(members) < 2:
            raise DataError(
                f"class {label!r} has clips of one group only ({next(iter(members))}): "
                "it cannot stand on two sides; add clips of other recordings"
            )
    folds = max(2, min(round(1 / share), *(len(m) for m in per_label.values())))
    picked = [False] * len(labels)
    # Of the folds of several shuffles, the one nearest to the share in every label.
    candidates = [
        held
        for shuffle in range(_SHUFFLES)
        for _, held in StratifiedGroupKFold(
            n_splits=folds, shuffle=True, random_state=seed * _SHUFFLES + shuffle
        ).split([0] * len(labels), labels, groups)
    ]
    for k in min(candidates, key=lambda held: _imbalance(labels, held, share)):
        picked[k] = True
    return picked


def _imbalance(labels: Sequence[str], held: Iterable[int], share: float) -> float:
    total: dict[str, int] = defaultdict(int)
    part: dict[str, int] = defaultdict(int)
    for label in labels:
        total[label] += 1
    for k in held:
        part[labels[k]] += 1
    one_sided = sum(part[label] in (0, total[label]) for label in total)
    return one_sided + sum((part[label] / total[label] - share) ** 2 for label in total)


def check_leaks(groups: Sequence[str], sides: Sequence[str]) -> None:
    """Fails when a group stands on two sides.

    Raises:
        DataError: names the groups and their sides.
    """
    seen: dict[str, set[str]] = defaultdict(set)
    for group, side in zip(groups, sides, strict=True):
        if side in SIDES:
            seen[group].add(side)
    leaks = [f"{g} ({' and '.join(sorted(s))})" for g, s in sorted(seen.items()) if len(s) > 1]
    if leaks:
        shown = ", ".join(leaks[:5]) + (f" and {len(leaks) - 5} more" if len(leaks) > 5 else "")
        raise DataError(f"the split leaks: groups on two sides: {shown}")
