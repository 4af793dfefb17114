"""The table of the page Many videos: which rows are shown, in which order, and as what."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from action_recognition.dashboard.batch import Done, Row
from action_recognition.dashboard.formatting import percent
from action_recognition.recognition.formats import as_utf8, clock, spreadsheet_text

ALL, KNOWN, UNSURE, FAILED = "All", "Known actions", "Unsure", "Not readable"
UNKNOWN = "None of these"
SHOW = (ALL, KNOWN, UNSURE, UNKNOWN, FAILED)
AS_FOUND, PROBABLE, LONGEST = "As found", "Most probable first", "Longest first"
ORDERS = (AS_FOUND, PROBABLE, LONGEST)
UNREADABLE = "not readable: see below"  # a cell would cut the reason off
_COLUMNS = ["Picture", "Action", "Probability", "From", "To", "File", "Remark"]


@dataclass(frozen=True)
class Shown:
    """A row of the table: a moment of a video, or none where it cannot be read."""

    done: Done
    row: Row | None


@dataclass(frozen=True)
class Choice:
    """What is to be shown.

    Parameters:
        kind: one of `SHOW`.
        actions: names; empty: all of them.
        least: how probable the action must be, 0..1; above 0, only known actions count.
        order: one of `ORDERS`.
    """

    kind: str = ALL
    actions: tuple[str, ...] = ()
    least: float = 0.0
    order: str = AS_FOUND

    def of(self, done: Sequence[Done]) -> list[Shown]:
        """The rows to show."""
        rows = [Shown(d, row) for d in done for row in _rows(d)]
        kept = [shown for shown in rows if self._wants(shown)]
        if self.order == PROBABLE:
            return sorted(kept, key=_probability, reverse=True)
        if self.order == LONGEST:
            return sorted(kept, key=_length_s, reverse=True)
        return kept

    def _wants(self, shown: Shown) -> bool:
        if self.kind not in (ALL, kind(shown)):
            return False
        if shown.row is None:
            return not self.actions and not self.least
        segment = shown.row.segment
        if self.actions and segment.nearest_action not in self.actions:
            return False
        return not self.least or (segment.action is not None and segment.probability >= self.least)


def kind(shown: Shown) -> str:
    """Which of `SHOW` a row belongs to."""
    if shown.row is None:
        return FAILED
    if shown.row.segment.action is None:
        return UNKNOWN
    return UNSURE if shown.row.segment.unsure else KNOWN


def as_table(rows: Sequence[Shown]) -> pd.DataFrame:
    """The table on the page; what a file that cannot be read has not is empty,
    and the reason is for the list below.
    """
    return pd.DataFrame([_cells(shown) for shown in rows], columns=_COLUMNS)


def as_csv(rows: Sequence[Shown]) -> str:
    """The same as CSV, with a column for the reason why a file could not be read."""
    out = io.StringIO()
    table = csv.writer(out, lineterminator="\n")
    columns = ["start_s", "end_s", "action", "nearest_action", "probability", "known_probability"]
    columns.append("unsure")
    table.writerow(["file", *columns, "error"])
    for shown in rows:
        facts, reason = dict.fromkeys(columns, ""), ""
        if shown.row is None:
            reason = spreadsheet_text(_reason(shown))
        else:
            facts |= shown.row.segment.to_dict()
            facts |= {"action": facts["action"] or "", "unsure": str(facts["unsure"]).lower()}
            facts |= {n: spreadsheet_text(facts[n]) for n in ("action", "nearest_action")}
        name = spreadsheet_text(shown.done.name)
        table.writerow([name, *(facts[c] for c in columns), reason])
    return as_utf8(out.getvalue())


def _rows(done: Done) -> list[Row | None]:
    """The moments of a video, and one more row where it cannot be read further."""
    return [*done.found.rows, *([None] if done.found.error is not None else [])]


def _cells(shown: Shown) -> list[object]:
    name = as_utf8(shown.done.name)
    if shown.row is None:
        return [None, None, None, None, None, name, UNREADABLE]
    segment = shown.row.segment
    what: object = segment.action
    probability: float | None = 100 * segment.probability
    remark = ""
    if segment.action is None:
        what, probability = UNKNOWN, None
        remark = f"nearest: {segment.nearest_action} {percent(segment.probability)}"
    elif segment.unsure:
        what = shown.row.words or segment.label
    span = [clock(segment.start_s), clock(segment.end_s)]
    return [shown.row.thumbnail or None, what, probability, *span, name, remark]


def _reason(shown: Shown) -> str:
    return "" if shown.done.found.error is None else shown.done.found.error.reason


def _probability(shown: Shown) -> float:
    known = shown.row is not None and shown.row.segment.action is not None
    return shown.row.segment.probability if shown.row is not None and known else -1.0


def _length_s(shown: Shown) -> float:
    return 0.0 if shown.row is None else shown.row.segment.end_s - shown.row.segment.start_s
