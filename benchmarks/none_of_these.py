"""Rules for "none of these", on other actions that neither the network nor the rule has seen.

    python benchmarks/none_of_these.py MODEL.h5 --data ten.csv --others other.csv

The model must have learned without background classes. The other classes are parted into four
quarters: a regression learns from three of them against the train clips of the known classes, and
is measured on the fourth against the validation clips of the known ones, in turn. Prints a Markdown
table: means over the quarters of the area under the ROC curve, and of the share of foreign videos
that is refused where 95 % of the known ones are kept. The test side is not looked at.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score
from tqdm import tqdm

from action_recognition.clips import read_clips
from action_recognition.datasets.folders import load_data
from action_recognition.datasets.manifest import Clip
from action_recognition.inference import Inference, TorchParts
from action_recognition.models.model_file import Model, load_model
from action_recognition.models.open_set import class_means, energy, regression
from action_recognition.video import Video

QUARTERS = 4


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("--data", nargs="+", required=True, help="of the known classes")
    parser.add_argument("--others", nargs="+", required=True, help="of other classes")
    options = parser.parse_args()
    model = load_model(options.model)
    if model.background:
        parser.error(f"{options.model}: it has learned background classes")
    known, others = load_data(options.data, check=False), load_data(options.others, check=False)
    train, val = known.side("train"), known.side("val")
    foreign = [*others.side("train"), *others.side("val")]
    inference = Inference(
        TorchParts(model.network),
        model.preprocessing,
        streams=model.network.architecture.streams,
    )
    _, learned = look(inference, model, train, 1)
    logits, seen = look(inference, model, [*val, *foreign], 3)
    labels = [model.classes.index(c.label) for c in train]
    scores = {"energy": np.array([energy(x, len(model.classes)) for x in logits])}
    scores["largest probability"] = np.array([largest(x) for x in logits])
    units, centre = class_means(learned, labels)
    away = (seen - centre) / np.linalg.norm(seen - centre, axis=1, keepdims=True)
    scores["nearest class mean"] = (away @ units.T.astype(np.float64)).max(1)

    classes = sorted({c.label for c in foreign})
    order = np.random.default_rng(0).permutation(classes)
    width = model.network.architecture.features
    parts = {"looks": slice(0, width), "motion": slice(width, None), "both": slice(None)}
    found: dict[str, list[tuple[float, float]]] = {}
    of = np.array([c.label for c in foreign])
    first = len(val)
    for quarter in range(QUARTERS):
        held = np.isin(of, order[quarter::QUARTERS])
        measured = first + np.flatnonzero(held)
        rules = dict(scores)
        taught = seen[first:][~held], of[~held].tolist()
        for name, part in parts.items():
            weights = regression(learned, labels, *taught, part).astype(np.float64)
            rules[f"regression on {name}"] = seen @ weights[:-1] + weights[-1]
        for name in parts:
            rules[f"regression on {name} + energy"] = scaled(
                rules[f"regression on {name}"], first
            ) + scaled(scores["energy"], first)
        for name, values in rules.items():
            found.setdefault(name, []).append(figures(values[:first], values[measured]))
    print(f"{first} known videos; {len(foreign)} of {len(classes)} other classes\n")
    print("| rule | AUROC | foreign refused at 95% of known kept |\n|---|---:|---:|")
    for name, rows in found.items():
        area, refused = np.mean(rows, axis=0)
        print(f"| {name} | {area:.3f} | {refused:.3f} |")


def look(
    inference: Inference, model: Model, clips: Sequence[Clip], count: int
) -> tuple[list[NDArray[np.float64]], NDArray[np.float64]]:
    """Logits (n, classes) of the clips of each video, and the mean features (videos, D)."""
    logits, features = [], []
    for clip in tqdm(clips, file=sys.stderr, unit="video", disable=None):
        with Video(clip.path) as video:
            frames = read_clips(video, model.preprocessing, count=count).frames
        answer, seen = inference.clips(frames)
        logits.append(answer)
        features.append(seen.mean(0))
    return logits, np.stack(features)


def largest(logits: NDArray[np.float64]) -> float:
    """Probability of the answer."""
    shares = np.exp(logits - np.logaddexp.reduce(logits, 1)[:, None])
    return float(shares.mean(0).max())


def scaled(values: NDArray[np.float64], known: int) -> NDArray[np.float64]:
    """In standard deviations of the known videos, which come first."""
    return (values - values[:known].mean()) / values[:known].std()


def figures(known: NDArray[np.float64], foreign: NDArray[np.float64]) -> tuple[float, float]:
    """Area under the ROC curve, and share refused where 95 % of the known are kept."""
    truth = np.repeat([1, 0], [len(known), len(foreign)])
    area = roc_auc_score(truth, np.concatenate([known, foreign]))
    return float(area), float((foreign < np.quantile(known, 0.05)).mean())


if __name__ == "__main__":
    main()
