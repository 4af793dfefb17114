"""Evaluation: takes a model and a split of a manifest; gives metrics and a report.

Every metric comes from scikit-learn; the only formula implemented here is the bootstrap.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import (
    accuracy_score,
    confusion_matrix,
    f1_score,
    precision_recall_fscore_support,
    top_k_accuracy_score,
)

from action_recognition.datasets.manifest import Clip
from action_recognition.errors import DataError, VideoError
from action_recognition.evaluation.calibration import Reliability, measure_reliability
from action_recognition.evaluation.each import Each, in_turn
from action_recognition.evaluation.open_set import OpenSet, measure_open_set
from action_recognition.recognition.recognizer import Recognizer
from action_recognition.recognition.results import Prediction

BOOTSTRAP_SAMPLES = 1000


@dataclass(frozen=True)
class ClassFigures:
    """Metrics of one class, each in 0..1; `support` is its number of videos."""

    label: str
    dataset: str
    precision: float
    recall: float
    f1: float
    support: int


@dataclass(frozen=True)
class Interval:
    """A metric with its 95 % bootstrap interval, all in 0..1."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.3f} ({self.low:.3f} to {self.high:.3f})"


@dataclass(frozen=True)
class Evaluation:
    """All metrics of one model on one split.

    Parameters:
        split: the split that was measured.
        classes: the model's classes, in the order of the rows and columns of `confusion`.
        overall: accuracy, top-2 accuracy, macro precision, recall and F1, each with its
            interval; then accuracy and macro-F1 over the classes of each data set separately.
        per_class: metrics of each class that has videos.
        confusion: (classes, classes) counts; rows are true classes, columns are answers.
        videos, groups: how many were measured.
        refused: (file name, reason) of unreadable videos, which do not count in any metric.
        seconds_per_video: median seconds from opening to answer.
        reliability: how certain the answers were, and how often they were right.
        open_set: how well unknown videos are told from known ones; None if not measured.
    """

    split: str
    classes: tuple[str, ...]
    overall: Mapping[str, Interval]
    per_class: tuple[ClassFigures, ...]
    confusion: NDArray[np.int64]
    videos: int
    groups: int
    refused: tuple[tuple[str, str], ...]
    seconds_per_video: float
    reliability: Reliability
    open_set: OpenSet | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return {
            "split": self.split,
            "videos": self.videos,
            "groups": self.groups,
            "overall": {
                name: {"value": round(i.value, 6), "low": round(i.low, 6), "high": round(i.high, 6)}
                for name, i in self.overall.items()
            },
            "per_class": [
                {
                    "class": c.label,
                    "dataset": c.dataset,
                    "precision": round(c.precision, 6),
                    "recall": round(c.recall, 6),
                    "f1": round(c.f1, 6),
                    "videos": c.support,
                }
                for c in self.per_class
            ],
            "classes": list(self.classes),
            "confusion": self.confusion.tolist(),
            "refused": [{"file": f, "reason": r} for f, r in self.refused],
            "seconds_per_video": round(self.seconds_per_video, 3),
            "calibration_error": round(self.reliability.error, 6),
            "reliability": self.reliability.to_dict(),
            "open_set": None if self.open_set is None else self.open_set.to_dict(),
        }

    def to_markdown(self) -> str:
        """The report: overall metrics, then one row per class."""
        lines = [
            f"{self.videos} videos of {self.groups} groups, split `{self.split}`. "
            f"In parentheses: 95 % bootstrap interval over groups, {BOOTSTRAP_SAMPLES} samples.",
            "",
            "| figure | value |",
            "|---|---|",
            *(f"| {name} | {interval} |" for name, interval in self.overall.items()),
            "",
            "| class | data set | precision | recall | F1 | videos |",
            "|---|---|---:|---:|---:|---:|",
            *(
                f"| {c.label} | {c.dataset} | {c.precision:.3f} | {c.recall:.3f} | {c.f1:.3f} "
                f"| {c.support} |"
                for c in self.per_class
            ),
        ]
        lines += [
            "",
            f"Expected calibration error ({len(self.reliability.count)} bins): "
            f"{self.reliability.error:.3f} (exactly right probabilities would show "
            f"{self.reliability.chance[0]:.3f} on so many videos, and up to "
            f"{self.reliability.chance[1]:.3f} in 95 of 100 cases)",
        ]
        if self.open_set is not None:
            lines += ["", *self.open_set.to_markdown()]
        if self.refused:
            lines += ["", "Refused, and counted nowhere:", ""]
            lines += [f"- {file}: {reason}" for file, reason in self.refused]
        return "\n".join(lines) + "\n"


