"""Whether probabilities and "none of these" hold for the windows of a timeline as for videos.

    python benchmarks/windows_calibration.py ../shared/clips ../shared/clips_web.csv \
        --unknown ../shared/clips_other
    python benchmarks/windows_calibration.py ../shared/clips --videos 3    # of each class, quicker

Temperature and open-set rule are fitted on videos; a timeline applies them to single windows. The
label of each window is that of its video. Prints Markdown tables: accuracy and expected calibration
error, with the error that exactly right probabilities would show, by chance, in 95 of 100 cases
(for windows, which are alike within a video, chance allows for more); the bins of the windows; and
with `--unknown`, for classes that the model has not learned, the area under the ROC curve and the
share refused.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
from tqdm import tqdm

from action_recognition.cli.options import add_model_option, add_unknown_options, read_unknown
from action_recognition.datasets.background import spread
from action_recognition.datasets.folders import load_data
from action_recognition.datasets.manifest import Clip
from action_recognition.evaluation.calibration import Reliability, measure_reliability
from action_recognition.evaluation.open_set import KEPT, measure_open_set
from action_recognition.recognition.recognizer import Recognizer
from action_recognition.recognition.results import Prediction, Verdict, rank
from measuring import print_table


@dataclass(frozen=True)
class Window(Verdict):
    """The answer for one window."""

    ranked: tuple[tuple[str, float], ...]
    known_probability: float


Answer = tuple[Clip, Verdict]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", nargs="+", help="folders of class folders, CSV files")
    add_unknown_options(parser)
    add_model_option(parser)
    parser.add_argument("--step", type=float, default=1.0, help="seconds between windows")
    parser.add_argument("--videos", type=int, help="of each class, at most (default: all)")
    options = parser.parse_args()
    recognizer = Recognizer.load(options.model)
    learned = (*recognizer.classes, *recognizer.model.background)
    manifest = load_data(options.data, check=False, validation=False)
    known = [c for c in manifest.split("test") if c.label in recognizer.classes]
    unknown = [c for c in read_unknown(options) if c.label not in learned]
    if options.videos:
        known, unknown = spread(known, options.videos), spread(unknown, options.videos)
    found = [answer(recognizer, clips, options.step) for clips in (known, unknown)]
    names = ("videos", f"windows, one every {options.step:g} s")
    reliabilities = []
    rows = []
    for name, answers in zip(names, found[0], strict=True):
        scores = np.array([[a.probabilities[c] for c in recognizer.classes] for _, a in answers])
        truth = np.array([recognizer.classes.index(c.label) for c, _ in answers])
        reliabilities.append(measure_reliability(scores, truth))
        error, chance = reliabilities[-1].error, reliabilities[-1].chance[1]
        accuracy = float((scores.argmax(1) == truth).mean())
        rows.append([name, len(truth), *(f"{v:.3f}" for v in (accuracy, error, chance))])
    print_table(["known", "count", "accuracy", "calibration error", "by chance, up to"], rows)
    print_bins(reliabilities[1])
    if unknown:
        print_open_set(names, found)


def answer(
    recognizer: Recognizer, clips: Sequence[Clip], step_s: float
) -> tuple[list[Answer], list[Answer]]:
    """Of each video, and of all its windows."""
    videos: list[Answer] = []
    windows: list[Answer] = []
    for clip in tqdm(clips, file=sys.stderr, unit="video", disable=None):
        videos.append((clip, recognizer.predict(clip.path)))
        for moment in recognizer.moments(clip.path, step_s=step_s):
            ranked = rank(recognizer.classes, moment.probabilities)
            windows.append((clip, Window(ranked, moment.known_probability)))
    return videos, windows


def print_bins(reliability: Reliability) -> None:
    """How certain the windows' answers were, and how often they were right."""
    columns = (reliability.count, reliability.confidence, reliability.accuracy)
    bins = len(reliability.count)
    rows = [
        [f"{k / bins:.1f} to {(k + 1) / bins:.1f}", count, f"{certain:.3f}", f"{right:.3f}"]
        for k, (count, certain, right) in enumerate(zip(*columns, strict=True))
        if count
    ]
    print_table(["probability", "windows", "mean", "share right"], rows)


def print_open_set(
    names: Sequence[str], found: Sequence[tuple[list[Answer], list[Answer]]]
) -> None:
    """How well unknown videos and windows are told from known ones."""
    rows = []
    for name, known, unknown in zip(names, *found, strict=True):
        # It reads what all verdicts have.
        figures = measure_open_set(
            [cast(Prediction, a) for _, a in known],
            [(c.label, c.dataset, cast(Prediction, a)) for c, a in unknown],
        )
        shares = (figures.auroc, figures.refused_at_95_kept)
        cells = [*(of["all"] for of in shares), figures.kept, figures.refused]
        rows.append([name, len(known), len(unknown), *(f"{v:.3f}" for v in cells)])
    header = ["known", "unknown", "AUROC", f"refused at {KEPT:.0%} of known kept"]
    print_table(["", *header, "kept by the model's rule", "refused by it"], rows)


if __name__ == "__main__":
    main()
