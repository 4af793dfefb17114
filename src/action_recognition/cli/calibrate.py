"""`action-recognition calibrate MODEL --data DIR`: honest probabilities, and "none of these"."""

from __future__ import annotations

import argparse
from typing import Any

from action_recognition.cli.options import add_class_option
from action_recognition.cli.progress import progress_bar


def add_parser(subparsers: Any) -> None:
    """Adds the subcommand."""
    parser = subparsers.add_parser(
        "calibrate",
        help="set a model's temperature and its rule for 'none of these'",
        description="Does for an older model file what `train` does at its end: fits the "
        "temperature on the validation clips, sets the rule for foreign videos from train and "
        "validation clips, and measures the test side. The weights stay as they are.",
    )
    parser.add_argument("model", metavar="H5", help="model file, or `shipped`")
    parser.add_argument(
        "--data", nargs="+", required=True, metavar="DIR", help="the data it was trained on"
    )
    parser.add_argument("--output", required=True, metavar="H5", help="model file to write")
    add_class_option(parser)
    parser.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda"))
    parser.set_defaults(run=run_calibrate)


def run_calibrate(options: argparse.Namespace) -> int:
    """Writes the calibrated model file, prints its figures."""
    from action_recognition.datasets.folders import load_data
    from action_recognition.datasets.manifest import fingerprint
    from action_recognition.errors import DataError
    from action_recognition.modelfile import load_model, shipped_model_path
    from action_recognition.training.fit import finish

    model = load_model(shipped_model_path() if options.model == "shipped" else options.model)
    with progress_bar("checking clips") as on_progress:
        manifest = load_data(options.data, classes=options.classes, on_progress=on_progress)
    found = fingerprint([*manifest.side("train"), *manifest.side("val")])
    if found != model.training.get("data"):
        raise DataError(
            f"{options.model}: was trained on other clips or another split than these, so their "
            "validation side says nothing about it"
        )
    note = str(model.training.get("note", ""))
    evaluation = finish(
        model, manifest, options.output, clips=model.clips, note=note, device=options.device
    )
    if evaluation is not None:
        print(evaluation.to_markdown())
    print(f"written: {options.output}")
    return 0
