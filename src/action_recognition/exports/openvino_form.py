"""A model as OpenVINO IR: `NAME.xml` with the graph, `NAME.bin` with the weights.

OpenVINO runs in a process of its own: beside PyTorch and others, it takes the whole process down
now and then.
"""

from __future__ import annotations

import json
import multiprocessing
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from action_recognition.errors import ActionRecognitionError
from action_recognition.exports.metadata import KEY, metadata
from action_recognition.models.model_file import Model

Arrays = dict[str, NDArray[Any]]
Inputs = dict[str, tuple[list[int | None], Any]]


def save_openvino(model: Model, form: str, path: Path) -> None:
    """Writes the clip or the stream form, with the inputs and outputs of the ONNX file."""
    from action_recognition.exports.onnx_form import onnx_model

    described = json.dumps(metadata(model, form))
    with _process() as apart:
        _result(apart, _save, onnx_model(model, form).SerializeToString(), described, str(path))


class OpenVinoFile:
    """An IR file, opened in a process of its own.

    Attributes: `inputs`, shape and type by name, None where a size is open; and `outputs`, names.
    """

    def __init__(self, path: Path) -> None:
        self._process = _process()
        self.inputs, self.outputs = _result(self._process, _open, str(path))

    def __call__(self, given: Arrays) -> Arrays:
        """The outputs by name."""
        found: Arrays = _result(self._process, _infer, given)
        return found


def _process() -> ProcessPoolExecutor:
    return ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn"))


def _result(process: ProcessPoolExecutor, work: Callable[..., Any], *arguments: Any) -> Any:
    try:
        return process.submit(work, *arguments).result()
    except BrokenProcessPool:
        raise ActionRecognitionError("OpenVINO has crashed") from None


# -- in the process apart --------------------------------------------------------------------

_opened: Any = None


def _openvino() -> Any:
    # Imported plainly, it writes an identification into the home folder and sends a note over the
    # network each time. Where the package that does so cannot be imported, it does not.
    modules: dict[str, object] = sys.modules  # type: ignore[assignment]
    modules.setdefault("openvino_telemetry", None)
    import openvino

    return openvino


def _save(graph: bytes, described: str, path: str) -> None:
    ov = _openvino()
    read = ov.Core().read_model(graph)
    read.set_rt_info(described, [KEY])
    ov.save_model(read, path, compress_to_fp16=False)


def _open(path: str) -> tuple[Inputs, list[str]]:
    global _opened
    core = _openvino().Core()
    settings = {"INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "LATENCY"}
    compiled = core.compile_model(path, "CPU", settings)
    outputs = [port.any_name for port in compiled.outputs]
    _opened = core, outputs, compiled.create_infer_request()
    return {
        port.any_name: (
            [None if size.is_dynamic else size.get_length() for size in port.partial_shape],
            np.dtype(port.element_type.to_dtype()),
        )
        for port in compiled.inputs
    }, outputs


def _infer(given: Arrays) -> Arrays:
    _, outputs, request = _opened
    request.infer(given)
    return {name: request.get_tensor(name).data.copy() for name in outputs}
