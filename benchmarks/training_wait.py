"""Training: clips a second, and the share of the time that the network waits for data.

    python benchmarks/training_wait.py ten.csv --init mobilenet_v2_1.0_224.fp16.npz

Runs some epochs of the real training on a few clips of each class, all layers trained, decoded
frames in the cache, and measures the time from the end of a step to the begin of the next. The
first epoch, which starts the loader's process, does not count.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path
from typing import Any
from unittest import mock

from action_recognition.clips import Preprocessing
from action_recognition.datasets.auxiliary import spread
from action_recognition.datasets.framecache import FrameCache
from action_recognition.datasets.manifest import Manifest
from action_recognition.datasets.manifest_csv import read_manifest
from action_recognition.datasets.probe import cache_folder
from action_recognition.models.hybridnet import Architecture
from action_recognition.training import fit as fit_module
from action_recognition.training.settings import TrainingSettings

BATCH = 16


class Stopwatch(fit_module.EpochLines):
    """Adds up steps and waits; what `fit` prints of an epoch is left out."""

    working = waiting = 0.0
    steps = 0
    _began = _ended = 0.0

    def on_train_batch_start(self, trainer: Any, *_: Any) -> None:
        """A batch is there."""
        self._began = time.perf_counter()
        if trainer.current_epoch and self._ended:
            Stopwatch.waiting += self._began - self._ended

    def on_train_batch_end(self, trainer: Any, *_: Any) -> None:
        """It has been learned."""
        self._ended = time.perf_counter()
        if trainer.current_epoch:
            Stopwatch.working += self._ended - self._began
            Stopwatch.steps += 1

    def on_train_epoch_end(self, trainer: Any, module: Any) -> None:
        """What comes between two epochs (validation, checkpoint) is no wait."""
        self._ended = 0.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("manifest", help="CSV of `data from-folder`")
    parser.add_argument("--init", help="weights to start from (default: random ones)")
    parser.add_argument("--clips", type=int, default=8, help="of each class")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--cache", type=Path, default=cache_folder() / "frames")
    options = parser.parse_args()
    whole = read_manifest(options.manifest)
    taken = spread(whole.side("train"), options.clips)
    manifest = Manifest((*taken, *spread(whole.side("val"), 1)))
    cache = FrameCache(options.cache, Preprocessing())
    cache.fill(taken)
    with (
        tempfile.TemporaryDirectory() as folder,
        mock.patch.object(fit_module, "EpochLines", Stopwatch),
    ):
        fit_module.fit(
            manifest,
            folder,
            architecture=Architecture(classes=len(manifest.labels)),
            preprocessing=cache.preprocessing,
            settings=TrainingSettings(epochs=options.epochs, batch=BATCH, workers=1),
            cache=cache,
            init=options.init,
            device="cpu",
            progress=False,
        )
    total = Stopwatch.working + Stopwatch.waiting
    print(f"{len(os.sched_getaffinity(0))} cores, {Stopwatch.steps} steps of {BATCH} clips\n")
    print("| clips a second | share of time that the network waits |\n|---:|---:|")
    print(f"| {BATCH * Stopwatch.steps / total:.1f} | {Stopwatch.waiting / total:.1%} |")


if __name__ == "__main__":
    main()
