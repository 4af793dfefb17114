"""What the player's chart shows: how probable each action is, over the time of a video."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from action_recognition.recognition.results import KNOWN
from action_recognition.recognition.segmentation import Moment

NONE_OF_THESE = "None of these"
FULL = 255  # a share of 1


def course(
    moments: Sequence[Moment], classes: Sequence[str], start_s: float, end_s: float
) -> dict[str, Any]:
    """The chart as plain values: actions that lead at some moment, from top to bottom.

    Each moment is a cell that reaches halfway to its neighbours, the first to `start_s`, the last
    to `end_s`.

    Returns:
        borders: the times in seconds between which the cells lie, one more than there are cells.
        rows: for each a name and its shares, one for each cell, in 0..255.
    """
    leaders = {
        classes[int(m.probabilities.argmax())] for m in moments if m.known_probability >= KNOWN
    }
    times = [m.time_s for m in moments]
    borders = [start_s, *((a + b) / 2 for a, b in pairwise(times)), max([end_s, *times])]
    rows = [
        {
            "name": name,
            "shares": [
                round(FULL * float(m.probabilities[k]) * m.known_probability) for m in moments
            ],
        }
        for k, name in enumerate(classes)
        if name in leaders
    ]
    if any(m.known_probability < KNOWN for m in moments):
        unknown = [round(FULL * (1 - m.known_probability)) for m in moments]
        rows.append({"name": NONE_OF_THESE, "shares": unknown})
    return {"borders": [round(t, 3) for t in borders], "rows": rows}
