"""Writes a video of a drawn figure that does jumping jacks: an input for the README's picture.

    python benchmarks/jumping_figure.py figure.mp4
    python benchmarks/jumping_figure.py clip.mp4 --seconds 7 --size 320x240

The clips of the data sets are not ours to show; this one is.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from action_recognition.dashboard.media.figure import film, jumping


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("output", type=Path, help="MP4 file to write")
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--size", default="640x480", help="width x height in pixels, even")
    options = parser.parse_args()
    width, height = (int(side) for side in options.size.split("x"))
    options.output.write_bytes(film(options.seconds, jumping, fps=30, size=(width, height)))


if __name__ == "__main__":
    main()