def evaluate(
    recognizer: Recognizer,
    clips: Sequence[Clip],
    *,
    split: str,
    unknown: Sequence[Clip] = (),
    on_progress: Callable[[int, int], None] | None = None,
    each: Each = in_turn,
) -> Evaluation:
    """Recognises each video and computes the metrics.

    Parameters:
        clips: the videos of one split, with their labels and groups.
        split: the name of the split, for the report.
        unknown: videos of unknown classes, which the model should tell from the known ones.
        on_progress: called with (videos done, videos in total).
        each: recognises the videos, for example in several processes.

    Raises:
        DataError: there is nothing to measure: no video is of a class that the model knows, or no
            video can be read.
    """
    taken = sorted({c.label for c in unknown} & set(recognizer.classes))
    if taken:
        raise DataError(f"class {taken[0]!r} cannot be unknown: the model knows it")
    known = [c for c in clips if c.label in recognizer.classes]
    if not known:
        raise DataError(
            f"no video in the split {split!r} is of a class that the model knows "
            f"({', '.join(recognizer.classes)})"
        )
    measured: list[Clip] = []
    scores: list[list[float]] = []
    seconds: list[float] = []
    refused: list[tuple[str, str]] = []
    found: list[Prediction] = []
    others: list[tuple[str, str, Prediction]] = []

    def look(clip: Clip) -> Prediction | VideoError:
        try:
            return recognizer.predict(clip.source(), name=clip.path.name)
        except VideoError as error:
            return error

    looked_at = (*known, *unknown)
    for clip, prediction in zip(looked_at, each(looked_at, look, on_progress), strict=True):
        if isinstance(prediction, VideoError):
            refused.append((prediction.name, prediction.reason))
        elif clip.label not in recognizer.classes:
            others.append((clip.label, clip.dataset, prediction))
        else:
            found.append(prediction)
            measured.append(clip)
            scores.append([prediction.probabilities[label] for label in recognizer.classes])
            seconds.append(prediction.timings.total_s)
    if not measured:
        raise DataError(f"none of the {len(known)} videos in the split {split!r} can be read")
    counted = _count(recognizer.classes, measured, np.asarray(scores), split, refused, seconds)
    return replace(counted, open_set=measure_open_set(found, others)) if others else counted


def _count(
    classes: tuple[str, ...],
    clips: Sequence[Clip],
    scores: NDArray[np.float64],
    split: str,
    refused: list[tuple[str, str]],
    seconds: list[float],
) -> Evaluation:
    index = {label: k for k, label in enumerate(classes)}
    truth = np.array([index[c.label] for c in clips])
    datasets = np.array([c.dataset for c in clips])
    groups = np.array([f"{c.dataset}/{c.group}" for c in clips])
    dataset_of = {c.label: c.dataset for c in clips}
    present = sorted(set(truth.tolist()))
    precision, recall, f1, support = precision_recall_fscore_support(
        truth, scores.argmax(1), labels=present, zero_division=0
    )
    return Evaluation(
        split=split,
        classes=classes,
        overall=_with_intervals(truth, scores, datasets, groups),
        per_class=tuple(
            ClassFigures(classes[k], dataset_of[classes[k]], float(p), float(r), float(f), int(n))
            for k, p, r, f, n in zip(present, precision, recall, f1, support, strict=True)
        ),
        confusion=confusion_matrix(truth, scores.argmax(1), labels=range(len(classes))),
        videos=len(clips),
        groups=len(set(groups)),
        refused=tuple(refused),
        seconds_per_video=float(np.median(seconds)),
        reliability=measure_reliability(scores, truth),
    )


def _figures(
    truth: NDArray[np.int64], scores: NDArray[np.float64], datasets: NDArray[np.str_]
) -> dict[str, float]:
    """All overall metrics; macro averages are over the classes that have videos."""
    answers = scores.argmax(1)
    present = sorted(set(truth.tolist()))
    precision, recall, f1, _ = precision_recall_fscore_support(
        truth, answers, labels=present, average="macro", zero_division=0
    )
    figures = {"accuracy": float(accuracy_score(truth, answers))}
    if scores.shape[1] > 2:
        figures["top-2 accuracy"] = float(
            top_k_accuracy_score(truth, scores, k=2, labels=range(scores.shape[1]))
        )
    figures |= {
        "macro precision": float(precision),
        "macro recall": float(recall),
        "macro-F1": float(f1),
    }
    names = sorted(set(datasets.tolist()))
    for name in names if len(names) > 1 else []:
        rows = datasets == name
        labels = sorted(set(truth[rows].tolist()))
        figures[f"accuracy, {name} classes"] = float(accuracy_score(truth[rows], answers[rows]))
        # Over all videos, so that a video of the other data set taken for one of these counts.
        figures[f"macro-F1, {name} classes"] = float(
            f1_score(truth, answers, labels=labels, average="macro", zero_division=0)
        )
    return figures


def _with_intervals(
    truth: NDArray[np.int64],
    scores: NDArray[np.float64],
    datasets: NDArray[np.str_],
    groups: NDArray[np.str_],
) -> dict[str, Interval]:
    """Percentile bootstrap (Efron, 1979) over groups, since the clips of a group are alike."""
    figures = _figures(truth, scores, datasets)
    members = [np.flatnonzero(groups == g) for g in sorted(set(groups.tolist()))]
    random = np.random.default_rng(0)
    drawn: dict[str, list[float]] = {name: [] for name in figures}
    for _ in range(BOOTSTRAP_SAMPLES):
        rows = np.concatenate(
            [members[k] for k in random.integers(len(members), size=len(members))]
        )
        for name, value in _figures(truth[rows], scores[rows], datasets[rows]).items():
            if name in drawn:
                drawn[name].append(value)
    return {
        name: Interval(value, *(float(q) for q in np.quantile(drawn[name], [0.025, 0.975])))
        for name, value in figures.items()
    }
