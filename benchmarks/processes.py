"""The same small training in one process and in several: seconds, and how far the figures differ.

    python benchmarks/processes.py ../shared/clips --videos 6

Takes a few clips of each of three classes and trains the last layers of the Kinetics-600 network on
the CPU. Every side is a command of its own; each process has one thread, but for the last side: one
process with as many threads as the widest side has processes. Seconds are those of the whole
training without the start of the program, and of the tuning alone. Figures are the losses,
accuracies and F1 of all epochs.
"""

from __future__ import annotations

import argparse
import csv
import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from action_recognition.datasets.folders import build_manifest
from action_recognition.datasets.manifest import Manifest
from action_recognition.datasets.manifest_csv import write_manifest
from action_recognition.models.model_file import load_model
from measuring import machine

OPTIONS = [
    "--tuned-layers", "3", "--epochs", "2", "--views", "1", "--film-epochs", "1", "--frames", "8",
    "--batch", "8", "--workers", "0", "--device", "cpu",
]  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("clips", metavar="DIR", help="folder with one folder of clips per class")
    parser.add_argument("--videos", type=int, default=3, help="of each class, in each split")
    parser.add_argument("--processes", type=int, nargs="+", default=[1, 2])
    options = parser.parse_args()
    print(machine() + "\n")
    print("| | seconds | tuning | against one | largest difference of a figure | answers on test |")
    print("|---|---:|---:|---:|---:|---|")
    with TemporaryDirectory() as name:
        folder = Path(name)
        write_manifest(small(Path(options.clips), options.videos), folder / "data.csv")
        base: tuple[Path, float] | None = None
        widest = max(options.processes)
        for processes, threads in [*((n, 1) for n in options.processes), (1, widest)]:
            output = folder / f"{processes}-{threads}.h5"
            train(folder / "data.csv", output, processes, threads)
            record = load_model(output).training
            base = base or (output, record["seconds"])
            equal = answers(output) == answers(base[0])
            print(
                f"| {processes} process{'es'[: 2 * (processes > 1)]}, {threads} "
                f"thread{'s'[: threads > 1]} each | {record['seconds']} "
                f"| {record['tuning_seconds']} | {record['seconds'] / base[1]:.2f} "
                f"| {difference(output, base[0]):.1g} | {'the same' if equal else 'others'} |",
                flush=True,
            )


def small(clips: Path, count: int) -> Manifest:
    """A few clips of three classes."""
    whole = build_manifest([clips], check=False)
    taken = []
    for label in whole.labels[:3]:
        for split in ("train", "val", "test"):
            taken += [c for c in whole.split(split) if c.label == label][:count]
    return Manifest(tuple(taken))


def train(data: Path, output: Path, processes: int, threads: int) -> None:
    words = ["train", "--data", str(data), "--output", str(output), *OPTIONS]
    subprocess.run(
        [sys.executable, "-m", "action_recognition", *words, "--devices", str(processes)],
        env=os.environ | {"OMP_NUM_THREADS": str(threads)},
        check=True, capture_output=True,
    )  # fmt: skip


def answers(output: Path) -> object:
    """Which classes were answered for the clips of the test split."""
    return load_model(output).metrics["confusion"]


def difference(one: Path, two: Path) -> float:
    """The largest of losses, accuracies and F1 of all epochs."""
    rows = []
    for path in (one, two):
        with (path.with_suffix(".training") / "figures" / "metrics.csv").open() as file:
            rows.append([float(v) for row in csv.DictReader(file) for v in row.values() if v])
    return max(abs(a - b) for a, b in zip(*rows, strict=True))


if __name__ == "__main__":
    main()
