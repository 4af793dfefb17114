"""`action-recognition timeline FILE`: what is seen when, over a whole video."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from action_recognition.cli.options import (
    add_course_options,
    add_limit_options,
    add_model_option,
    check_course,
    load_recognizer,
)
from action_recognition.cli.printing import json_line
from action_recognition.cli.progress import progress_bar
from action_recognition.recognition.formats import clock

if TYPE_CHECKING:
    from action_recognition.recognition.recognizer import Recognizer
    from action_recognition.recognition.segmentation import Segment


def add_parser(subparsers: Any) -> None:
    """Adds the subcommand."""
    parser = subparsers.add_parser(
        "timeline",
        help="find which actions a long video shows, and when",
        description="Prints a line for each segment of a video as soon as it is known. Memory use "
        "does not grow with the length of the video.",
    )
    parser.add_argument("file", metavar="FILE", help="video file")
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
    add_model_option(parser)
    parser.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda"))
    add_limit_options(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Prints the segments as they come."""
    check_course(options)
    from action_recognition.recognition.formats import (
        segments_to_csv,
        segments_to_srt,
        segments_to_vtt,
    )

    recognizer = load_recognizer(options, options.model)
    with progress_bar("seconds of video") as report:
        segments = recognizer.timeline(
            options.file,
            step_s=options.step,
            dwell_s=options.dwell,
            on_progress=lambda done_s, all_s: report(round(done_s), round(all_s)),
        )
        if options.csv:
            lines = segments_to_csv(segments)
        elif options.vtt:
            lines = segments_to_vtt(segments)
        elif options.srt:
            lines = segments_to_srt(segments)
        elif options.edl or options.label_studio or options.cvat:
            lines = _for_programs(options, recognizer, segments)
        else:
            lines = _lines(segments, as_json=options.json)
        for line in lines:
            print(line, flush=True)
    return 0


def _for_programs(
    options: argparse.Namespace, recognizer: Recognizer, segments: Iterator[Segment]
) -> Iterator[str]:
    """What needs the frame rate of the video, too."""
    from action_recognition.editing.edl import segments_to_edl
    from action_recognition.editing.labelling import segments_to_cvat, segments_to_label_studio

    with recognizer.open(options.file) as video:
        info, name = video.info, video.name
    if options.edl:
        yield from segments_to_edl(segments, info, name)
    elif options.cvat:
        yield from segments_to_cvat(list(segments), info, name)
    else:
        yield segments_to_label_studio(segments, info, name).rstrip("\n")


def _lines(segments: Iterator[Segment], *, as_json: bool) -> Iterator[str]:
    for segment in segments:
        if as_json:
            yield json_line(segment.to_dict())
        else:
            span = f"{clock(segment.start_s)} to {clock(segment.end_s)}"
            answer = f"{segment.nearest_action} {segment.probability:.1%}"
            if segment.action is None:
                answer = "none of the known actions"
            elif segment.unsure:
                answer = (
                    f"unsure: {answer} or {segment.second_action} {segment.second_probability:.1%}"
                )
            yield f"{span}  {answer}"
