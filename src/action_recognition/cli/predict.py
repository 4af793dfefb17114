"""`action-recognition predict FILE...`: the action of each video."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from action_recognition.cli.options import (
    add_limit_options,
    add_model_option,
    load_recognizer,
)
from action_recognition.cli.paths import video_files
from action_recognition.cli.printing import json_line
from action_recognition.errors import UsageError, VideoError, one_line

if TYPE_CHECKING:
    from action_recognition.recognition.results import Prediction


def add_parser(subparsers: Any) -> None:
    """Adds the subcommand."""
    parser = subparsers.add_parser(
        "predict",
        help="recognise the action in each video",
        description="Recognises the action in each video.",
    )
    parser.add_argument(
        "files",
        metavar="FILE",
        nargs="+",
        help="video files, folders, patterns such as 'clips/*.mp4'",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object per line")
    parser.add_argument(
        "--top", type=int, default=1, metavar="N", help="how many actions to print (default 1)"
    )
    add_model_option(parser)
    parser.add_argument(
        "--otherwise", metavar="H5",
        help="second model to ask when the first answers none, for example kinetics600",
    )  # fmt: skip
    parser.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda"))
    add_limit_options(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Recognises the files one by one; one that cannot be read does not stop the others."""
    if options.top < 1:
        raise UsageError(f"--top {options.top}: must be at least 1")
    files = video_files(options.files)
    recognizer = load_recognizer(options, options.model)
    second = None
    if options.otherwise is not None:
        second = load_recognizer(options, options.otherwise)
    several = len(files) > 1
    failed = 0
    # disable=None: no bar where stderr is not a terminal.
    bar = tqdm(
        recognizer.predict_many(files),
        total=len(files), file=sys.stderr, unit="video", disable=None if several else True,
    )  # fmt: skip
    for file, answer in bar:
        other = None
        if second is not None and not isinstance(answer, VideoError) and answer.action is None:
            other = second.predict(file)
        bar.clear()
        if isinstance(answer, VideoError):
            failed += 1
            print(f"action-recognition: {answer}", file=sys.stderr)
        elif options.json:
            facts = {**answer.to_dict(), "file": str(file)}
            if other is not None:
                facts["otherwise"] = {**other.verdict(), "model": str(options.otherwise)}
            print(json_line(facts), flush=True)
        else:
            line = _sentence(answer, options.top)
            if other is not None:
                line += f"; {options.otherwise}: {_ranked(other, options.top)}"
            print(f"{one_line(str(file))}: {line}" if several else line, flush=True)
    if not failed:
        return 0
    return 1 if several else 2


def _sentence(prediction: Prediction, top: int) -> str:
    answer = _ranked(prediction, top)
    if prediction.action is None:
        return f"none of the known actions (nearest: {answer})"
    return f"unsure: {_ranked(prediction, max(2, top))}" if prediction.unsure else answer


def _ranked(prediction: Prediction, top: int) -> str:
    return ", ".join(f"{action} {p:.1%}" for action, p in prediction.ranked[:top])
