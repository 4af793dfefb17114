"""What each part of the network, its start and its training give: same clips, same splits.

    python benchmarks/ablation.py run manifest.csv --init mobilenet_v2_1.0_224.fp16.npz \
        --auxiliary other.csv --rows "all four parts;trunk only" --seeds 0,1,2
    python benchmarks/ablation.py table

`run` trains the rows and saves the figures of each run in `benchmarks/ablation_runs`; `table`
prints them, mean and spread over seeds. All rows of one start have the same number of epochs and
keep the last one: nothing is chosen by the test side.
"""

from __future__ import annotations

import argparse
import json
import re
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, f1_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import c3d
from action_recognition.clips import Preprocessing
from action_recognition.datasets.auxiliary import add_auxiliary
from action_recognition.datasets.framecache import FrameCache
from action_recognition.datasets.manifest import Clip, Manifest
from action_recognition.datasets.manifest_csv import read_manifest
from action_recognition.datasets.probe import cache_folder
from action_recognition.initialisation import load_imagenet
from action_recognition.models.hybridnet import Architecture, HybridNet
from action_recognition.models.model_file import Model, load_model, save_model
from action_recognition.outputs import run_clips
from action_recognition.training.fit import fit
from action_recognition.training.local_patterns import add_fisher
from action_recognition.training.precompute import VideoMaps, late_logits
from action_recognition.training.settings import TrainingSettings
from ensemble import mean_probabilities
from starts import HALF_WIDTH, distil, pretrain

RUNS = Path(__file__).with_name("ablation_runs")
PREPROCESSING = Preprocessing()
SETTINGS = TrainingSettings(
    epochs=5, patience=0, mixup=0.2, trunk_rate=0.3, ema=0.98, frozen_blocks=13, versions=6,
    workers=1,
)  # fmt: skip
CLIPS = (1, 5)  # of a video that are averaged
SIDES = ("val", "test")
BASELINE = "frozen MobileNetV2 + logistic regression"
WITH_FISHER = "all four parts + Fisher vectors"
ONLY_FISHER = "Fisher vectors alone"
PLAIN_C3D = "C3D-like, from nothing, 80x80"
SMALL = 96  # side of the picture where all layers are trained: a CPU has to do it


@dataclass(frozen=True)
class Row:
    """One line of the table: what differs from the network that ships."""

    architecture: dict[str, Any] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    start: str = "ImageNet"  # or: nothing, pre-trained, distilled
    size: int = PREPROCESSING.size
    background: bool = False
    fisher: str = ""  # the row whose network gets Fisher vectors beside what it has


# All layers are trained, from clips drawn anew at each epoch.
WHOLE = {"frozen_blocks": 0, "versions": 0, "epochs": 8}
ROWS = {
    BASELINE: Row(),
    PLAIN_C3D: Row(),
    "frame CNN + LSTM (LRCN)": Row({"conv3d": False, "difference": False, "gru": 0, "skip": False}),
    "trunk only": Row({"lstm": 0, "gru": 0}),
    "trunk + LSTM": Row({"gru": 0}),
    "trunk + GRU": Row({"lstm": 0}),
    "all four parts": Row(),
    "without convolutions over time": Row({"conv3d": False}),
    "without differences of frames": Row({"difference": False}),
    "without skip connection": Row({"skip": False}),
    "trunk only, without convolutions over time": Row({"conv3d": False, "lstm": 0, "gru": 0}),
    WITH_FISHER: Row(fisher="all four parts"),
    ONLY_FISHER: Row(fisher="all four parts"),
    "pre-trained on other classes": Row(start="pre-trained"),
    "all four parts and background classes": Row(background=True),
    "from nothing, 96x96": Row(settings=WHOLE, start="nothing", size=SMALL),
    "half width, frames, from nothing, 96x96": Row(HALF_WIDTH, WHOLE, "nothing", SMALL),
    "half width, frames, distilled, 96x96": Row(HALF_WIDTH, WHOLE, "distilled", SMALL),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="train rows, save their figures")
    run.add_argument("manifest", help="CSV of `data from-folder`")
    run.add_argument("--init", required=True, help="ImageNet weights")
    run.add_argument("--auxiliary", help="CSV of further classes, for the row that needs them")
    run.add_argument("--rows", default=";".join(ROWS), help="names, with semicolons between")
    run.add_argument("--seeds", default="0", help="numbers, with commas between them")
    run.add_argument("--cache", type=Path, default=cache_folder() / "frames")
    run.add_argument("--keep", type=Path, help="folder for the trained model files")
    commands.add_parser("table", help="print the saved figures")
    options = parser.parse_args()
    if options.command == "table":
        print_table()
        return
    manifest = read_manifest(options.manifest)
    for seed in map(int, options.seeds.split(",")):
        for name in options.rows.split(";"):
            measure(name, seed, manifest, options)


