"""`action-recognition average A B --share S --output H5`: the mean of two networks' weights."""

from __future__ import annotations

import argparse
from typing import Any


def add_parser(subparsers: Any) -> None:
    """Adds the subcommand."""
    parser = subparsers.add_parser(
        "average",
        help="average the weights of two models, one of which started from the other",
        description="Averages weights: often better than either. Compare several shares on the "
        "validation clips, then run `calibrate`: temperature and rule are not averaged.",
    )
    parser.add_argument("first", metavar="H5", help="model file, `shipped` or `fast`")
    parser.add_argument("second", metavar="H5", help="the same; it started from the first")
    parser.add_argument("--share", type=float, default=0.5, help="of the second, in 0..1")
    parser.add_argument("--output", required=True, metavar="H5", help="model file to write")
    parser.set_defaults(run=run_average)


def run_average(options: argparse.Namespace) -> int:
    """Writes the averaged model file."""
    from action_recognition.averaging import average
    from action_recognition.modelfile import find_model, load_model, save_model

    first, second = (load_model(find_model(name)) for name in (options.first, options.second))
    model = average(first, second, options.share)
    save_model(model, options.output)
    print(f"written: {options.output}")
    return 0
