"""`action-recognition evaluate MODEL --data DIR`: the figures of a model on one split."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from action_recognition.cli.options import (
    add_class_option,
    add_device_option,
    add_unknown_options,
    add_videos_option,
    read_unknown,
)
from action_recognition.cli.progress import progress_bar
from action_recognition.cli.together import add_process_options, run_together

if TYPE_CHECKING:
    from action_recognition.datasets.manifest import Manifest
    from action_recognition.training.processes import Processes


def add_parser(subparsers: Any) -> None:
    """Adds the subcommand."""
    parser = subparsers.add_parser(
        "evaluate",
        help="evaluate a model on labelled clips",
        description="Prints accuracy, precision, recall and F1, per class and on average. "
        "With --report, also writes report.md, report.json and two figures.",
    )
    parser.add_argument("model", metavar="H5", help="model file, `shipped` or `kinetics600`")
    parser.add_argument(
        "--data", nargs="+", required=True, metavar="SOURCE",
        help="class folders, manifests (CSV), shards (tar files), or project files of corrections "
        "(JSON)",
    )  # fmt: skip
    add_videos_option(parser)
    parser.add_argument(
        "--split", default="test", choices=("train", "val", "test"), help="clips to measure on"
    )
    add_class_option(parser)
    parser.add_argument("--report", metavar="DIR", help="folder to write the report to")
    parser.add_argument("--json", action="store_true", help="print JSON instead of Markdown")
    add_unknown_options(parser)
    add_device_option(parser)
    add_process_options(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Measures, prints the report, writes it where asked."""

    def work(processes: Processes | None) -> int:
        return _run(options, processes)

    return run_together(options, work, lambda: options.command)


def _run(options: argparse.Namespace, processes: Processes | None) -> int:
    import json

    from action_recognition.datasets.folders import load_data
    from action_recognition.evaluation.evaluate import evaluate, in_turn
    from action_recognition.evaluation.report import write_report
    from action_recognition.recognition.recognizer import Recognizer

    recognizer = Recognizer.load(options.model, device=options.device)

    def loaded() -> Manifest:
        with progress_bar("checking clips") as on_progress:
            return load_data(  # with the checks of training: they decide on the split, too
                options.data,
                classes=options.classes,
                videos=options.videos,
                validation=options.split != "test",  # a folder of test clips alone is enough
                on_progress=on_progress,
            )

    manifest = processes.from_writer(loaded) if processes else loaded()
    for line in manifest.omissions():
        print(line, file=sys.stderr)  # the report alone goes to stdout
    with progress_bar("evaluating") as on_progress:
        evaluation = evaluate(
            recognizer,
            manifest.split(options.split),
            split=options.split,
            unknown=read_unknown(options),
            on_progress=on_progress,
            each=processes.each if processes else in_turn,
        )
    print(json.dumps(evaluation.to_dict()) if options.json else evaluation.to_markdown())
    if options.report and (processes is None or processes.writer):
        title = f"Evaluation of {Path(options.model).name}"
        for written in write_report(evaluation, options.report, title=title):
            print(f"written: {written}")
    return 0
