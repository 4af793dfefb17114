"""What a random split hides: the same small network on the official and on a random split.

    python benchmarks/random_split.py ../shared/clips

Both splits have the same number of train, validation and test clips of each class. In the random
one, clips of one recording stand on all sides. The network begins with random weights, so all
that it knows comes from these clips. Prints a table; takes minutes.
"""

from __future__ import annotations

import argparse
import random
import tempfile
from collections import defaultdict
from dataclasses import replace

from action_recognition.clips import Preprocessing
from action_recognition.datasets.folders import build_manifest
from action_recognition.datasets.framecache import FrameCache
from action_recognition.datasets.manifest import Clip, Manifest
from action_recognition.datasets.probe import cache_folder
from action_recognition.datasets.splits import SIDES
from action_recognition.evaluation.evaluate import evaluate
from action_recognition.models.hybridnet import Architecture
from action_recognition.recognition.recognizer import Recognizer
from action_recognition.training.fit import fit
from action_recognition.training.settings import TrainingSettings


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", nargs="+", help="folders of class folders of both data sets")
    parser.add_argument("--epochs", type=int, default=16)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--size", type=int, default=96)
    options = parser.parse_args()
    official = build_manifest(options.folders, check=False)
    print(official.summary())
    print("\n| split | seed | test accuracy | macro-F1 | UCF101 classes | HMDB51 classes |")
    print("|---|---:|---:|---:|---:|---:|")
    for seed in range(options.seeds):
        for name, manifest in (("official", official), ("random", shuffled(official, seed))):
            figures = measure(manifest, options.size, options.epochs, seed)
            row = " | ".join(f"{figures[k]:.3f}" for k in FIGURES if k in figures)
            print(f"| {name} | {seed} | {row} |", flush=True)


FIGURES = ("accuracy", "macro-F1", "macro-F1, UCF101 classes", "macro-F1, HMDB51 classes")


def shuffled(manifest: Manifest, seed: int) -> Manifest:
    """The same clips and counts; which clip stands on which side is drawn within each class."""
    draw = random.Random(seed)
    per_class: dict[str, list[Clip]] = defaultdict(list)
    for clip in manifest.clips:
        if clip.split in SIDES:
            per_class[clip.label].append(clip)
    clips = []
    for group in per_class.values():
        sides = [c.split for c in group]
        draw.shuffle(sides)
        clips += [replace(c, split=side) for c, side in zip(group, sides, strict=True)]
    return Manifest(tuple(clips))


def measure(manifest: Manifest, size: int, epochs: int, seed: int) -> dict[str, float]:
    """Test figures of a small network, trained from random weights."""
    preprocessing = Preprocessing(frames=8, interval_s=0.2, size=size)
    cache = FrameCache(cache_folder() / "frames", preprocessing)
    with tempfile.TemporaryDirectory() as folder:
        model = fit(
            manifest,
            folder,
            architecture=Architecture(
                classes=len(manifest.labels),
                stem=16,
                stages=((1, 16, 1, 1), (4, 24, 2, 2), (4, 32, 2, 2), (4, 64, 2, 2)),
                features=256,
                temporal_from=24,
                difference=False,
                lstm=128,
                gru=128,
            ),
            preprocessing=preprocessing,
            settings=TrainingSettings(
                epochs=epochs, learning_rate=2e-3, ema=0, patience=epochs, workers=1, seed=seed
            ),
            cache=cache,
            progress=False,
        )
    measured = evaluate(Recognizer(model), manifest.side("test"), split="test")
    return {name: interval.value for name, interval in measured.overall.items()}


if __name__ == "__main__":
    main()
