"""Own classes from few clips: a start from the shipped model against a start from nothing.

    python benchmarks/few_clips.py ../shared/clips_other \
        --classes ApplyLipstick,Surfing,WallPushups,PlayingViolin,shoot_ball --clips 20

Of each class, so many clips are learned from (validation included), as spread over groups as can
be; the figures are those of its whole official test side. Choose classes that the shipped model
has not seen. Prints a table; takes minutes.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

from action_recognition.clips import Preprocessing
from action_recognition.datasets.auxiliary import spread
from action_recognition.datasets.folders import build_manifest
from action_recognition.datasets.framecache import FrameCache
from action_recognition.datasets.manifest import Manifest
from action_recognition.datasets.probe import cache_folder
from action_recognition.evaluation.evaluate import evaluate
from action_recognition.models.hybridnet import Architecture
from action_recognition.models.model_file import Model
from action_recognition.recognition.recognizer import Recognizer
from action_recognition.training.fit import fit
from action_recognition.training.local_patterns import add_fisher
from action_recognition.training.settings import TrainingSettings

VALIDATION = 4  # of the clips of a class


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", help="folder of class folders")
    parser.add_argument("--classes", required=True, help="names, with commas between them")
    parser.add_argument("--clips", type=int, default=20, help="of each class")
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--cache", type=Path, default=cache_folder() / "frames")
    options = parser.parse_args()
    manifest = few(
        build_manifest([options.folder], classes=options.classes.split(",")), options.clips
    )
    print(manifest.summary())
    starts = {
        "shipped": TrainingSettings(
            epochs=options.epochs, patience=0, frozen_blocks=13, versions=6, workers=1
        ),
        "nothing": TrainingSettings(epochs=options.epochs, patience=0, workers=1),
    }
    print("\n| start | accuracy | macro-F1 | seconds of training |")
    print("|---|---:|---:|---:|")
    for start, settings in starts.items():
        with tempfile.TemporaryDirectory() as folder:
            started = time.perf_counter()
            preprocessing = Preprocessing()
            model = fit(
                manifest,
                folder,
                architecture=Architecture(classes=len(manifest.labels)),
                preprocessing=preprocessing,
                settings=settings,
                cache=FrameCache(options.cache, preprocessing),
                init=None if start == "nothing" else start,
                progress=False,
            )
        seconds = time.perf_counter() - started
        show(start, model, manifest, seconds)
        started = time.perf_counter()
        model = add_fisher(model, manifest, FrameCache(options.cache, preprocessing))
        seconds += time.perf_counter() - started
        show(f"{start}, and Fisher vectors", model, manifest, seconds)


def show(name: str, model: Model, manifest: Manifest, seconds: float) -> None:
    """Prints the row of a model."""
    measured = evaluate(Recognizer(model), manifest.side("test"), split="test").overall
    cells = [f"{measured[figure].value:.3f}" for figure in ("accuracy", "macro-F1")]
    print(f"| {name} | {' | '.join(cells)} | {seconds:.0f} |", flush=True)


def few(manifest: Manifest, clips: int) -> Manifest:
    """So many train and validation clips of each class, and all test clips."""
    val = spread(manifest.side("val"), VALIDATION)
    train = spread(manifest.side("train"), clips - VALIDATION)
    return Manifest((*train, *val, *manifest.side("test")))


if __name__ == "__main__":
    main()
