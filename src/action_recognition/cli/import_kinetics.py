"""`action-recognition import-kinetics DIR`: the published MoViNet-A0 as a model file."""

from __future__ import annotations

import argparse
from typing import Any


def add_parser(subparsers: Any) -> None:
    """Adds the subcommand."""
    parser = subparsers.add_parser(
        "import-kinetics",
        help="make a model file from the published MoViNet-A0 weights (Kinetics-600)",
        description="Makes kinetics600.h5, the model of 600 everyday actions, from two files in "
        "DIR: movinet_a0_stream_kinetics600.npz and labels.txt.",
    )
    parser.add_argument("folder", metavar="DIR", help="folder that holds the two files")
    parser.add_argument(
        "--output", metavar="H5", default="kinetics600.h5", help="model file to write"
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Reads the weights, writes the model file."""
    from action_recognition.clips import Preprocessing
    from action_recognition.models.model_file import Model, save_model
    from action_recognition.models.pretrained import ORIGIN, load_kinetics

    network, names = load_kinetics(options.folder)
    save_model(Model(network, names, Preprocessing(), training={"init": ORIGIN}), options.output)
    print(f"written: {options.output}")
    return 0
