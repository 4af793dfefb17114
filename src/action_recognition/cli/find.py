"""`action-recognition find PATH...`: the moments of many videos that show an action."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from action_recognition.cli.endings import ended_by_signals
from action_recognition.cli.find_outputs import Outputs
from action_recognition.cli.options import (
    add_course_options,
    add_recognizer_options,
    check_course,
    read_actions,
)
from action_recognition.errors import UsageError


def add_parser(subparsers: Any) -> None:
    """Adds the subcommand."""
    parser = subparsers.add_parser(
        "find",
        help="find the moments that show an action, in many videos",
        description="Prints a line for each moment that shows a known action, as soon as it is "
        "found. What was found in a video is kept in an index: the next search answers at once, "
        "and looks only at videos that are new or changed. The exit code is 0, or 1 if some of "
        "several videos cannot be read, or 2 if the only one cannot be read.",
    )
    parser.add_argument(
        "paths", metavar="PATH", nargs="+",
        help="videos, folders, ZIP, TAR and RAR archives, patterns such as 'films/**/*.mp4'",
    )  # fmt: skip
    parser.add_argument(
        "--action", metavar="NAME", action="append", default=[],
        help="action to find, again for each further one (default: all that the model knows)",
    )  # fmt: skip
    parser.add_argument(
        "--min-probability", metavar="P", type=float, default=0.0,
        help="how probable the action must be, 0 to 1",
    )  # fmt: skip
    parser.add_argument(
        "--none", action="store_true", help="list what shows none of the known actions, too"
    )
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print one JSON object per line")
    form.add_argument("--csv", action="store_true", help="print CSV")
    parser.add_argument(
        "--vtt", metavar="FOLDER", type=Path,
        help="write the moments of each video as subtitles (WebVTT) into a folder, too",
    )  # fmt: skip
    parser.add_argument(
        "--html", metavar="FILE", type=Path,
        help="write one page with a picture of each moment, which plays it, too",
    )  # fmt: skip
    parser.add_argument(
        "--recursive", action=argparse.BooleanOptionalAction, default=True,
        help="search the folders in a folder (default: yes)",
    )  # fmt: skip
    parser.add_argument(
        "--index", metavar="FILE", type=Path, help="index to use (default: in the cache folder)"
    )
    parser.add_argument(
        "--no-index", action="store_true", help="look at everything anew, and keep nothing"
    )
    add_course_options(parser)
    add_recognizer_options(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Searches the videos one by one; one that cannot be read does not stop the others."""
    if not 0 <= options.min_probability <= 1:
        raise UsageError(f"--min-probability {options.min_probability:g}: must be from 0 to 1")
    if options.index is not None and options.no_index:
        raise UsageError("--index and --no-index: give one of them")
    from action_recognition.search.index import Index

    if options.no_index:
        return _run(options, None)
    check_course(options)
    with Index(options.index, warn=_tell) as index:
        return _run(options, index)


def _run(options: argparse.Namespace, index: Any) -> int:
    from action_recognition.search.places import find_places
    from action_recognition.search.search import Search
    from action_recognition.video.isolated import can_isolate
    from action_recognition.video.limits import Limits

    if options.untrusted and not can_isolate():
        raise UsageError("--untrusted: works on Linux only")
    with Search(
        options.model,
        step_s=options.step,
        dwell_s=options.dwell,
        device=options.device,
        limits=Limits.parse(options.limits),
        untrusted=options.untrusted,
        index=index,
    ) as search:
        actions: tuple[str, ...] = ()
        if options.action:  # else the classes are not needed, nor the file of the model
            actions = read_actions(options.action, search.classes, search.model)
        places, errors = find_places(options.paths, recursive=options.recursive)
        for error in errors:
            _tell(str(error))
        with ended_by_signals(lambda: options.command), Outputs(options, search, actions) as out:
            # What the index knows comes first: it need not wait for what takes long.
            kept = [(place, search.known(place)) for place in places]
            new = [place for place, found in kept if found is None]
            for place in [place for place, found in kept if found is not None]:
                out.take(place)
            out.begin(new)
            for place in new:
                out.take(place)
    failed = len(errors) + out.failed
    if not failed:
        return 0
    return 1 if len(places) + len(errors) > 1 else 2


def _tell(sentence: str) -> None:
    print(f"action-recognition: {sentence}", file=sys.stderr)
