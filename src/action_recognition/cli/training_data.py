"""The clips that a model was trained on, for commands that go on from there."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from action_recognition.cli.options import add_class_option
from action_recognition.cli.progress import progress_bar
from action_recognition.errors import DataError

if TYPE_CHECKING:
    from action_recognition.datasets.manifest import Manifest
    from action_recognition.modelfile import Model


def add_training_data_options(parser: argparse.ArgumentParser) -> None:
    """`--data`, `--classes`, `--auxiliary` and `--auxiliary-clips`."""
    parser.add_argument(
        "--data", nargs="+", required=True, metavar="DIR", help="the data it was trained on"
    )
    add_class_option(parser)
    parser.add_argument(
        "--auxiliary", nargs="+", metavar="DIR", default=[],
        help="folders of the classes that it learned as examples of `none of these`",
    )  # fmt: skip
    parser.add_argument(
        "--auxiliary-clips", type=int, metavar="N", help="train clips of each, at most"
    )


def read_training_data(options: argparse.Namespace, model: Model) -> Manifest:
    """The clips that the options name.

    Raises:
        DataError: they are not those that the model was trained on.
    """
    from action_recognition.datasets.auxiliary import add_auxiliary
    from action_recognition.datasets.folders import load_data
    from action_recognition.datasets.manifest import fingerprint

    with progress_bar("checking clips") as on_progress:
        manifest = load_data(options.data, classes=options.classes, on_progress=on_progress)
    found = fingerprint([*manifest.side("train"), *manifest.side("val")])
    if found != model.training.get("data"):
        raise DataError(
            f"{options.model}: was trained on other clips or another split than these, so their "
            "validation side says nothing about it"
        )
    if options.auxiliary:
        with progress_bar("checking auxiliary clips") as on_progress:
            further = load_data(
                options.auxiliary, classes=list(model.background), on_progress=on_progress
            )
        manifest = add_auxiliary(manifest, further, per_class=options.auxiliary_clips)
    return manifest
