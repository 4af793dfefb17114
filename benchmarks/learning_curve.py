"""What more train clips give to the dense layer that reads Fisher vectors.

    python benchmarks/learning_curve.py fisher.h5 --data manifest.csv

Fits it to a half of the train clips, to four fifths (by whole groups, each part left out in turn),
and to all, and prints how well it alone answers to the validation clips. Each is scaled by a
temperature fitted there.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, f1_score, log_loss
from sklearn.model_selection import StratifiedGroupKFold

from action_recognition.calibration import fit_temperature, video_probabilities
from action_recognition.datasets.framecache import FrameCache
from action_recognition.datasets.manifest_csv import read_manifest
from action_recognition.datasets.probe import cache_folder
from action_recognition.modelfile import find_model, load_model
from action_recognition.training.augmentation import Augmentation
from action_recognition.training.local_patterns import FREEDOM
from action_recognition.training.precompute import RandomMaps, VideoMaps

PARTS = (2, 5)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", help="model file with Fisher vectors")
    parser.add_argument("--data", required=True, help="CSV of the clips that it was trained on")
    parser.add_argument("--cache", type=Path, default=cache_folder() / "frames")
    options = parser.parse_args()
    model = load_model(find_model(options.model))
    record = model.training["fisher"]
    manifest = read_manifest(options.data)
    cache = FrameCache(options.cache, model.preprocessing)
    target = {name: k for k, name in enumerate(model.classes)}
    train, val = manifest.side("train"), manifest.side("val")
    network = model.network
    maps = RandomMaps(
        network, train, target, cache, Augmentation(**record["augmentation"]),
        versions=record["versions"], workers=1,
    )  # fmt: skip
    seen = VideoMaps(network, val, target, cache, count=model.clips)
    with torch.inference_mode():
        vectors = np.stack([network.fisher_vectors(x).numpy() for x in maps.all_versions()])
        asked = [network.fisher_vectors(seen[k][0]).numpy() for k in range(len(seen))]
    labels, truth = np.array(maps.targets), np.array(seen.targets)

    def figures(rows: np.ndarray) -> tuple[float, float, float]:
        clips = vectors[rows].reshape(-1, vectors.shape[2])
        dense = LogisticRegression(C=FREEDOM, max_iter=100)
        dense.fit(clips, np.repeat(labels[rows], vectors.shape[1]))
        logits = [dense.decision_function(x).astype(np.float64) for x in asked]
        temperature = fit_temperature(logits, truth)
        found = np.stack([video_probabilities(x, temperature) for x in logits])
        answers = found.argmax(1)
        return (
            float(accuracy_score(truth, answers)),
            float(f1_score(truth, answers, average="macro")),
            float(log_loss(truth, found, labels=range(len(target)))),
        )

    print("| share of the train clips | accuracy | macro-F1 | log loss |")
    print("|---|---:|---:|---:|")
    groups = [c.group for c in train]
    for parts in PARTS:
        folds = StratifiedGroupKFold(parts, shuffle=True, random_state=0)
        found = [figures(rows) for rows, _ in folds.split(labels, labels, groups)]
        cells = " | ".join(f"{x:.3f}" for x in np.mean(found, 0))
        print(f"| {1 - 1 / parts:.0%}, mean of {parts} | {cells} |", flush=True)
    print(f"| 100% | {' | '.join(f'{x:.3f}' for x in figures(np.arange(len(labels))))} |")


if __name__ == "__main__":
    main()
