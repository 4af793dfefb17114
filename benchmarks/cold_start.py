"""Seconds from a new process to the answer of `predict`, against `import torch` alone.

    python benchmarks/cold_start.py            # a generated clip of 7 s, 320x240
    python benchmarks/cold_start.py a.avi      # a clip of your own

The commands take turns, so that a busy moment of the machine meets all of them. Prints a Markdown
table: median, fastest and slowest of several runs. One run before them fills the disk cache.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from predict_speed import write_clip

COMMAND = "import sys; from action_recognition.cli import main; sys.exit(main(sys.argv[1:]))"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", nargs="?", help="video (default: a generated one)")
    parser.add_argument("--model", help="model file (default: the shipped one)")
    parser.add_argument("--runs", type=int, default=7)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        file = options.file or write_clip(Path(folder) / "generated.avi")
        model = ["--model", options.model] if options.model else []
        commands = {
            "import torch": ["-c", "import torch"],
            "action-recognition --help": ["-c", COMMAND, "--help"],
            "action-recognition predict": ["-c", COMMAND, "predict", file, *model],
        }
        taken: dict[str, list[float]] = {name: [] for name in commands}
        for run in range(options.runs + 1):
            for name, arguments in commands.items():
                started = time.perf_counter()
                subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)
                if run:
                    taken[name].append(time.perf_counter() - started)
    base = statistics.median(taken["import torch"])
    print(f"{len(os.sched_getaffinity(0))} cores, {options.runs} runs each\n")
    print("| new process | median s | min | max | against `import torch` |")
    print("|---|---:|---:|---:|---:|")
    for name, seconds in taken.items():
        median = statistics.median(seconds)
        print(
            f"| `{name}` | {median:.2f} | {min(seconds):.2f} | {max(seconds):.2f} "
            f"| {median / base:.2f} |"
        )


if __name__ == "__main__":
    main()
