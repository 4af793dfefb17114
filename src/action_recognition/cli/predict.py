"""`action-recognition predict FILE...`: the action of each video."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

from tqdm import tqdm

from action_recognition.cli.options import add_model_options
from action_recognition.errors import UsageError, VideoError


def add_parser(subparsers: Any) -> None:
    """Adds the subcommand."""
    parser = subparsers.add_parser(
        "predict",
        help="say which action each video shows",
        description="Says which action each video shows. Exit code: 0; 1 if some of several "
        "files cannot be read; 2 if the only one cannot.",
    )
    parser.add_argument("files", metavar="FILE", nargs="+", help="video files")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.add_argument(
        "--top", type=int, default=1, metavar="N", help="how many actions to print (default 1)"
    )
    add_model_options(parser)
    parser.add_argument(
        "--clips", type=int, metavar="N", help="clips to average (default: as the model says)"
    )
    parser.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda"))
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Recognises the files one by one; one that cannot be read does not stop the others."""
    if options.top < 1:
        raise UsageError(f"--top {options.top}: must be at least 1")
    if options.clips is not None and options.clips < 1:
        raise UsageError(f"--clips {options.clips}: must be at least 1")
    from action_recognition.recognizer import Prediction, Recognizer

    recognizer = Recognizer.load(options.model, device=options.device)
    several = len(options.files) > 1
    failed = 0

    def show(file: str, prediction: Prediction) -> None:
        if options.json:
            print(json.dumps({**prediction.to_dict(), "file": file}, ensure_ascii=False))
        else:
            ranked = prediction.ranked[: options.top]
            answer = ", ".join(f"{action} {p:.1%}" for action, p in ranked)
            if prediction.is_known is False:
                answer = f"none of the known actions (nearest: {answer})"
            print(f"{file}: {answer}" if several else answer)
        sys.stdout.flush()

    # disable=None: no bar where stderr is not a terminal.
    bar = tqdm(
        recognizer.predict_many(options.files, clips=options.clips),
        total=len(options.files), file=sys.stderr, unit="video", disable=None if several else True,
    )  # fmt: skip
    for file, answer in bar:
        bar.clear()
        if isinstance(answer, VideoError):
            failed += 1
            print(f"action-recognition: {answer}", file=sys.stderr)
        else:
            show(file, answer)
    if not failed:
        return 0
    return 1 if several else 2
