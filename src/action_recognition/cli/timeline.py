"""`action-recognition timeline FILE...`: what is seen when, over whole videos."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from action_recognition.cli.options import (
    add_course_options,
    add_recognizer_options,
    check_course,
    load_recognizer,
)
from action_recognition.cli.paths import video_files
from action_recognition.cli.printing import json_line
from action_recognition.cli.progress import progress_bar
from action_recognition.cli.several import add_files_argument, for_each, refuse_several
from action_recognition.recognition.formats import answer, clock

if TYPE_CHECKING:
    from action_recognition.recognition.recognizer import Recognizer
    from action_recognition.recognition.segmentation import Segment

    _LinesOf = Callable[[argparse.Namespace, Recognizer, str, Iterator[Segment]], Iterator[str]]

_OF_ONE = ("vtt", "srt", "edl", "label_studio", "cvat")  # forms that describe one video


def add_parser(subparsers: Any) -> None:
    """Adds the subcommand."""
    parser = subparsers.add_parser(
        "timeline",
        help="find which actions a long video shows, and when",
        description="Prints a line for each segment of a video as soon as it is known; of several "
        "videos, each line names its file. Memory use does not grow with the length of a video.",
    )
    add_files_argument(parser)
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print one JSON object per line")
    form.add_argument("--csv", action="store_true", help="print CSV")
    form.add_argument("--vtt", action="store_true", help="print subtitles (WebVTT)")
    form.add_argument("--srt", action="store_true", help="print subtitles (SubRip)")
    form.add_argument(
        "--edl",
        action="store_true",
        help="print an edit decision list (CMX 3600), which DaVinci Resolve and Premiere read",
    )
    form.add_argument(
        "--label-studio", action="store_true", help="print a task with predictions for Label Studio"
    )
    form.add_argument(
        "--cvat", action="store_true", help="print a tag for each frame for CVAT (CVAT 1.1, XML)"
    )
    add_course_options(parser)
    add_recognizer_options(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Prints the segments as they come."""
    check_course(options)
    files = video_files(options.files)
    for form in _OF_ONE:
        if getattr(options, form):
            refuse_several(files, f"--{form.replace('_', '-')}")
    recognizer = load_recognizer(options, options.model)
    if options.csv and len(files) > 1:
        from action_recognition.search.formats import CSV_COLUMNS

        print(",".join(CSV_COLUMNS), flush=True)
    lines_of = _lines_of_one if len(files) == 1 else _lines_of_several
    return for_each(files, lambda file: _print(options, recognizer, file, lines_of))


def _print(
    options: argparse.Namespace, recognizer: Recognizer, file: str, lines_of: _LinesOf
) -> None:
    with progress_bar("seconds of video") as report:
        segments = recognizer.timeline(
            file,
            step_s=options.step,
            dwell_s=options.dwell,
            on_progress=lambda done_s, all_s: report(round(done_s), round(all_s)),
        )
        for line in lines_of(options, recognizer, file, segments):
            print(line, flush=True)


def _lines_of_several(
    options: argparse.Namespace, recognizer: Recognizer, file: str, segments: Iterator[Segment]
) -> Iterator[str]:
    """As those of `find`: each names the file."""
    from action_recognition.search.formats import as_csv_row, as_line, as_object

    for segment in segments:
        if options.json:
            yield json_line(as_object(file, segment))
        else:
            yield as_csv_row(file, segment) if options.csv else as_line(file, segment)


def _lines_of_one(
    options: argparse.Namespace, recognizer: Recognizer, file: str, segments: Iterator[Segment]
) -> Iterator[str]:
    from action_recognition.recognition.formats import (
        segments_to_csv,
        segments_to_srt,
        segments_to_vtt,
    )

    if options.csv:
        yield from segments_to_csv(segments)
    elif options.vtt:
        yield from segments_to_vtt(segments)
    elif options.srt:
        yield from segments_to_srt(segments)
    elif options.edl or options.label_studio or options.cvat:
        yield from _for_programs(options, recognizer, file, segments)
    else:
        for segment in segments:
            span = f"{clock(segment.start_s)} to {clock(segment.end_s)}"
            yield json_line(segment.to_dict()) if options.json else f"{span}  {answer(segment)}"


def _for_programs(
    options: argparse.Namespace, recognizer: Recognizer, file: str, segments: Iterator[Segment]
) -> Iterator[str]:
    """What needs the frame rate of the video, too."""
    from action_recognition.editing.edl import segments_to_edl
    from action_recognition.editing.labelling import segments_to_cvat, segments_to_label_studio

    with recognizer.open(file) as video:
        info, name = video.info, video.name
    if options.edl:
        yield from segments_to_edl(segments, info, name)
    elif options.cvat:
        yield from segments_to_cvat(list(segments), info, name)
    else:
        yield segments_to_label_studio(segments, info, name).rstrip("\n")
