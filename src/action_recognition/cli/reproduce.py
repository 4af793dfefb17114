"""`action-recognition reproduce`: from the archives to the report, in one line."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from action_recognition.actions import ACTIONS
from action_recognition.cli.alone import alone
from action_recognition.cli.data.download import add_download_options, run_download
from action_recognition.cli.data.prepare import add_prepare_options, prepare_clips
from action_recognition.cli.options import add_class_option, add_root_option
from action_recognition.cli.progress import progress_bar
from action_recognition.cli.train import (
    add_training_options,
    fingerprint_options,
    read_settings,
    train,
)
from action_recognition.errors import UsageError
from action_recognition.models.sealed_file import check_output

if TYPE_CHECKING:
    from action_recognition.datasets.manifest import Manifest
    from action_recognition.evaluation.evaluate import Evaluation


def add_parser(subparsers: Any) -> None:
    """Adds the subcommand."""
    parser = subparsers.add_parser(
        "reproduce",
        help="download, prepare, train, evaluate and report, in one command",
        description="Runs `data download`, `data prepare`, `train` and `evaluate`, one after the "
        "other. A step that was already completed with the same options and data is skipped; "
        "an interrupted one is resumed.",
    )
    add_root_option(parser)
    parser.add_argument("--output", metavar="H5", help="model file (default: ROOT/model.h5)")
    parser.add_argument("--report", metavar="DIR", help="report folder (default: ROOT/report)")
    add_class_option(parser, "original class names (default: those of the ten actions)")
    add_download_options(parser)
    add_prepare_options(parser)
    add_training_options(parser)
    parser.set_defaults(run=run_reproduce)


def run_reproduce(options: argparse.Namespace) -> int:
    """The steps, with a heading for each."""
    if options.classes is None and options.dataset != "all" and not options.videos:
        wanted = [a for a in ACTIONS if a.dataset.lower() == options.dataset]
        options.classes = [a.original_class for a in wanted]
    root = Path(options.root)
    output = Path(options.output) if options.output else root / "model.h5"
    check_output(output)
    with alone(options, output):
        _reproduce(options, root, output)
    return 0


def _reproduce(options: argparse.Namespace, root: Path, output: Path) -> None:
    from action_recognition.datasets.manifest_csv import read_manifest
    from action_recognition.evaluation.report import write_report

    if options.videos:
        print("== download: not needed, --videos names folders", flush=True)
    else:
        print("== download", flush=True)
        run_download(options)
    print("== prepare", flush=True)
    prepare_clips(options)
    manifest = read_manifest(root / "manifest.csv")
    measured: list[Evaluation] = []
    if _is_trained(options, manifest, output):
        print(f"== train: done already, {output}", flush=True)
    else:
        print("== train", flush=True)
        measured = _train(options, manifest, output)
    report = Path(options.report) if options.report else root / "report"
    if _is_newer(report / "report.json", output, root / "manifest.csv"):
        print(f"== report: done already, {report}", flush=True)
    else:
        print("== report", flush=True)
        measured = measured or [_measure(manifest, output, options.device)]
        for path in write_report(measured[0], report, title=f"Evaluation of {output.name}"):
            print(f"written: {path}")
    print((report / "report.md").read_text(encoding="utf-8"))


def _is_trained(options: argparse.Namespace, manifest: Manifest, output: Path) -> bool:
    """Whether the model file was trained on these clips with these options."""
    from action_recognition.datasets.manifest import fingerprint
    from action_recognition.models.model_file import load_model

    if not output.exists():
        return False
    record = load_model(output).training
    settings = json.loads(json.dumps(asdict(read_settings(options))))
    return (
        record.get("data") == fingerprint([*manifest.split("train"), *manifest.split("val")])
        and record.get("settings") == settings
        and record.get("options") == fingerprint_options(options)
    )


def _train(options: argparse.Namespace, manifest: Manifest, output: Path) -> list[Evaluation]:
    if output.with_suffix(".training").joinpath("settings.json").exists():
        try:
            return train(options, manifest, output, resume=True)
        except UsageError as error:
            print(f"not resumed, begun anew: {error}", flush=True)
    return train(options, manifest, output, resume=False)


def _is_newer(path: Path, *than: Path) -> bool:
    return path.exists() and all(path.stat().st_mtime_ns >= t.stat().st_mtime_ns for t in than)


def _measure(manifest: Manifest, model: Path, device: str) -> Evaluation:
    from action_recognition.evaluation.evaluate import evaluate
    from action_recognition.recognition.recognizer import Recognizer

    recognizer = Recognizer.load(model, device=device)
    with progress_bar("evaluating") as on_progress:
        return evaluate(recognizer, manifest.split("test"), split="test", on_progress=on_progress)
