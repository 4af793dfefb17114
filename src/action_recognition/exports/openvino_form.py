"""A model as OpenVINO IR: `NAME.xml` with the graph, `NAME.bin` with the weights."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from action_recognition.exports.metadata import KEY, metadata
from action_recognition.exports.onnx_form import onnx_model
from action_recognition.models.model_file import Model

# Imported plainly, OpenVINO writes an identification into the home folder and sends a note over the
# network each time, without asking. Where the package that does so cannot be imported, it does not.
_TELEMETRY = "openvino_telemetry"
_modules: dict[str, object] = sys.modules  # type: ignore[assignment]
_modules.setdefault(_TELEMETRY, None)

import openvino as ov  # noqa: E402

if _modules[_TELEMETRY] is None:  # who wants it otherwise in the same program can have it
    del _modules[_TELEMETRY]


def save_openvino(model: Model, form: str, path: Path) -> None:
    """Writes the clip or the stream form, with the inputs and outputs of the ONNX file."""
    read = ov.Core().read_model(onnx_model(model, form).SerializeToString())
    read.set_rt_info(json.dumps(metadata(model, form)), [KEY])
    ov.save_model(read, path, compress_to_fp16=False)
