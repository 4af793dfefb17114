"""Classes of one's own from few clips: a frozen trunk, a regression for the dense layer.

    python benchmarks/few_clips.py ../shared/clips_other
    python benchmarks/few_clips.py ../shared/clips_other --init shipped --clips 20

Trains as `action-recognition train --tuned-layers 0` does, on so many train clips of each class, as
spread over groups as can be; a fifth of them are its validation clips. Prints a Markdown table:
seconds of training, and figures on the whole test split of these classes; with `--draws` the mean
over several draws of the clips, and half the range. Choose classes that the start has not learned.
"""

from __future__ import annotations

import argparse
import random
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from action_recognition.cli.options import split_names
from action_recognition.datasets.background import spread
from action_recognition.datasets.folders import load_data
from action_recognition.datasets.manifest import Manifest
from action_recognition.evaluation.evaluate import evaluate
from action_recognition.recognition.recognizer import Recognizer
from action_recognition.training.settings import TrainingSettings
from action_recognition.training.train import Run, train
from action_recognition.training.training_data import gather
from measuring import machine, mean_and_spread, print_table

CLASSES = "ApplyLipstick,Surfing,WallPushups,PlayingViolin,shoot_ball"
FIGURES = ("accuracy", "macro-F1")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", help="folder of class folders")
    parser.add_argument("--classes", type=split_names, default=split_names(CLASSES))
    parser.add_argument("--clips", type=int, nargs="+", default=[1, 5, 20], help="of each class")
    parser.add_argument("--init", nargs="+", default=["kinetics600"], help="models to start from")
    parser.add_argument("--draws", type=int, default=1)
    parser.add_argument("--test-clips", type=int, help="of each class, at most (default: all)")
    options = parser.parse_args()
    manifest = load_data([options.folder], classes=options.classes, check=False)
    print(f"{machine()}; {', '.join(manifest.labels)}\n")
    header = ["start", "clips of a class", "test clips", "seconds", *FIGURES]
    print_table(header, measure(manifest, options))


def measure(manifest: Manifest, options: argparse.Namespace) -> Iterator[list[object]]:
    """A row for each start and number of clips."""
    for init in options.init:
        for clips in options.clips:
            seconds: list[float] = []
            figures: dict[str, list[float]] = {name: [] for name in FIGURES}
            for draw in range(options.draws):
                data = few(manifest, clips, options.test_clips, draw)
                started = time.perf_counter()
                recognizer = learn(data, init, draw)
                seconds.append(time.perf_counter() - started)
                test = data.split("test")
                found = evaluate(recognizer, test, split="test").overall
                for name in FIGURES:
                    figures[name].append(found[name].value)
            cells = [mean_and_spread(figures[name]) for name in FIGURES]
            yield [init, clips, len(test), mean_and_spread(seconds, 0), *cells]


def few(manifest: Manifest, clips: int, test_clips: int | None, draw: int) -> Manifest:
    """So many train and validation clips of each class, and the test clips."""
    mixed = {split: manifest.split(split) for split in ("train", "val", "test")}
    for split in ("train", "val"):
        random.Random(draw).shuffle(mixed[split])
    held = clips // 5
    test = spread(mixed["test"], test_clips) if test_clips else mixed["test"]
    return Manifest((*spread(mixed["train"], clips - held), *spread(mixed["val"], held), *test))


def learn(data: Manifest, init: str, seed: int) -> Recognizer:
    """Fits the dense layer to them, and calibrates it."""
    settings = TrainingSettings(tuned_layers=0, views=1, film_epochs=0, seed=seed)
    with tempfile.TemporaryDirectory() as folder:
        return Recognizer(train(data, gather(data), Run(settings, Path(folder), init=init)))


if __name__ == "__main__":
    main()
