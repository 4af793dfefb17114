"""Seconds from a new process to the answer of `predict`, against what it imports alone.

    python benchmarks/cold_start.py            # a generated clip of 5 s, 320x240
    python benchmarks/cold_start.py a.avi      # a clip of your own

The commands take turns. Prints a Markdown table: median, fastest and slowest of several runs.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

from action_recognition.cli.options import add_model_option
from clips_to_time import write_clip
from measuring import machine, print_times, take_turns

COMMAND = "import sys; from action_recognition.cli import main; sys.exit(main(sys.argv[1:]))"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", nargs="?", help="video (default: a generated one)")
    add_model_option(parser)
    parser.add_argument("--runs", type=int, default=7)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        file = options.file or str(write_clip(Path(folder) / "generated.avi"))
        model = ["--model", options.model] if options.model else []
        commands = {
            "what `predict` imports": ["-c", "import av, h5py, numpy, onnxruntime"],
            "`import torch`": ["-c", "import torch"],
            "`action-recognition --help`": ["-c", COMMAND, "--help"],
            "`action-recognition predict`": ["-c", COMMAND, "predict", file, *model],
        }
        taken = take_turns(
            {name: partial(run, command) for name, command in commands.items()}, options.runs
        )
    print(f"{machine()}; {options.runs} runs each\n")
    print_times(taken, "new process", "s", "against its imports")


def run(arguments: list[str]) -> None:
    """A Python process of its own, from its start to its end."""
    subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    main()
