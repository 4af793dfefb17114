"""`action-recognition correct project.json --output my.h5`: teach a model what it had wrong."""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from action_recognition.cli.options import (
    add_device_option,
    add_limit_options,
    add_videos_option,
    load_recognizer,
)
from action_recognition.cli.progress import progress_bar
from action_recognition.models.sealed_file import check_output

if TYPE_CHECKING:
    from action_recognition.datasets.corrections import Corrections
    from action_recognition.training.correct import Taught


def add_parser(subparsers: Any) -> None:
    """Adds the subcommand."""
    parser = subparsers.add_parser(
        "correct",
        help="teach a model by corrections of what it had wrong",
        description="Reads a project file of corrections, as the dashboard's tab Correct writes "
        "it, teaches a model by them, and prints how often the old and the new one are right on "
        "corrections that were held back. The network stays as it is but for its last layer, and "
        "its training clips are not needed.",
    )
    parser.add_argument("project", metavar="JSON", help="project file")
    parser.add_argument("--output", required=True, metavar="H5", help="model file to write")
    parser.add_argument(
        "--start", metavar="H5", default="shipped",
        help="model to teach: a file, `shipped` or `kinetics600`",
    )  # fmt: skip
    add_videos_option(parser)
    add_device_option(parser)
    add_limit_options(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Reads, teaches, writes, prints the figures."""
    import scipy  # noqa: F401  # if it is not installed, that is said before the videos are read

    from action_recognition.datasets.corrections import digest_of, load_corrections
    from action_recognition.models.model_file import find_model, save_model
    from action_recognition.training.anchored import new_classes
    from action_recognition.training.correct import correct
    from action_recognition.training.segment_reading import read_segments

    project, output = Path(options.project), Path(options.output)
    check_output(output)
    corrections = load_corrections(project)
    recognizer = load_recognizer(options, options.start)
    start = find_model(options.start)
    if corrections.model not in (None, digest_of(start)):
        _note(f"the corrections were made of the answers of another model than {start.name}")
    print(_summary(corrections), flush=True)
    folders = [*map(Path, options.videos), project.parent]
    with progress_bar("segments seen") as report:

        def seen_of(done: int, total: int) -> None:
            report(done, total)
            if not sys.stderr.isatty():
                print(f"seen: {done} of {total} segments", flush=True)

        seen = read_segments(recognizer, corrections, folders, seen_of)
    added = new_classes(recognizer.model, seen)
    if added:
        print(f"new actions: {', '.join(added)}", flush=True)
    with progress_bar("trainings") as report:
        taught = correct(recognizer, seen, report)
    record = {
        "start": start.name,
        "segments": len(corrections.segments),
        "strength": taught.strength,
        "new_actions": list(added),
        "held_back": "videos" if taught.by_video else "segments",
        "corrected": asdict(taught.corrected),
        "confirmed": asdict(taught.confirmed),
    }
    model = taught.model
    save_model(replace(model, training={**model.training, "corrections": record}), output)
    print(taught.to_markdown(start.name, output.name))
    for note in _notes(taught):
        _note(note)
    print(f"written: {output}")
    return 0


def _summary(corrections: Corrections) -> str:
    of = corrections.segments
    confirmed = sum(s.kind == "confirmed" for s in of)
    videos = len({s.video for s in of})
    return (
        f"{len(of)} segments of {videos} videos: {len(of) - confirmed} corrected or added, "
        f"{confirmed} confirmed"
    )


def _notes(taught: Taught) -> list[str]:
    """What the figures do not say by themselves."""
    notes = []
    if not taught.by_video:
        notes.append(
            "all segments are of one video: the figures are of that video and flatter the new "
            "model; correct another video, too"
        )
    if taught.untested:
        notes.append(
            "segments that could not be held back, because their action is in no other "
            f"{'video' if taught.by_video else 'segment'}: {taught.untested}"
        )
    if taught.unused:
        notes.append(
            "segments of none of the actions that were not used, because the model has no "
            f"background classes to learn them: {taught.unused}"
        )
    old = taught.corrected.old + taught.confirmed.old
    if taught.corrected.segments and taught.corrected.new + taught.confirmed.new <= old:
        notes.append("on what was held back, the new model is not better than the old one")
    return notes


def _note(text: str) -> None:
    print(f"action-recognition: note: {text}", file=sys.stderr, flush=True)
