"""`action-recognition model check`: every export against this project's own answers."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from typing import Any


def add_parser(subparsers: Any) -> None:
    """Adds the subcommand."""
    parser = subparsers.add_parser(
        "check",
        help="export in every form, compare with this project's own answers",
        description="Exports a model in every form and compares each file with this project's own "
        "answers, for batches of 1, 3 and 8 clips of 1, 7 and 64 frames, and streams in pieces of "
        "1, 3, 7 and 64 frames. Prints the largest difference, sizes and times. The exit code is "
        "1 if a difference is above 1e-4, or of an int8 file above 0.5.",
    )
    parser.add_argument("model", metavar="MODEL", help="model file, `shipped` or `kinetics600`")
    parser.add_argument("clips", nargs="+", metavar="VIDEO", help="real videos to compare with")
    parser.add_argument("--to", nargs="+", metavar="FORMAT", help="formats to check (default: all)")
    parser.add_argument(
        "--calibrate", nargs="+", metavar="VIDEO",
        help="check int8 files, too, calibrated with these videos or folders",
    )  # fmt: skip
    parser.set_defaults(run=run_check)


def run_check(options: argparse.Namespace) -> int:
    """Prints the table; 1 when a form differs."""
    from action_recognition.cli.model.export import calibration
    from action_recognition.clips import read_clips
    from action_recognition.exports.compare import CLOSE, INT8_CLOSE, compare
    from action_recognition.exports.export import SUFFIXES
    from action_recognition.recognition.recognizer import Recognizer
    from action_recognition.video import Video

    recognizer = Recognizer.load(options.model, device="cpu")
    clips = []
    for path in options.clips:
        with Video(path) as video:
            clips.append(read_clips(video, recognizer.model.preprocessing, window=16).frames[0])
    chosen = calibration(recognizer.model, options.calibrate) if options.calibrate else None
    worst: dict[float, float] = {}
    print(f"{'file':16}{'MB':>8}{'difference':>12}{'opens in s':>12}{'ms a frame':>12}")
    with tempfile.TemporaryDirectory() as folder:
        for row in compare(
            recognizer, clips, Path(folder), formats=options.to or tuple(SUFFIXES),
            calibration=chosen, on_file=lambda name: print(f"{name} ...", file=sys.stderr),
        ):  # fmt: skip
            worst[row.allowed] = max(worst.get(row.allowed, 0.0), row.difference)
            print(
                f"{row.name:16}{row.bytes / 1e6:8.1f}{row.difference:12.1e}"
                f"{row.opens_s:12.2f}{row.frame_s * 1e3:12.1f}",
                flush=True,
            )
    print(f"largest difference {worst.get(CLOSE, 0.0):.1e}, allowed {CLOSE:.0e}")
    if INT8_CLOSE in worst:
        print(f"largest difference of int8 {worst[INT8_CLOSE]:.2f}, allowed {INT8_CLOSE}")
    return 0 if all(found <= allowed for allowed, found in worst.items()) else 1
