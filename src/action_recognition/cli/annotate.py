"""`action-recognition annotate FILE -o OUT.mp4`: the film with what is seen written on it."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from action_recognition.cli.options import (
    add_limit_options,
    add_model_option,
    load_recognizer,
    read_limits,
)
from action_recognition.cli.outputs import add_overwrite_option, check_free, say_written
from action_recognition.cli.progress import progress_bar
from action_recognition.errors import UsageError


def add_parser(subparsers: Any) -> None:
    """Adds the subcommand."""
    parser = subparsers.add_parser(
        "annotate",
        help="write a film with the action and its probability on each frame",
        description="Writes the film as MP4 with its sound; on each frame stand the action, its "
        "probability and a bar, or that it is none of the known actions.",
    )
    parser.add_argument("file", metavar="FILE", help="video file")
    parser.add_argument("-o", "--output", required=True, metavar="MP4", help="the file to write")
    parser.add_argument(
        "--moment", metavar="START-END", help="only this part, for example 12-31.4 or 1:02-1:09"
    )
    parser.add_argument(
        "--heat-map", action="store_true", help="show where in the picture the action was seen"
    )
    add_overwrite_option(parser)
    add_model_option(parser)
    parser.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda"))
    add_limit_options(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Goes through the film twice: once for what is seen, once to write it."""
    from action_recognition.editing.annotate import overlays_of
    from action_recognition.editing.cut import cut_to_file
    from action_recognition.editing.moments import parse_span

    path = Path(options.output)
    if path.suffix.lower() not in (".mp4", ".m4v"):
        raise UsageError(f"{path}: the film is written as MP4; give a name that ends in .mp4")
    check_free(path, options)
    span = parse_span(options.moment) if options.moment else None
    recognizer = load_recognizer(options, options.model)
    with progress_bar("seconds looked at") as report:
        segments = list(
            recognizer.timeline(
                options.file,
                on_progress=lambda done_s, all_s: report(round(done_s), round(all_s)),
            )
        )
    with recognizer.open(options.file) as video:
        info, name = video.info, video.name
    start_s, end_s = span or (0.0, info.start_s + info.duration_s)
    shown = [s for s in segments if s.end_s > start_s and s.start_s < end_s]
    heat = (recognizer, options.file, name) if options.heat_map else None
    with progress_bar("seconds written") as report:
        made = cut_to_file(
            options.file,
            path,
            start_s,
            end_s,
            overlays=overlays_of(shown, info, heat=heat),
            limits=read_limits(options),
            untrusted=options.untrusted,
            on_progress=lambda done_s, all_s: report(round(done_s), round(all_s)),
        )
    say_written(path, f"{made.start_s:.2f} to {made.end_s:.2f} s")
    return 0
