"""`action-recognition cut FILE... --output FOLDER`: the moments of videos, each as a file."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from action_recognition.cli.options import (
    add_recognizer_options,
    load_recognizer,
    read_actions,
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
from action_recognition.cli.several import add_files_argument, for_each, refuse_several
from action_recognition.errors import UsageError, one_line

if TYPE_CHECKING:
    from action_recognition.recognition.segmentation import Segment
    from action_recognition.video.frames import Frames

    _Finder = Callable[[str], list[Segment]]

MODES = ("auto", "copy", "exact")


def add_parser(subparsers: Any) -> None:
    """Adds the subcommand."""
    parser = subparsers.add_parser(
        "cut",
        help="cut the moments that show an action out of videos",
        description="Finds the moments of each video that show an action, and writes each as an "
        "MP4 of its own, with the sound. Prints the name of each file.",
    )
    add_files_argument(parser)
    parser.add_argument("--output", metavar="FOLDER", help="where the files go")
    parser.add_argument(
        "--action", nargs="+", metavar="NAME", default=[], help="only these actions (default: all)"
    )
    parser.add_argument(
        "--min-probability", type=float, default=0.0, metavar="P",
        help="only moments at least so probable, 0 to 1",
    )  # fmt: skip
    parser.add_argument(
        "--moments", nargs="+", metavar="START-END", default=[],
        help="cut these out of each video, for example 12-31.4 or 1:02-1:09, and search for none",
    )  # fmt: skip
    parser.add_argument(
        "--margin", type=float, default=0.0, metavar="S",
        help="seconds more before and after each moment",
    )  # fmt: skip
    parser.add_argument(
        "--mode", choices=MODES, default="auto",
        help="copy: without loss, from the key frame before the start; exact: encoded anew, to the "
        "frame; auto: copy where a key frame lies at the start, else exact",
    )  # fmt: skip
    parser.add_argument("--gif", action="store_true", help="write GIFs instead, at most 10 s each")
    parser.add_argument(
        "--contact-sheet",
        metavar="PNG",
        help="write one picture with all the moments of a video, too",
    )
    add_overwrite_option(parser)
    add_recognizer_options(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Finds the moments of each video, then writes them."""
    _check(options)
    if options.gif or options.contact_sheet:
        import PIL  # noqa: F401  before the search, which may take long

    files = list(dict.fromkeys(video_files(options.files)))
    if options.contact_sheet:
        refuse_several(files, "--contact-sheet")
        check_free(Path(options.contact_sheet), files, overwrite=options.overwrite)
    finder = _finder(options)
    taken: set[str] = set()
    return for_each(files, lambda file: _cut(options, finder, file, files, taken))


def _cut(
    options: argparse.Namespace, finder: _Finder, file: str, files: Sequence[str], taken: set[str]
) -> None:
    found = finder(file)
    if not found:
        print(f"{one_line(file)}: no such moment is found", file=sys.stderr)
        return
    if options.output:
        for segment, path in _planned(options, file, found, files, taken):
            _write(options, file, path, segment.start_s, segment.end_s)
    if options.contact_sheet:
        from action_recognition.editing.contact_sheet import contact_sheet
        from action_recognition.files import write_whole

        with _opened(options, file) as video:
            write_whole(Path(options.contact_sheet), contact_sheet(video, found))
        say_written(Path(options.contact_sheet), f"{len(found)} moments")


def _check(options: argparse.Namespace) -> None:
    if not options.output and not options.contact_sheet:
        raise UsageError("cut: give --output FOLDER or --contact-sheet PNG")
    if not 0 <= options.min_probability <= 1:
        raise UsageError(f"--min-probability {options.min_probability:g}: must be from 0 to 1")
    if not 0 <= options.margin < 3600:
        raise UsageError(f"--margin {options.margin:g}: must be from 0 to 3600")
    if options.moments and options.action:
        raise UsageError("--moments and --action exclude each other")


def _finder(options: argparse.Namespace) -> _Finder:
    """What gives the moments of a video: those that are named, or those that a model finds."""
    from action_recognition.editing.moments import parse_span, widen
    from action_recognition.models.model_file import find_model
    from action_recognition.recognition.segmentation import Segment
    from action_recognition.search.actions import is_wanted

    if options.moments:
        spans = [parse_span(text) for text in options.moments]
        named = [Segment(start, end, None, "", 0.0, 0.0) for start, end in spans]

        def find_named(file: str) -> list[Segment]:
            with _opened(options, file) as video:
                info = video.info
            return widen(named, options.margin, end_s=info.start_s + info.duration_s)

        return find_named
    recognizer = load_recognizer(options, options.model)
    actions = read_actions(options.action, recognizer.classes, find_model(options.model))

    def find(file: str) -> list[Segment]:
        with recognizer.open(file) as video:
            info = video.info
        with progress_bar("seconds of video") as report:
            segments = [
                segment
                for segment in recognizer.timeline(
                    file, on_progress=lambda done_s, all_s: report(round(done_s), round(all_s))
                )
                if is_wanted(segment, actions, options.min_probability)
            ]
        return widen(segments, options.margin, end_s=info.start_s + info.duration_s)

    return find


def _planned(
    options: argparse.Namespace,
    file: str,
    found: Sequence[Segment],
    files: Sequence[str],
    taken: set[str],
) -> list[tuple[Segment, Path]]:
    """Each moment with its file; none of them is there already, or nothing is written."""
    from action_recognition.editing.moments import file_name

    ending, folder = "gif" if options.gif else "mp4", Path(options.output)
    names = [another_name(file_name(file, segment, ending), taken) for segment in found]
    paths = [check_free(folder / name, files, overwrite=options.overwrite) for name in names]
    return list(zip(found, paths, strict=True))


def _write(
    options: argparse.Namespace, file: str, path: Path, start_s: float, end_s: float
) -> None:
    if options.gif:
        from action_recognition.editing.gif import gif_of
        from action_recognition.files import write_whole

        with _opened(options, file) as video:
            write_whole(path, gif_of(video, start_s, end_s))
        say_written(path)
        return
    from action_recognition.editing.cut import cut_to_file

    with progress_bar("seconds cut") as report:
        made = cut_to_file(
            file,
            path,
            start_s,
            end_s,
            mode=options.mode,
            limits=read_limits(options),
            untrusted=options.untrusted,
            on_progress=lambda done_s, all_s: report(round(done_s), round(all_s)),
        )
    way = "copied" if made.copied else "encoded"
    say_written(path, f"{made.start_s:.2f} to {made.end_s:.2f} s, {way}")


def _opened(options: argparse.Namespace, file: str) -> Frames:
    from action_recognition.video import Video

    limits = read_limits(options)
    if not options.untrusted:
        return Video(file, limits=limits)
    from action_recognition.video.isolated import IsolatedVideo

    return IsolatedVideo(file, limits=limits)
