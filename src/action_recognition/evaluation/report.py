"""Writes an evaluation as files: report.md, report.json and two figures."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from action_recognition.evaluation.calibration import Reliability
from action_recognition.evaluation.evaluate import Evaluation
from action_recognition.files import write_whole
from action_recognition.recognition.formats import as_utf8

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def write_report(evaluation: Evaluation, folder: str | Path, *, title: str) -> list[Path]:
    """Writes report.md, report.json, confusion.png and reliability.png; returns their paths."""
    names = ("report.md", "report.json", "confusion.png", "reliability.png")
    paths = [Path(folder, name) for name in names]
    picture = "\n![confusion matrix](confusion.png)\n\n![reliability](reliability.png)\n"
    text = as_utf8(f"# {title}\n\n{evaluation.to_markdown()}{picture}")
    contents = (
        text.encode(),
        json.dumps(evaluation.to_dict(), indent=1).encode() + b"\n",
        _confusion_png(evaluation),
        _reliability_png(evaluation.reliability),
    )
    for path, content in zip(paths, contents, strict=True):
        write_whole(path, content)
    return paths


def _confusion_png(evaluation: Evaluation) -> bytes:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from sklearn.metrics import ConfusionMatrixDisplay

    side = max(5.0, 0.62 * len(evaluation.classes) + 2.5)
    figure = Figure(figsize=(side, side), layout="constrained")
    FigureCanvasAgg(figure)
    names = [as_utf8(name) for name in evaluation.classes]
    display = ConfusionMatrixDisplay(evaluation.confusion, display_labels=names)
    display.plot(ax=figure.subplots(), cmap="Blues", xticks_rotation=90, colorbar=False)
    display.ax_.set_xlabel("answer")
    display.ax_.set_ylabel("true action")
    return _png(figure)


def _reliability_png(reliability: Reliability) -> bytes:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    bins = len(reliability.count)
    left = np.arange(bins) / bins
    figure = Figure(figsize=(5, 5), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    axes.bar(left, np.nan_to_num(reliability.accuracy), 1 / bins, align="edge", edgecolor="white")
    axes.plot([0, 1], [0, 1], color="grey", linestyle="--")
    for x, height, count in zip(left, reliability.accuracy, reliability.count, strict=True):
        if count:
            axes.text(x + 0.5 / bins, height, str(count), ha="center", va="bottom", fontsize=8)
    axes.set(xlim=(0, 1), ylim=(0, 1.05), xlabel="probability of the answer", ylabel="share right")
    axes.set_title(f"expected calibration error {reliability.error:.3f}; numbers: videos")
    return _png(figure)


def _png(figure: Figure) -> bytes:
    content = io.BytesIO()
    figure.savefig(content, dpi=110, format="png")
    return content.getvalue()
