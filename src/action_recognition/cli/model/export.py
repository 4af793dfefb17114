"""`action-recognition model export`: a model for use without this project."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from action_recognition.errors import UsageError

if TYPE_CHECKING:
    from action_recognition.exports.calibration import Calibration
    from action_recognition.models.model_file import Model

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
        help="what a call takes",
    )  # fmt: skip
    parser.add_argument(
        "--output", metavar="FILE",
        help="file to write (default: MODEL-FORM with the format's suffix, here)",
    )  # fmt: skip
    parser.add_argument(
        "--int8", action="store_true",
        help="a file in 8 bits, a third as large (ONNX only; needs --calibrate)",
    )  # fmt: skip
    parser.add_argument(
        "--calibrate", nargs="+", metavar="VIDEO", default=[],
        help="videos to calibrate --int8 with, or folders: of class folders, the train split; at "
        "most 64 are taken, spread evenly",
    )  # fmt: skip
    parser.set_defaults(run=run_export)


def run_export(options: argparse.Namespace) -> int:
    """Writes the file and prints its name and size."""
    if options.int8 and options.to != "onnx":
        raise UsageError(f"--int8: only with --to onnx, not with --to {options.to}")
    if options.int8 and not options.calibrate:
        raise UsageError("--int8 needs --calibrate and videos like those that it will be used on")
    if options.calibrate and not options.int8:
        raise UsageError("--calibrate: only with --int8")
    from action_recognition.exports.export import SUFFIXES, export_model
    from action_recognition.models.model_file import find_model, load_model

    source = find_model(options.model)
    model = load_model(source)
    ending = "-int8" if options.int8 else ""
    path = Path(options.output or f"{source.stem}-{options.form}{ending}{SUFFIXES[options.to][0]}")
    found = calibration(model, options.calibrate) if options.int8 else None
    for written in export_model(model, path, to=options.to, form=options.form, calibration=found):
        print(f"{written}: {written.stat().st_size / 1e6:.1f} MB")
    return 0


def calibration(model: Model, sources: list[str]) -> Calibration:
    """Reads the videos that `--calibrate` names; prints a sentence for each that cannot be read."""
    from action_recognition.exports.calibration import read_calibration

    return read_calibration(
        sources, model.preprocessing, window=model.architecture.window,
        on_refused=lambda error: print(f"action-recognition: {error}", file=sys.stderr),
    )  # fmt: skip
