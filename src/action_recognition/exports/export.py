"""Writes a model in one of the forms, whole or not at all."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from action_recognition.errors import ActionRecognitionError, UsageError
from action_recognition.exports.calibration import Calibration
from action_recognition.exports.metadata import CLIP, STREAM
from action_recognition.files import make_folder
from action_recognition.models.model_file import Model

SUFFIXES = {
    "onnx": (".onnx",),
    "openvino": (".xml",),
    "keras": (".keras", ".h5"),
    "torch": (".pt2",),
}
FORMS = (CLIP, STREAM)


class ExportError(ActionRecognitionError):
    """An exported file cannot be written or read. The message names the file and the reason."""


def export_model(
    model: Model,
    path: str | Path,
    *,
    to: str,
    form: str = CLIP,
    calibration: Calibration | None = None,
) -> list[Path]:
    """Writes a model for use without this project.

    Parameters:
        path: of the file; `.bin` is written beside OpenVINO's `.xml`.
        to: one of `SUFFIXES`.
        form: "clip": frames of a video in, its answer out; "stream": frames and a state in, an
            answer for each frame and the next state out. Keras has only clips.
        calibration: clips to calibrate an int8 file with, see `exports.int8`; None: float32. Only
            ONNX has it.

    Returns:
        the files that were written.

    Raises:
        UsageError: there is no such format, form or suffix.
        ExportError: the file cannot be written.
        ModuleNotFoundError: a library of the extra `exports` is not installed.
    """
    path = Path(path)
    if to not in SUFFIXES:
        raise UsageError(f"to={to!r}, must be one of {', '.join(SUFFIXES)}")
    if form not in FORMS:
        raise UsageError(f"form={form!r}, must be one of {', '.join(FORMS)}")
    if to == "keras" and form == STREAM:
        raise UsageError("Keras models have no state from call to call: use form='clip'")
    if calibration is not None and to != "onnx":
        raise UsageError(f"to={to!r}: only ONNX files can be int8")
    if path.suffix not in SUFFIXES[to]:
        raise UsageError(f"{path.name}: the name must end with {' or '.join(SUFFIXES[to])}")
    save = _saver(to) if calibration is None else _int8_saver(calibration)
    try:
        make_folder(path.parent)
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}.") as folder:
            save(model, form, Path(folder) / path.name)
            # The file of the given name last: who finds it finds what belongs to it.
            made = sorted(Path(folder).iterdir(), key=lambda found: found.name == path.name)
            for found in made:
                shutil.move(found, path.parent / found.name)
    except OSError as error:
        reason = error.strerror or error
        raise ExportError(f"{path.name}: the export cannot be written ({reason})") from None
    except ActionRecognitionError as error:
        raise ExportError(f"{path.name}: {error}") from None
    return [path.parent / found.name for found in made]


def _saver(to: str) -> Callable[[Model, str, Path], None]:
    if to == "onnx":
        from action_recognition.exports.onnx_form import save_onnx

        return save_onnx
    if to == "openvino":
        from action_recognition.exports.openvino_form import save_openvino

        return save_openvino
    if to == "keras":
        from action_recognition.exports.keras_form import save_keras

        return lambda model, _, path: save_keras(model, path)
    from action_recognition.exports.torch_form import save_torch

    return save_torch


def _int8_saver(calibration: Calibration) -> Callable[[Model, str, Path], None]:
    from action_recognition.exports.int8 import save_int8

    return lambda model, form, path: save_int8(model, form, calibration, path)
