"""Which split a clip is in: whole groups at a time, and the leak check.

Clips cut from one recording (UCF101: a group; HMDB51: a film) share people, place and light. A
network that has seen one of them in training recognises the others by their look, so a group
may be in one split only.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from action_recognition.datasets.official import Split
from action_recognition.errors import DataError

SPLITS: tuple[Split, ...] = ("train", "val", "test")

_SHUFFLES = 10


def resolve_films(groups: Sequence[str], splits: Sequence[Split | None]) -> list[Split | None]:
    """Splits in which no group is in both: train clips of a test group become None."""
    test = {g for g, s in zip(groups, splits, strict=True) if s == "test"}
    return [None if s == "train" and g in test else s for g, s in zip(groups, splits, strict=True)]


def assign_by_group(
    labels: Sequence[str], groups: Sequence[str], *, share: float, seed: int
) -> list[bool]:
    """Picks about `share` of the clips of each label, whole groups at a time.

    Returns:
        for each clip whether it is picked; the same for the same input and seed.

    Raises:
        DataError: a label has too few groups to be divided.
    """
    per_label: dict[str, set[str]] = defaultdict(set)
    for label, group in zip(labels, groups, strict=True):
        per_label[label].add(group)
    for label, members in sorted(per_label.items()):
        if len(members) < 2:
            raise DataError(
                f"class {label!r} has clips of one group only ({next(iter(members))}): "
                "it cannot be in two splits; add clips of other recordings"
            )
    # Labels of fewer groups than folds come after the others, each by itself: one of three
    # groups is a third of its clips, and not of those of the other labels.
    wanted = max(2, round(1 / share))
    rare = sorted(label for label, members in per_label.items() if len(members) < wanted)
    picked: set[str] = set()
    settled: set[str] = set()
    for part in (sorted(set(labels) - set(rare)), *([label] for label in rare)):
        index = [k for k in range(len(labels)) if labels[k] in part and groups[k] not in settled]
        if len({groups[k] for k in index}) > 1:
            of = [labels[k] for k in index], [groups[k] for k in index]
            picked |= {groups[index[k]] for k in _hold(*of, share=share, seed=seed)}
            settled |= {groups[k] for k in index}
    return [group in picked for group in groups]


def _hold(labels: list[str], groups: list[str], *, share: float, seed: int) -> list[int]:
    """The clips of the fold, of those of several shuffles, nearest to the share in every label."""
    from sklearn.model_selection import StratifiedGroupKFold

    per_label: dict[str, set[str]] = defaultdict(set)
    for label, group in zip(labels, groups, strict=True):
        per_label[label].add(group)
    folds = max(2, min(round(1 / share), *(len(m) for m in per_label.values()), len(set(groups))))
    candidates = [
        [int(k) for k in held]
        for shuffle in range(_SHUFFLES)
        for _, held in StratifiedGroupKFold(
            n_splits=folds, shuffle=True, random_state=seed * _SHUFFLES + shuffle
        ).split([0] * len(labels), labels, groups)
    ]
    return min(candidates, key=lambda held: _imbalance(labels, held, share))


def _imbalance(labels: Sequence[str], held: Iterable[int], share: float) -> float:
    total: dict[str, int] = defaultdict(int)
    part: dict[str, int] = defaultdict(int)
    for label in labels:
        total[label] += 1
    for k in held:
        part[labels[k]] += 1
    one_sided = sum(part[label] in (0, total[label]) for label in total)
    return one_sided + sum((part[label] / total[label] - share) ** 2 for label in total)


def check_leaks(groups: Sequence[str], splits: Sequence[str], *, known_by: str = "") -> None:
    """Fails when a group is in two splits.

    Parameters:
        known_by: how the groups are known, for the message; empty: they are those of the manifest.

    Raises:
        DataError: names the groups and their splits.
    """
    seen: dict[str, set[str]] = defaultdict(set)
    for group, split in zip(groups, splits, strict=True):
        if split in SPLITS:
            seen[group].add(split)
    leaks = [f"{g} ({' and '.join(sorted(s))})" for g, s in sorted(seen.items()) if len(s) > 1]
    if leaks:
        shown = ", ".join(leaks[:5]) + (f" and {len(leaks) - 5} more" if len(leaks) > 5 else "")
        known = f"{known_by}, " if known_by else ""
        raise DataError(f"the split leaks: {known}groups in two splits: {shown}")
