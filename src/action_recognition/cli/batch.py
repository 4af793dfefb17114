"""`action-recognition batch SOURCE... --output OUT`: a table of what many videos show."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from action_recognition.cli.endings import ended_by_signals
from action_recognition.cli.options import (
    add_course_options,
    add_recognizer_options,
    check_course,
    note,
    port_number,
    read_limits,
)
from action_recognition.errors import UsageError, VideoError

if TYPE_CHECKING:
    from action_recognition.batch.summary import Summary

_REASONS = 5  # that are told at the end
_APART_S = 30.0  # between the lines of a log


def add_parser(subparsers: Any) -> None:
    """Adds the subcommand."""
    parser = subparsers.add_parser(
        "batch",
        help="write a table of what many videos show, on one machine or a cluster",
        description="Writes what each video shows when into a folder of Parquet files, a row for "
        "each segment, and one for the error of a video that cannot be read. Started again with "
        "the same folder, it goes on where it was. Runs on Ray (extra `scale`).",
    )
    parser.add_argument(
        "sources", metavar="SOURCE", nargs="+",
        help="videos, folders, patterns such as 'films/**/*.mp4', CSV files with a column `path`, "
        "tar files of videos, and all but the CSV files in an object store, as s3://bucket/films",
    )  # fmt: skip
    parser.add_argument(
        "--output", metavar="OUT", required=True,
        help="folder for the table, here or in an object store; one batch at a time",
    )  # fmt: skip
    parser.add_argument(
        "--address", metavar="ADDRESS",
        help="Ray cluster to run on, `auto` for the one of this machine (default: begin one here)",
    )  # fmt: skip
    parser.add_argument(
        "--workers", metavar="N", type=int,
        help="processes with the model (default: one for each core, or one for each GPU)",
    )  # fmt: skip
    parser.add_argument(
        "--decoders", metavar="N", type=int,
        help="videos that each worker looks at together, decoded in processes apart, so that a GPU "
        "does not wait; 0: in a thread of the worker (default: 0, or the cores for each GPU)",
    )  # fmt: skip
    parser.add_argument(
        "--piece-minutes", metavar="M", type=float, default=20.0,
        help="split longer videos into pieces of this length",
    )  # fmt: skip
    parser.add_argument(
        "--retry-errors", action="store_true",
        help="do those videos again whose rows hold an error, and take out these rows",
    )  # fmt: skip
    parser.add_argument(
        "--metrics-port", metavar="PORT", type=port_number,
        help="TCP port for the figures of the batch, in the format of Prometheus (default: none)",
    )  # fmt: skip
    parser.add_argument(
        "--metrics-address", metavar="ADDRESS", default="127.0.0.1",
        help="address to listen on for them; 127.0.0.1: for this machine only",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print the summary as JSON")
    add_course_options(parser)
    add_recognizer_options(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Looks at all videos; one that cannot be read does not stop the others."""
    check_course(options)
    if not 0 < options.piece_minutes < float("inf"):
        raise UsageError(f"--piece-minutes {options.piece_minutes:g}: must be more than 0")
    if options.workers is not None and options.workers < 1:
        raise UsageError(f"--workers {options.workers}: must be at least 1")
    if options.decoders is not None and options.decoders < 0:
        raise UsageError(f"--decoders {options.decoders}: must be at least 0")
    limits = read_limits(options)
    from action_recognition.batch.parts import Parts
    from action_recognition.batch.run import run_batch
    from action_recognition.batch.settings import Settings
    from action_recognition.batch.sources import find_sources
    from action_recognition.models.model_file import find_model
    from action_recognition.models.sealed_file import stated_digest
    from action_recognition.recognition.recognizer import Recognizer

    recognizer = Recognizer.load(options.model, device="cpu")
    path = find_model(options.model)
    named = options.model in (None, "shipped", "kinetics600")  # each machine has its own file
    settings = Settings(
        model=(options.model or "shipped") if named else str(path.absolute()),
        digest=stated_digest(path),
        window=recognizer.window,
        interval_s=recognizer.model.preprocessing.interval_s,
        step_s=options.step,
        dwell_s=options.dwell,
        piece_s=60 * options.piece_minutes,
        device=options.device,
        limits=limits,
        untrusted=options.untrusted,
    )
    with ExitStack() as stack:
        stack.enter_context(ended_by_signals(lambda: options.command))
        figures = None
        if options.metrics_port is not None:
            from action_recognition.batch.figures import served

            figures = stack.enter_context(served(options.metrics_address, options.metrics_port))
        files, errors = find_sources(options.sources)
        for error in errors:
            note(error)
        parts = Parts(options.output)
        if options.retry_errors:
            facts = settings.digest, settings.step_s, settings.dwell_s
            parts.drop({file.key(*facts) for file in files} & parts.failed())
        progress = stack.enter_context(_Progress())

        def show(summary: Summary) -> None:
            progress.show(summary)
            if figures is not None:
                figures.summary = summary

        summary = run_batch(
            files,
            parts,
            settings,
            recognizer.classes,
            address=options.address,
            workers=options.workers,
            decoders=options.decoders,
            on_progress=show,
        )
    return _end(summary, errors, options)


def _end(summary: Summary, errors: Sequence[VideoError], options: argparse.Namespace) -> int:
    for error in summary.unread[:_REASONS]:
        note(error)
    facts = {**summary.to_dict(), "not_found": len(errors), "output": options.output}
    print(json.dumps(facts) if options.json else _sentence(summary, options.output))
    failed = len(errors) + summary.errors + len(summary.unread) + summary.lost
    if not failed:
        return 0
    return 1 if summary.files + len(errors) > 1 else 2


class _Progress:
    """On stderr: videos, hours of video, errors and time left.

    On a terminal it is one line that is drawn anew; elsewhere there is a line every half minute.
    """

    def __enter__(self) -> _Progress:
        from tqdm import tqdm

        self._bar = tqdm(file=sys.stderr, bar_format="{desc}", disable=not sys.stderr.isatty())
        self._written_s = time.monotonic()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.close()

    def show(self, summary: Summary) -> None:
        """Tells how far the batch is."""
        if not self._bar.disable:
            self._bar.set_description_str(_state(summary), refresh=False)
            self._bar.update()
        elif time.monotonic() - self._written_s >= _APART_S:
            self._written_s = time.monotonic()
            print(_state(summary), file=sys.stderr, flush=True)


def _state(summary: Summary) -> str:
    from tqdm import tqdm

    hours = summary.video_s / 3600
    rate = hours / summary.elapsed_s if summary.elapsed_s else 0.0
    left = "?" if summary.left_s is None else tqdm.format_interval(summary.left_s)
    return (
        f"{100 * summary.bytes_done / max(1, summary.bytes):3.0f} %, "
        f"{summary.skipped + summary.done} of {summary.files} videos, {hours:.2f} h of video, "
        f"{rate:.4f} h a second, errors: {summary.errors}, {left} left"
    )


def _sentence(summary: Summary, output: str) -> str:
    lost = f", {len(summary.unread)} could not be reached" if summary.unread else ""
    lost += f", {summary.lost} lost with their workers" if summary.lost else ""
    return (
        f"{output}: {summary.done} videos in {summary.elapsed_s:.1f} s "
        f"({summary.video_s / 3600:.2f} h of video, {summary.segments} segments, "
        f"{summary.errors} with errors), {summary.skipped} were there already{lost}"
    )