def measure(name: str, seed: int, manifest: Manifest, options: argparse.Namespace) -> None:
    """Trains one row with one seed and saves its figures."""
    row, started = ROWS[name], time.perf_counter()
    cache = FrameCache(options.cache, replace(PREPROCESSING, size=row.size))
    if name == BASELINE:
        scores = frozen_baseline(manifest, cache, options.init)
    elif name == PLAIN_C3D:
        cache = FrameCache(options.cache, c3d.PREPROCESSING)
        c3d_network = c3d.train_c3d(manifest, cache, seed=seed)
        scores = {
            (side, count): np.stack([mean_probabilities(x.double().numpy(), 1.0) for x in found])
            for side in SIDES
            for count in CLIPS
            for found in [c3d.c3d_logits(c3d_network, manifest.side(side), cache, count)]
        }
    else:
        scores = trained(name, seed, manifest, cache, options)
    figures = {
        side: {
            f"{count}": figures_of(manifest.side(side), manifest.labels, scores[side, count])
            for count in CLIPS
        }
        for side in SIDES
    }
    saved = {
        "row": name,
        "seed": seed,
        "seconds": round(time.perf_counter() - started),
        "train_clips": len(manifest.side("train")),
        "figures": figures,
    }
    path = RUNS / f"{file_name(name, seed)}.json"
    path.write_text(json.dumps(saved, indent=1) + "\n", encoding="utf-8")
    print(name, seed, json.dumps(figures["val"]["5"]), flush=True)  # the test side: in the table


def file_name(row: str, seed: int) -> str:
    """Of what a run leaves, without its ending."""
    return f"{re.sub('[^a-z0-9]+', '-', row.lower()).strip('-')}_{seed}"


Scores = dict[tuple[str, int], np.ndarray]


def trained(
    name: str, seed: int, manifest: Manifest, cache: FrameCache, options: argparse.Namespace
) -> Scores:
    """Probabilities (videos, classes) of a HybridNet, by side and clips of a video."""
    row = ROWS[name]
    auxiliary: tuple[str, ...] = ()
    data = manifest
    if row.background:
        further = read_manifest(options.auxiliary)
        auxiliary = further.labels
        data = add_auxiliary(manifest, further)
    kept = (
        None if options.keep is None else options.keep / f"{file_name(row.fisher or name, seed)}.h5"
    )
    if row.fisher and kept is not None and kept.exists():
        model = load_model(kept)
    else:
        model = train_row(row, seed, data, manifest, auxiliary, cache, options)
        if kept is not None:
            kept.parent.mkdir(parents=True, exist_ok=True)
            save_model(model, kept)
    if row.fisher:
        model = add_fisher(model, manifest, cache)
    network, classes = model.network.eval(), len(model.classes)
    if name == ONLY_FISHER:
        torch.nn.init.zeros_(network.dense.weight)
        torch.nn.init.zeros_(network.dense.bias)

    def answers(clips: Sequence[Clip], count: int) -> Iterator[np.ndarray]:
        if SETTINGS.frozen_blocks == row.settings.get("frozen_blocks", SETTINGS.frozen_blocks):
            seen = VideoMaps(network, clips, {c.label: 0 for c in clips}, cache, count=count)
            for k in range(len(seen)):
                with torch.inference_mode(), torch.autocast("cpu", dtype=torch.bfloat16):
                    yield late_logits(network, seen[k][0]).double().numpy()
        else:
            for clip in clips:
                frames = np.array(cache.evaluation_clips(clip, count=count))
                yield run_clips(network, frames, cache.preprocessing)[0]

    return {
        (side, count): np.stack(
            [mean_probabilities(x[:, :classes], 1.0) for x in answers(clips, count)]
        )
        for side in SIDES
        for count in CLIPS
        for clips in [manifest.side(side)]
    }


