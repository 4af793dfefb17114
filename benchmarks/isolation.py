"""What it costs to decode a video in a confined process of its own.

    python benchmarks/isolation.py             # a generated clip of 7 s, 320x240
    python benchmarks/isolation.py a.avi

The same model predicts the clip with both; they take turns, with a pause of 0.3 s between them, in
which the process for the next file is made.
"""

from __future__ import annotations

import argparse
import tempfile
from functools import partial
from pathlib import Path

from action_recognition.recognition.recognizer import Recognizer
from clips_to_time import write_clip
from measuring import machine, print_times, take_turns


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", nargs="?", help="video (default: a generated one)")
    parser.add_argument("--rounds", type=int, default=30)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        file = options.file or str(write_clip(Path(folder) / "generated.avi", seconds=7))
        sides = {
            "same process": Recognizer.load(),
            "process of its own": Recognizer.load(untrusted=True),
        }
        taken = take_turns(
            {name: partial(one.predict, file) for name, one in sides.items()},
            options.rounds,
            pause_s=0.3,
        )
    print(f"{machine()}; {options.rounds} rounds\n")
    print_times(taken, "decoded in the", "ms", "against the first")


if __name__ == "__main__":
    main()
