"""`action-recognition watch SOURCE`: what a camera or a stream shows now."""

from __future__ import annotations

import argparse
import math
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from action_recognition.cli.options import (
    add_device_option,
    add_model_option,
)
from action_recognition.cli.printing import json_line
from action_recognition.errors import UsageError, VideoError
from action_recognition.recognition.wording import percent

if TYPE_CHECKING:
    from action_recognition.recognition.streaming import StreamAnswer


def add_parser(subparsers: Any) -> None:
    """Adds the subcommand."""
    parser = subparsers.add_parser(
        "watch",
        help="recognise what a camera, a network stream or a playing file shows now",
        description="Prints an answer every second until the source ends or Ctrl-C is pressed, "
        "then how many frames were dropped: on a machine too slow for the source, it drops frames "
        "rather than fall behind. A source that breaks off is opened again, up to five times.",
    )
    parser.add_argument(
        "source", metavar="SOURCE",
        help="camera (0, /dev/video0), URL (rtsp://, http://), or a file, played in real time",
    )  # fmt: skip
    parser.add_argument(
        "--reconnect", action="store_true",
        help="open a network stream again when it ends, too, not only when it breaks off",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print one JSON object per line")
    parser.add_argument(
        "--step", type=float, default=1.0, metavar="S", help="seconds between answers"
    )
    add_model_option(parser)
    add_device_option(parser)
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
    with LiveSource(options.source, notify=_say, reopen=options.reconnect) as source:
        convert = source.converter(preprocessing.size, preprocessing.max_aspect)
        with recognizer.stream(step_s=options.step, convert=convert) as stream:

            def show(answers: list[StreamAnswer]) -> None:
                _print(answers, source.dropped + stream.dropped, as_json=options.json)

            time_s = 0.0
            try:
                for time_s, frame in source.frames():
                    show(stream.feed(frame, time_s))
                show(stream.end(time_s))
            except VideoError:
                show(stream.end(time_s))
                raise
            finally:
                dropped = source.dropped + stream.dropped
                _say(f"{source.name}: {source.received} frames came, {dropped} were dropped")


def _say(sentence: str) -> None:
    print(f"action-recognition: {sentence}", file=sys.stderr, flush=True)


def _print(answers: list[StreamAnswer], dropped: int, *, as_json: bool) -> None:
    for answer in answers:
        if as_json:
            line = json_line({**answer.to_dict(), "dropped_frames": dropped})
        else:
            nearest = f"{answer.nearest_action} {percent(answer.probability)}"
            if answer.action is None:
                nearest = f"none of the known actions (nearest: {answer.nearest_action})"
            elif answer.unsure:
                nearest = f"unsure: {nearest}"
            line = f"{answer.time_s:.1f} s  {nearest}"
        print(line, flush=True)
