"""`action-recognition annotate FILE... -o MP4`: films with what is seen written on them."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from action_recognition.cli.options import (
    add_recognizer_options,
    load_recognizer,
    read_limits,
)
from action_recognition.cli.outputs import (
    add_overwrite_option,
    another_name,
    check_free,
    say_written,
)
from action_recognition.cli.paths import video_files
from action_recognition.cli.progress import progress_bar
from action_recognition.cli.several import add_files_argument, for_each
from action_recognition.errors import UsageError

if TYPE_CHECKING:
    from action_recognition.recognition.recognizer import Recognizer


def add_parser(subparsers: Any) -> None:
    """Adds the subcommand."""
    parser = subparsers.add_parser(
        "annotate",
        help="write a film with the action and its probability on each frame",
        description="Writes each film as MP4 with its sound; on each frame stand the action, its "
        "probability and a bar, or that it is none of the known actions.",
    )
    add_files_argument(parser)
    parser.add_argument(
        "-o", "--output", required=True, metavar="MP4",
        help="file to write, or folder for a film of the same name for each video",
    )  # fmt: skip
    parser.add_argument(
        "--moment", metavar="START-END", help="only this part, for example 12-31.4 or 1:02-1:09"
    )
    parser.add_argument(
        "--heat-map", action="store_true", help="show where in the picture the action was seen"
    )
    add_overwrite_option(parser)
    add_recognizer_options(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Finds where each film goes, then writes them."""
    from action_recognition.editing.moments import parse_span

    files = list(dict.fromkeys(video_files(options.files)))
    span = parse_span(options.moment) if options.moment else None
    outputs = dict(zip(files, _outputs(Path(options.output), files), strict=True))
    for path in outputs.values():
        check_free(path, files, overwrite=options.overwrite)
    recognizer = load_recognizer(options, options.model)
    return for_each(
        list(outputs), lambda file: _write(options, recognizer, file, outputs[file], span)
    )


def _outputs(output: Path, files: Sequence[str]) -> list[Path]:
    """The file that was named, or one for each video in the folder that was."""
    if output.is_dir() or not output.suffix:
        taken: set[str] = set()
        return [output / another_name(f"{Path(file).stem}.mp4", taken) for file in files]
    if output.suffix.lower() not in (".mp4", ".m4v"):
        raise UsageError(
            f"{output}: the film is written as MP4; give a name that ends in .mp4, or a folder"
        )
    if len(files) > 1:
        raise UsageError(f"{output}: {len(files)} videos are given; name a folder for the films")
    return [output]


def _write(
    options: argparse.Namespace,
    recognizer: Recognizer,
    file: str,
    path: Path,
    span: tuple[float, float] | None,
) -> None:
    """Goes through the film twice: once for what is seen, once to write it."""
    from action_recognition.editing.annotate import overlays_of
    from action_recognition.editing.cut import cut_to_file

    with progress_bar("seconds looked at") as report:
        segments = list(
            recognizer.timeline(
                file, on_progress=lambda done_s, all_s: report(round(done_s), round(all_s))
            )
        )
    with recognizer.open(file) as video:
        info, name = video.info, video.name
    start_s, end_s = span or (0.0, info.start_s + info.duration_s)
    shown = [s for s in segments if s.end_s > start_s and s.start_s < end_s]
    heat = (recognizer, file, name) if options.heat_map else None
    with progress_bar("seconds written") as report:
        made = cut_to_file(
            file,
            path,
            start_s,
            end_s,
            overlays=overlays_of(shown, info, heat=heat),
            limits=read_limits(options),
            untrusted=options.untrusted,
            on_progress=lambda done_s, all_s: report(round(done_s), round(all_s)),
        )
    say_written(path, f"{made.start_s:.2f} to {made.end_s:.2f} s")
