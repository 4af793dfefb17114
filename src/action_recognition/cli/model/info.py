"""`action-recognition model info`: what a model file or an export says of itself."""

from __future__ import annotations

import argparse
from typing import Any

from action_recognition.cli.printing import json_line


def add_parser(subparsers: Any) -> None:
    """Adds the subcommand."""
    parser = subparsers.add_parser(
        "info",
        help="print what a model file or an export says of itself",
        description="Prints names, times, thresholds, sizes and licence of a model file or of an "
        "export (.h5, .onnx, .xml, .keras, .pt2). It needs none of their libraries.",
    )
    parser.add_argument("file", metavar="FILE", help="the file, `shipped` or `kinetics600`")
    parser.add_argument("--json", action="store_true", help="print one line of JSON")
    parser.set_defaults(run=run_info)


def run_info(options: argparse.Namespace) -> int:
    """Prints the description."""
    from action_recognition.exports.info import read_info
    from action_recognition.models.model_file import find_model

    found = read_info(find_model(options.file))
    if options.json:
        print(json_line(found))
        return 0
    for name, value in found.items():
        shown = ", ".join(map(str, value)) if isinstance(value, list) else value
        print(f"{name.replace('_', ' ')}: {shown}")
    return 0
