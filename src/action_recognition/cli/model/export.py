"""`action-recognition model export`: a model for use without this project."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

_FORMATS = ("onnx", "openvino", "keras", "torch")


def add_parser(subparsers: Any) -> None:
    """Adds the subcommand."""
    parser = subparsers.add_parser(
        "export",
        help="write a model as ONNX, OpenVINO, Keras or PyTorch file",
        description="Writes a model for use without this project. Frames of any size go in, "
        "calibrated probabilities come out: cropping, scaling and calibration are inside. A clip "
        "takes all frames of a video, a stream any number at a time and a state.",
    )
    parser.add_argument("model", metavar="MODEL", help="model file, `shipped` or `kinetics600`")
    parser.add_argument("--to", required=True, choices=_FORMATS, help="format")
    parser.add_argument(
        "--form", choices=("clip", "stream"), default="clip",
        help="what a call takes (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--output", metavar="FILE",
        help="file to write (default: MODEL-FORM with the format's suffix, here)",
    )  # fmt: skip
    parser.set_defaults(run=run_export)


def run_export(options: argparse.Namespace) -> int:
    """Writes the file and prints its name and size."""
    from action_recognition.exports.export import SUFFIXES, export_model
    from action_recognition.models.model_file import find_model, load_model

    source = find_model(options.model)
    suffix = SUFFIXES[options.to][0]
    path = Path(options.output or f"{source.stem}-{options.form}{suffix}")
    for written in export_model(load_model(source), path, to=options.to, form=options.form):
        print(f"{written}: {written.stat().st_size / 1e6:.1f} MB")
    return 0