def train_row(
    row: Row,
    seed: int,
    data: Manifest,
    manifest: Manifest,
    auxiliary: tuple[str, ...],
    cache: FrameCache,
    options: argparse.Namespace,
) -> Model:
    """The network of a row; `data` is the manifest with the auxiliary classes."""
    with tempfile.TemporaryDirectory() as folder:
        return fit(
            data,
            folder,
            architecture=Architecture(classes=len(data.labels), **row.architecture),
            preprocessing=cache.preprocessing,
            settings=replace(SETTINGS, **row.settings, seed=seed),
            cache=cache,
            auxiliary=auxiliary,
            init=start_of(row, seed, manifest, cache, options, Path(folder)),
            device="cpu",
            progress=False,
        )


def start_of(
    row: Row,
    seed: int,
    manifest: Manifest,
    cache: FrameCache,
    options: argparse.Namespace,
    folder: Path,
) -> str | Path | None:
    """The file of weights that a row starts from."""
    path = folder / "start.h5"
    if row.start == "pre-trained":
        pretrain(
            read_manifest(options.auxiliary),
            options.init,
            cache,
            replace(SETTINGS, seed=seed),
            path,
        )
    elif row.start == "distilled":
        distil(manifest.side("train"), options.init, cache, path, seed=seed)
    else:
        return None if row.start == "nothing" else options.init
    return path


def frozen_baseline(manifest: Manifest, cache: FrameCache, init: str) -> Scores:
    """Mean and deviation of ImageNet features over the frames, and logistic regression."""
    network = HybridNet(Architecture(classes=2, difference=False, conv3d=False)).eval()
    load_imagenet(network, init)

    def describe(side: str, count: int) -> np.ndarray:
        seen = features_of(network, manifest.side(side), cache, count)
        return np.stack([torch.cat([x.mean(1), x.std(1)], 1).mean(0).numpy() for x in seen])

    truth = [manifest.labels.index(c.label) for c in manifest.side("train")]
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.003, max_iter=1000))
    model.fit(describe("train", 3), truth)
    return {
        (side, count): model.predict_proba(describe(side, count))
        for side in SIDES
        for count in CLIPS
    }


def features_of(
    network: HybridNet, clips: Sequence[Clip], cache: FrameCache, count: int
) -> list[torch.Tensor]:
    """(clips, T, width) of each video."""
    seen = VideoMaps(network, clips, {c.label: 0 for c in clips}, cache, count=count)
    with torch.inference_mode(), torch.autocast("cpu", dtype=torch.bfloat16):
        return [network.late(seen[k][0]).float() for k in range(len(seen))]


def figures_of(
    clips: Sequence[Clip], labels: Sequence[str], scores: np.ndarray
) -> dict[str, float]:
    """Accuracy and macro-F1, over all classes and those of each data set."""
    truth = np.array([labels.index(c.label) for c in clips])
    answers = scores.argmax(1)
    found = {
        "accuracy": accuracy_score(truth, answers),
        "macro-F1": f1_score(truth, answers, average="macro"),
    }
    for dataset in sorted({c.dataset for c in clips}):
        own = sorted({labels.index(c.label) for c in clips if c.dataset == dataset})
        found[dataset] = f1_score(truth, answers, labels=own, average="macro")
    return {name: round(float(value), 4) for name, value in found.items()}


def print_table() -> None:
    """The saved runs: mean over seeds, and half the range where there are several."""
    runs: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for path in sorted(RUNS.glob("*.json")):
        saved = json.loads(path.read_text(encoding="utf-8"))
        runs[saved["row"]].append(saved["figures"])

    def cell(figures: Sequence[dict[str, Any]], side: str, count: int, name: str) -> str:
        values = [f[side][f"{count}"][name] for f in figures]
        spread = f" ± {(max(values) - min(values)) / 2:.3f}" if len(values) > 1 else ""
        return f"{np.mean(values):.3f}{spread}"

    print(
        "macro-F1; `HMDB51` and `UCF101`: over the classes of that data set, five clips (here the "
        "mean of their probabilities)\n"
    )
    print("| row | seeds | val | test, 1 clip | test, 5 clips | HMDB51 | UCF101 |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    for name in [n for n in ROWS if n in runs]:
        found = runs[name]
        cells = [
            cell(found, "val", 5, "macro-F1"), cell(found, "test", 1, "macro-F1"),
            cell(found, "test", 5, "macro-F1"), cell(found, "test", 5, "HMDB51"),
            cell(found, "test", 5, "UCF101"),
        ]  # fmt: skip
        print(f"| {name} | {len(found)} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
