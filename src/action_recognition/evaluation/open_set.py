"""Measures how well "none of these" works: known videos against those of unseen classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from action_recognition.recognition.results import Prediction

KEPT = 0.95


@dataclass(frozen=True)
class OpenSet:
    """Metrics of the rule for unknown videos; shares and areas are in 0..1.

    Parameters:
        known, unknown: number of videos measured.
        auroc: area under the ROC curve of the known probability: for all unknown videos under the
            key "all", and for those of each data set.
        refused_at_95_kept: share of unknown videos refused at the threshold that accepts 95 % of
            the known ones measured here; keys as for `auroc`.
        kept: share of known videos accepted as known, at the threshold of the model file.
        refused: share of unknown videos classified as none of the known actions, at that threshold.
        per_class: `refused` for each unknown class.
    """

    known: int
    unknown: int
    auroc: Mapping[str, float]
    refused_at_95_kept: Mapping[str, float]
    kept: float
    refused: float
    per_class: Mapping[str, float]

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""

        def rounded(values: Mapping[str, float]) -> dict[str, float]:
            return {name: round(value, 4) for name, value in values.items()}

        return {
            "known_videos": self.known,
            "unknown_videos": self.unknown,
            "auroc": rounded(self.auroc),
            "refused_at_95_kept": rounded(self.refused_at_95_kept),
            "kept": round(self.kept, 4),
            "refused": round(self.refused, 4),
            "per_class": rounded(self.per_class),
        }

    def to_markdown(self) -> list[str]:
        """The lines for the report."""
        shares = ", ".join(f"{label} {share:.2f}" for label, share in self.per_class.items())
        return [
            f"None of these: {self.known} known videos against {self.unknown} of unknown classes.",
            "",
            f"| unknown videos | AUROC | refused at {KEPT:.0%} of known kept |",
            "|---|---:|---:|",
            *(
                f"| {name} | {area:.3f} | {self.refused_at_95_kept[name]:.3f} |"
                for name, area in self.auroc.items()
            ),
            "",
            f"At the model file's threshold, {self.kept:.3f} of the known videos are kept and "
            f"{self.refused:.3f} of the unknown ones refused ({shares}).",
        ]


def measure_open_set(
    known: Sequence[Prediction], unknown: Sequence[tuple[str, str, Prediction]]
) -> OpenSet:
    """Compares predictions of known videos with (label, data set, prediction) of unknown ones."""
    scores = np.array([p.known_probability for p in known])
    others = np.array([p.known_probability for _, _, p in unknown])
    datasets = np.array([dataset for _, dataset, _ in unknown])
    labels = np.array([label for label, _, _ in unknown])
    refused = np.array([p.action is None for _, _, p in unknown])
    parts = {"all": np.ones(len(unknown), bool)}
    names = sorted(set(datasets.tolist()))
    parts |= {name: datasets == name for name in names if len(names) > 1}
    figures = {name: _figures(scores, others[rows]) for name, rows in parts.items()}
    return OpenSet(
        known=len(known),
        unknown=len(unknown),
        auroc={name: area for name, (area, _) in figures.items()},
        refused_at_95_kept={name: share for name, (_, share) in figures.items()},
        kept=float(np.mean([p.action is not None for p in known])),
        refused=float(refused.mean()),
        per_class={
            label: float(refused[labels == label].mean()) for label in sorted(set(labels.tolist()))
        },
    )


def _figures(known: NDArray[np.float64], unknown: NDArray[np.float64]) -> tuple[float, float]:
    truth = np.arange(len(known) + len(unknown)) < len(known)
    threshold = np.quantile(known, 1 - KEPT, method="lower")
    area = roc_auc_score(truth, np.concatenate([known, unknown]))
    return float(area), float((unknown < threshold).mean())
