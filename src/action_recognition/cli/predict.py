"""`action-recognition predict FILE...`: the action of each video."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any

from action_recognition.cli.options import (
    add_device_option,
    add_limit_options,
    add_model_option,
    load_recognizer,
)
from action_recognition.cli.paths import video_files
from action_recognition.cli.printing import json_line
from action_recognition.cli.progress import counted, progress_bar
from action_recognition.cli.several import add_files_argument
from action_recognition.errors import UsageError, VideoError, one_line
from action_recognition.recognition.wording import percent

if TYPE_CHECKING:
    from action_recognition.recognition.recognizer import Recognizer
    from action_recognition.recognition.results import Prediction
    from action_recognition.recognition.segmentation import Segment


def add_parser(subparsers: Any) -> None:
    """Adds the subcommand."""
    parser = subparsers.add_parser(
        "predict",
        help="recognise the action in each video",
        description="Recognises the action in each video. Of a video of more than 15 seconds, "
        "it tells which actions are seen when, as `timeline` does.",
    )
    add_files_argument(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON object per line")
    parser.add_argument("--top", type=int, default=1, metavar="N", help="how many actions to print")
    add_model_option(parser)
    parser.add_argument(
        "--otherwise", metavar="H5",
        help="second model to ask when the first answers none, for example kinetics600",
    )  # fmt: skip
    add_device_option(parser)
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
    answers, clear_bar = counted(recognizer.predict_many(files), len(files), "video")
    for file, answer in answers:
        try:
            line = _line(options, recognizer, second, str(file), answer)
        except VideoError as error:
            failed += 1
            clear_bar()
            print(f"action-recognition: {error}", file=sys.stderr)
            continue
        clear_bar()
        if several and not options.json:
            line = f"{one_line(str(file))}: {line}"
        print(line, flush=True)
    if not failed:
        return 0
    return 1 if several else 2


def _line(
    options: argparse.Namespace,
    recognizer: Recognizer,
    second: Recognizer | None,
    file: str,
    answer: Prediction | VideoError,
) -> str:
    """What is printed for a file; raises VideoError where it cannot be read."""
    from action_recognition.recognition.formats import in_one_line
    from action_recognition.recognition.results import FILM_S

    if isinstance(answer, VideoError):
        raise answer
    segments: list[Segment] | None = None
    if answer.video.duration_s > FILM_S:
        with progress_bar("seconds of video") as report:
            segments = list(
                recognizer.timeline(
                    file, on_progress=lambda done_s, all_s: report(round(done_s), round(all_s))
                )
            )
        found = any(segment.action is not None for segment in segments)
    else:
        found = answer.action is not None
    other = None if second is None or found else second.predict(file)
    if options.json:
        facts = {**answer.to_dict(), "file": str(file)}
        if segments is not None:
            facts["segments"] = [segment.to_dict() for segment in segments]
        if other is not None:
            facts["otherwise"] = {**other.verdict(), "model": str(options.otherwise)}
        return json_line(facts)
    line = _sentence(answer, options.top) if segments is None else in_one_line(segments)
    if other is not None:
        line += f"; {options.otherwise}: {_ranked(other, options.top)}"
    return line


def _sentence(prediction: Prediction, top: int) -> str:
    answer = _ranked(prediction, top)
    if prediction.action is None:
        return f"none of the known actions (nearest: {answer})"
    return f"unsure: {_ranked(prediction, max(2, top))}" if prediction.unsure else answer


def _ranked(prediction: Prediction, top: int) -> str:
    return ", ".join(f"{action} {percent(p)}" for action, p in prediction.ranked[:top])
