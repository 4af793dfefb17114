"""`action-recognition fisher MODEL --data DIR --output H5`: a second opinion for a network."""

from __future__ import annotations

import argparse
from typing import Any

from action_recognition.cli.options import add_cache_option, frames_folder
from action_recognition.cli.progress import late_bar
from action_recognition.cli.training_data import add_training_data_options, read_training_data


def add_parser(subparsers: Any) -> None:
    """Adds the subcommand."""
    parser = subparsers.add_parser(
        "fisher",
        help="add Fisher vectors of local patterns to a trained network",
        description="Fits a second opinion to the train clips: Fisher vectors of what the first "
        "blocks see, and a dense layer that reads them. How much it counts is set by the "
        "validation clips. Run `calibrate` after it: temperature and rule have to be made anew.",
    )
    parser.add_argument("model", metavar="H5", help="model file without them")
    parser.add_argument("--output", required=True, metavar="H5", help="model file to write")
    add_training_data_options(parser)
    parser.add_argument("--kinds", type=int, default=64, help="of local patterns (default: 64)")
    parser.add_argument(
        "--versions", type=int, default=6, help="random clips of each video (default: 6)"
    )
    parser.add_argument("--no-flip", action="store_true", help="left and right make the classes")
    add_cache_option(parser)
    parser.set_defaults(run=run_fisher)


def run_fisher(options: argparse.Namespace) -> int:
    """Writes the model file."""
    from action_recognition.datasets.framecache import FrameCache
    from action_recognition.modelfile import find_model, load_model, save_model
    from action_recognition.training.augmentation import Augmentation
    from action_recognition.training.local_patterns import add_fisher

    model = load_model(find_model(options.model))
    manifest = read_training_data(options, model)
    found = add_fisher(
        model,
        manifest,
        FrameCache(frames_folder(options), model.preprocessing),
        kinds=options.kinds,
        versions=options.versions,
        augmentation=Augmentation(flip=not options.no_flip),
        on_progress=late_bar("computing first blocks"),
    )
    save_model(found, options.output)
    print(f"written: {options.output}")
    return 0
