"""`action-recognition calibrate MODEL --data DIR`: honest probabilities, and "none of these"."""

from __future__ import annotations

import argparse
from typing import Any

from action_recognition.cli.options import add_foreign_options, read_foreign
from action_recognition.cli.training_data import add_training_data_options, read_training_data


def add_parser(subparsers: Any) -> None:
    """Adds the subcommand."""
    parser = subparsers.add_parser(
        "calibrate",
        help="set a model's temperature and its rule for 'none of these'",
        description="Does for an older model file what `train` does at its end: fits the "
        "temperature on the validation clips, sets the rule for foreign videos from train and "
        "validation clips, and measures the test side. The weights stay as they are.",
    )
    parser.add_argument("model", metavar="H5", help="model file, `shipped` or `fast`")
    parser.add_argument("--output", required=True, metavar="H5", help="model file to write")
    add_training_data_options(parser)
    add_foreign_options(parser)
    parser.add_argument("--note", help="a sentence for the training record (default: as it is)")
    parser.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda"))
    parser.set_defaults(run=run_calibrate)


def run_calibrate(options: argparse.Namespace) -> int:
    """Writes the calibrated model file, prints its figures."""
    from action_recognition.modelfile import find_model, load_model
    from action_recognition.training.fit import finish

    model = load_model(find_model(options.model))
    manifest = read_training_data(options, model)
    note = str(model.training.get("note", ""))
    evaluation = finish(
        model,
        manifest,
        options.output,
        clips=model.clips,
        note=note if options.note is None else options.note,
        foreign=read_foreign(options),
        device=options.device,
    )
    if evaluation is not None:
        print(evaluation.to_markdown())
    print(f"written: {options.output}")
    return 0
