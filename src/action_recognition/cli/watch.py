"""`action-recognition watch SOURCE`: what a camera or a stream shows now."""

from __future__ import annotations

import argparse
import math
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from action_recognition.cli.options import add_model_option
from action_recognition.cli.printing import json_line
from action_recognition.errors import UsageError

if TYPE_CHECKING:
    from action_recognition.recognition.streaming import StreamAnswer


def add_parser(subparsers: Any) -> None:
    """Adds the subcommand."""
    parser = subparsers.add_parser(
        "watch",
        help="recognise what a camera, a network stream or a playing file shows now",
        description="Prints an answer every second until the source ends or Ctrl-C is pressed. "
        "On a machine too slow for that, it skips answers rather than fall behind.",
    )
    parser.add_argument(
        "source", metavar="SOURCE",
        help="camera (0, /dev/video0), URL (rtsp://, http://), or a file, played in real time",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print one JSON object per line")
    parser.add_argument(
        "--step", type=float, default=1.0, metavar="S", help="seconds between answers (default 1)"
    )
    add_model_option(parser)
    parser.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda"))
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Prints answers as they come; Ctrl-C is the usual end, not an error."""
    if not 0 < options.step < math.inf:
        raise UsageError(f"--step {options.step:g}: must be more than 0")
    with suppress(KeyboardInterrupt):
        _watch(options)
    return 0


def _watch(options: argparse.Namespace) -> None:
    from action_recognition.recognition.recognizer import Recognizer
    from action_recognition.video.live import LiveSource

    recognizer = Recognizer.load(options.model, device=options.device)
    preprocessing = recognizer.model.preprocessing
    with LiveSource(options.source) as source:
        convert = source.converter(preprocessing.size, preprocessing.max_aspect)
        with recognizer.stream(step_s=options.step, convert=convert) as stream:
            time_s = 0.0
            for time_s, frame in source.frames():
                _print(stream.feed(frame, time_s), as_json=options.json)
            _print(stream.end(time_s), as_json=options.json)


def _print(answers: list[StreamAnswer], *, as_json: bool) -> None:
    for answer in answers:
        if as_json:
            line = json_line(answer.to_dict())
        else:
            nearest = f"{answer.nearest_action} {answer.probability:.1%}"
            if answer.action is None:
                nearest = f"none of the known actions (nearest: {answer.nearest_action})"
            elif answer.unsure:
                nearest = f"unsure: {nearest}"
            line = f"{answer.time_s:.1f} s  {nearest}"
        print(line, flush=True)
