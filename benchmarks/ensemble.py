"""What several networks know together: figures of each model file and of their mean.

    python benchmarks/ensemble.py manifest.csv first.h5 second.h5 third.h5 --split val

Shows whether networks are worth having as teachers (`train --teachers`), and what a student kept
of them. Each is scaled by a temperature of its own, fitted on the side val. Prints a table.

The clips of a video are averaged before the softmax, as `Recognizer` does it (`--average logits`),
or after it, as it once did (`--average probabilities`).
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax
from sklearn.metrics import accuracy_score, f1_score, log_loss

from action_recognition.models.probabilities import (
    fit_temperature,
    measure_reliability,
    video_probabilities,
)
from action_recognition.clips import read_clips
from action_recognition.datasets.manifest import Clip, Manifest
from action_recognition.datasets.manifest_csv import read_manifest
from action_recognition.errors import DataError
from action_recognition.models.model_file import Model, load_model
from action_recognition.outputs import run_clips
from action_recognition.video import Video

CLIPS = 3  # of a video that are averaged
Average = Callable[[NDArray[np.float64], float], NDArray[np.float64]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("manifest", help="CSV of `data from-folder`")
    parser.add_argument("models", nargs="+", type=Path, help="model files of the same classes")
    parser.add_argument("--split", default="val", choices=("val", "test"))
    parser.add_argument("--average", default="logits", choices=AVERAGES)
    options = parser.parse_args()
    manifest = read_manifest(options.manifest)
    average = AVERAGES[options.average]
    found = {path.stem: scores(path, manifest, options.split, average) for path in options.models}
    print(f"| side {options.split} | accuracy | macro-F1 | HMDB51 | log loss | calibration error |")
    print("|---|---:|---:|---:|---:|---:|")
    for name, values in [*found.items(), ("mean of them", np.mean(list(found.values()), 0))]:
        figures = figures_of(manifest.side(options.split), manifest.labels, values)
        print(f"| {name} | {' | '.join(f'{v:.3f}' for v in figures)} |")


def mean_probabilities(logits: NDArray[np.float64], temperature: float) -> NDArray[np.float64]:
    """Logits (clips, classes) -> probabilities (classes,): softmax, then the mean."""
    return softmax(logits / temperature, 1).mean(0)


AVERAGES = {"logits": video_probabilities, "probabilities": mean_probabilities}


def scores(path: Path, manifest: Manifest, split: str, average: Average) -> NDArray[np.float64]:
    """Probabilities (videos, classes), the classes in the order of the manifest's labels."""
    model = load_model(path)
    if sorted(model.classes) != sorted(manifest.labels):
        raise DataError(f"{path.name}: knows other classes than those of the manifest")
    order = [model.classes.index(label) for label in manifest.labels]
    val = manifest.side("val")
    seen = logits(model, val, order)
    targets = [manifest.labels.index(c.label) for c in val]
    temperature = fit_temperature(seen, targets, average=average)
    if split != "val":
        seen = logits(model, manifest.side(split), order)
    return np.stack([average(x, temperature) for x in seen])


def logits(model: Model, clips: Sequence[Clip], order: Sequence[int]) -> list[NDArray[np.float64]]:
    """(clips, classes) of each video."""
    network, found = model.network.eval(), []
    for clip in clips:
        with Video(clip.path) as video:
            frames = read_clips(video, model.preprocessing, count=CLIPS).frames
        found.append(run_clips(network, frames, model.preprocessing)[0][:, order].astype(float))
    return found


def figures_of(
    clips: Sequence[Clip], labels: Sequence[str], values: NDArray[np.float64]
) -> tuple[float, ...]:
    """Accuracy, macro-F1, macro-F1 of the HMDB51 classes, log loss, calibration error."""
    truth = [labels.index(c.label) for c in clips]
    own = sorted({labels.index(c.label) for c in clips if c.dataset == "HMDB51"})
    answers = values.argmax(1)
    return (
        accuracy_score(truth, answers),
        f1_score(truth, answers, average="macro"),
        f1_score(truth, answers, labels=own, average="macro") if own else float("nan"),
        log_loss(truth, values, labels=range(len(labels))),
        measure_reliability(values, np.array(truth)).error,
    )


if __name__ == "__main__":
    main()
