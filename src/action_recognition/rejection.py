"""How well "none of these" is said: known videos against those of classes never seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from action_recognition.recognition.recognizer import CHOSEN_RULE, Prediction

KEPT = 0.95


@dataclass(frozen=True)
class Rejection:
    """Figures of the rule for foreign videos; shares and areas are in 0..1.

    Parameters:
        known, foreign: videos measured.
        rules: for the model's rule and, to compare, for others (see `Prediction.rules`): area
            under the ROC curve, and the share of foreign videos refused where the threshold keeps
            95 % of the known ones measured here.
        kept, refused: shares at the threshold in the model file, of known videos taken for known
            and of foreign ones refused. None: the model has no rule.
        per_class: share refused of each foreign class, at that threshold.
    """

    known: int
    foreign: int
    rules: Mapping[str, tuple[float, float]]
    kept: float | None
    refused: float | None
    per_class: Mapping[str, float]

    def to_dict(self) -> dict[str, Any]:
        """Plain values, fit for JSON."""
        return {
            "known_videos": self.known,
            "foreign_videos": self.foreign,
            "rules": {
                name: {"auroc": round(area, 4), "refused_at_95_kept": round(share, 4)}
                for name, (area, share) in self.rules.items()
            },
            "kept": self.kept,
            "refused": self.refused,
            "per_class": dict(self.per_class),
        }

    def to_markdown(self) -> list[str]:
        """Lines of the report."""
        lines = [
            f"None of these: {self.known} known videos against {self.foreign} of foreign classes.",
            "",
            f"| rule | AUROC | foreign refused at {KEPT:.0%} of known kept |",
            "|---|---:|---:|",
            *(
                f"| {name} | {area:.3f} | {share:.3f} |"
                for name, (area, share) in self.rules.items()
            ),
        ]
        if self.kept is not None and self.refused is not None:
            shares = ", ".join(f"{label} {share:.2f}" for label, share in self.per_class.items())
            lines += [
                "",
                f"At the model file's threshold, {self.kept:.3f} of the known videos are kept and "
                f"{self.refused:.3f} of the foreign ones refused ({shares}).",
            ]
        return lines


def measure_rejection(
    known: Sequence[tuple[str, Prediction]], foreign: Sequence[tuple[str, Prediction]]
) -> Rejection:
    """Compares (label, prediction) of known videos with those of foreign ones."""
    rules: dict[str, tuple[float, float]] = {}
    predictions = [p for _, p in (*known, *foreign)]
    kept = refused = None
    per_class: dict[str, float] = {}
    for name in sorted(predictions[0].rules, key=lambda name: name != CHOSEN_RULE):
        rules[name] = _figures(np.array([p.rules[name] for p in predictions]), len(known))
    if all(p.familiarity is not None for p in predictions):
        kept = float(np.mean([bool(p.is_known) for _, p in known]))
        refused = float(np.mean([not p.is_known for _, p in foreign]))
        for label in sorted({label for label, _ in foreign}):
            of_class = [not p.is_known for name, p in foreign if name == label]
            per_class[label] = float(np.mean(of_class))
    return Rejection(len(known), len(foreign), rules, kept, refused, per_class)


def _figures(values: NDArray[np.float64], known: int) -> tuple[float, float]:
    truth = np.arange(len(values)) < known
    threshold = np.quantile(values[:known], 1 - KEPT, method="lower")
    return float(roc_auc_score(truth, values)), float((values[known:] < threshold).mean())
