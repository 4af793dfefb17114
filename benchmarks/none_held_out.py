"""Compares rules for "none of these" without a class that they are measured on elsewhere.

    python benchmarks/none_held_out.py ../shared/clips ../shared/clips_web.csv \\
        --background ../shared/clips_other --background-classes Archery,Basketball,...

Six times, every sixth background class is held out of a regression on the hidden layer of the
network that training starts from, and all its videos are told from the known validation videos. The
trunk has learned from none of them. Prints a Markdown table: means over the classes of each data
set, and the class that is told apart worst.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score
from tqdm import tqdm

from action_recognition.datasets.background import add_background
from action_recognition.datasets.folders import load_data
from action_recognition.datasets.manifest import Clip
from action_recognition.models.hybridnet import HybridNet
from action_recognition.models.model_file import find_model, load_model
from action_recognition.models.open_set import OpenSetRule, Seen, fit_rule
from action_recognition.models.probabilities import fit_temperature
from action_recognition.models.stored_network import restored
from action_recognition.models.torch_runtime import TorchRuntime
from action_recognition.training.answers import answers
from action_recognition.training.networks import set_typical, with_classes
from action_recognition.training.regression import fit_dense
from measuring import print_table

FOLDS, KEPT, STRENGTH = 6, 0.95, 1e-3


class Videos(NamedTuple):
    """Videos, and what the hidden layer gives of them, (N, hidden)."""

    clips: Sequence[Clip]
    features: NDArray[np.float64]

    def of(self, labels: Sequence[str], *splits: str) -> Videos:
        """Those of some classes and splits."""
        rows = [k for k, c in enumerate(self.clips) if c.label in labels and c.split in splits]
        return Videos([self.clips[k] for k in rows], self.features[rows])


class Figures(NamedTuple):
    """How well videos of a class are told from known ones."""

    auroc: float
    refused: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", nargs="+", help="folders of class folders, CSV files")
    parser.add_argument("--background", nargs="+", required=True, metavar="DIR")
    parser.add_argument("--background-classes", metavar="A,B,C", help="default: all")
    parser.add_argument("--background-clips", type=int, default=30, help="learned of each class")
    options = parser.parse_args()
    names = options.background_classes and options.background_classes.split(",")
    known, background = load_data(options.data), load_data(options.background, classes=names)
    learned = add_background(known, background, per_class=options.background_clips)
    start = load_model(find_model("kinetics600"))
    network = restored(start.network)
    every = [*learned.clips, *background.clips]
    clips = list({c.place: c for c in every if c.split in ("train", "val")}.values())
    with tqdm(total=len(clips), file=sys.stderr) as bar:
        seen = answers(
            TorchRuntime(network), clips, start.preprocessing, lambda *_: bar.update() and None
        )
    videos = Videos(clips, np.array([video.features for video in seen.videos]))
    to_learn = {c.place for c in learned.split("train")}
    rows = [k for k, c in enumerate(clips) if c.place in to_learn]
    train = Videos([clips[k] for k in rows], videos.features[rows])
    found: dict[str, dict[str, Figures]] = {}
    for fold in range(FOLDS):
        held = background.labels[fold::FOLDS]
        labels = [*known.labels, *(c for c in background.labels if c not in held)]
        for rule, figures in held_out(network, train, videos, labels, len(known.labels), held):
            found.setdefault(rule, {}).update(figures)
    show(found, {c.label: c.dataset for c in background.clips})


def held_out(
    start: HybridNet,
    train: Videos,
    videos: Videos,
    labels: Sequence[str],
    known: int,
    held: Sequence[str],
) -> list[tuple[str, dict[str, Figures]]]:
    """The figures of each held-out class, by each rule."""
    learned, val = train.of(labels, "train"), videos.of(labels[:known], "val")
    targets = [labels.index(c.label) for c in learned.clips]
    network = with_classes(start, len(labels))
    fit_dense(network, learned.features, targets, strengths=(STRENGTH,))
    set_typical(network, learned.features.astype(np.float32), targets)
    true = [labels.index(c.label) for c in val.clips]
    logits = answer(network, val)[0]
    temperature = fit_temperature(logits[:, :known], true)

    def scaled(some: Videos) -> Seen:
        logits, likeness = answer(network, some)
        return logits / temperature, likeness

    fitted = fit_rule(scaled(val), true, None, known, kept=KEPT)
    return [
        (
            name,
            {
                label: figures(rule, scaled(val), scaled(videos.of([label], "train", "val")), known)
                for label in held
            },
        )
        for name, rule in variants(fitted).items()
    ]


def variants(rule: OpenSetRule) -> dict[str, OpenSetRule]:
    """The rule, and what is left of it without its parts."""
    plain = replace(rule, usual=())
    return {
        "energy": replace(plain, energy=1.0, odds=0.0, likeness=0.0),
        "energy and odds": replace(plain, likeness=0.0),
        "energy, odds and likeness": plain,
        "the same against what is usual for the answer": rule,
    }


def answer(network: HybridNet, videos: Videos) -> Seen:
    """Logits and likeness, (N, classes) each."""
    with torch.inference_mode():
        x = torch.from_numpy(videos.features.astype(np.float32))
        return network.dense(x).double().numpy(), network.likeness(x).double().numpy()


def figures(rule: OpenSetRule, known: Seen, unknown: Seen, count: int) -> Figures:
    right, wrong = rule.score(*known, count), rule.score(*unknown, count)
    truth = np.arange(len(right) + len(wrong)) < len(right)
    least = np.quantile(right, 1 - KEPT, method="lower")
    area = roc_auc_score(truth, np.concatenate([right, wrong]))
    return Figures(float(area), float((wrong < least).mean()))


def show(found: dict[str, dict[str, Figures]], dataset_of: dict[str, str]) -> None:
    datasets = sorted(set(dataset_of.values()))
    rows = []
    for rule, of in found.items():
        row = [rule]
        for dataset in datasets:
            some = np.array([of[label] for label in of if dataset_of[label] == dataset])
            row += [f"{value:.3f}" for value in some.mean(0)]
        worst = min(of, key=lambda label: of[label].auroc)
        rows.append([*row, f"{worst}: {of[worst].auroc:.2f}, {of[worst].refused:.2f}"])
    columns = [x for name in datasets for x in (f"AUROC {name}", "refused")]
    print_table(["score", *columns, "worst class"], rows)


if __name__ == "__main__":
    main()
