"""Measures how well predicted segments match the truth, as in temporal action segmentation.

Frame-wise accuracy, segment F1 at an overlap (Lea et al., CVPR 2017) and edit score. A sequence
has one label per frame or moment; adjacent equal labels form one segment. Background, such as "none
of these", counts like any action unless it is passed as `background`: then its segments are left
out of both sequences, and so are the frames whose true label it is.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from itertools import groupby

from action_recognition.errors import UsageError

_NOTHING = object()  # equal to no label: no background is left out


@dataclass(frozen=True)
class Matches:
    """Segment counts of one or more videos: hits, false alarms and misses.

    Add the counts of several videos to get the F1 of the whole set.
    """

    hits: int
    false_alarms: int
    misses: int

    def __add__(self, other: Matches) -> Matches:
        return Matches(
            self.hits + other.hits,
            self.false_alarms + other.false_alarms,
            self.misses + other.misses,
        )

    @property
    def f1(self) -> float:
        """2 hits / (2 hits + false alarms + misses), in 0..1; 1 if there are no segments."""
        total = 2 * self.hits + self.false_alarms + self.misses
        return 2 * self.hits / total if total else 1.0


def frame_accuracy(
    truth: Sequence[Hashable], found: Sequence[Hashable], *, background: object = _NOTHING
) -> float:
    """Share of the frames whose label is correct, in 0..1; 1 if there are no frames to judge.

    Raises:
        UsageError: the two sequences differ in length.
    """
    _check(truth, found)
    judged = [t == f for t, f in zip(truth, found, strict=True) if t != background]
    return sum(judged) / len(judged) if judged else 1.0


def match_segments(
    truth: Sequence[Hashable],
    found: Sequence[Hashable],
    *,
    overlap: float,
    background: object = _NOTHING,
) -> Matches:
    """Matches predicted segments with true ones.

    In order of time, each predicted segment is paired with the true segment of the same label that
    it overlaps most (intersection over union). It is a hit if the overlap is at least `overlap`, in
    0..1, and that true segment has no hit yet; otherwise it is a false alarm. True segments without
    a hit are misses.

    Raises:
        UsageError: the two sequences differ in length, or `overlap` is not above 0 and at most 1.
    """
    _check(truth, found)
    if not 0 < overlap <= 1:
        raise UsageError(f"match_segments: overlap={overlap}, must be above 0 and at most 1")
    wanted = _spans(truth, background)
    hit: set[int] = set()
    given = _spans(found, background)
    for label, start, end in given:
        best, which = 0.0, -1
        for k, (true_label, true_start, true_end) in enumerate(wanted):
            if true_label != label:
                continue
            shared = max(0, min(end, true_end) - max(start, true_start))
            union = (end - start) + (true_end - true_start) - shared
            if shared / union > best:
                best, which = shared / union, k
        if best >= overlap:
            hit.add(which)
    return Matches(len(hit), len(given) - len(hit), len(wanted) - len(hit))


def edit_score(
    truth: Sequence[Hashable], found: Sequence[Hashable], *, background: object = _NOTHING
) -> float:
    """1 - Levenshtein distance of the segment orders / length of the longer one, in 0..1.

    It judges only the order of the actions, not when they begin or end.

    Raises:
        UsageError: the two sequences differ in length.
    """
    _check(truth, found)
    wanted = [label for label, _, _ in _spans(truth, background)]
    given = [label for label, _, _ in _spans(found, background)]
    row = list(range(len(given) + 1))
    for i, label in enumerate(wanted, 1):
        above, row = row, [i]
        for j, other in enumerate(given, 1):
            row.append(min(above[j] + 1, row[j - 1] + 1, above[j - 1] + (label != other)))
    longer = max(len(wanted), len(given))
    return 1 - row[-1] / longer if longer else 1.0


def _spans(labels: Sequence[Hashable], background: object) -> list[tuple[Hashable, int, int]]:
    """(label, first frame, frame after the last) of each segment that is not background."""
    spans, start = [], 0
    for label, frames in groupby(labels):
        end = start + sum(1 for _ in frames)
        if label != background:
            spans.append((label, start, end))
        start = end
    return spans


def _check(truth: Sequence[Hashable], found: Sequence[Hashable]) -> None:
    if len(truth) != len(found):
        raise UsageError(f"segments: {len(truth)} true labels, but {len(found)} found ones")
