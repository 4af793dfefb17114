"""Answers as files that other programs read."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence

from action_recognition.recognizer import Prediction


def to_json(prediction: Prediction) -> str:
    """One answer as a JSON object (see `Prediction.to_dict`)."""
    return json.dumps(prediction.to_dict(), ensure_ascii=False, indent=2) + "\n"


def to_csv(predictions: Sequence[Prediction]) -> str:
    """One row a video: file, answer, and the probability of each action.

    The columns of the actions are in alphabetical order, so that tables of one model agree.
    """
    actions = sorted({action for p in predictions for action in p.probabilities})
    out = io.StringIO()
    table = csv.writer(out, lineterminator="\n")
    table.writerow(["file", "action", "probability", "known", "duration_s", "elapsed_s", *actions])
    for p in predictions:
        facts = p.to_dict()
        shares = [facts["probabilities"].get(action, "") for action in actions]
        known = "" if p.is_known is None else str(p.is_known).lower()
        table.writerow(
            [
                _text(p.file), p.action, facts["probability"], known, facts["duration_s"],
                facts["elapsed_s"], *shares,
            ]
        )  # fmt: skip
    return out.getvalue()


def _text(value: str) -> str:
    """A file name that a spreadsheet does not take for a formula."""
    return f"'{value}" if value.startswith(("=", "+", "-", "@", "\t", "\r")) else value
