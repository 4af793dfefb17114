"""Runs a model's portable graph on the CPU, with OpenVINO: no PyTorch is needed."""

from __future__ import annotations

import os
import queue
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import openvino as ov
from numpy.typing import NDArray

from action_recognition.errors import ModelFileError
from action_recognition.models.architecture import Architecture
from action_recognition.models.graph_names import FRAMES, OUTPUTS, STATE_OUTPUT, state_names
from action_recognition.models.runtime import Answer, Runtime

# The answers of a processor with bfloat16 must be those of one without.
_SETTINGS = {"INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "LATENCY"}

State = dict[str, NDArray[Any]]


class GraphRuntime(Runtime):
    """A graph with its weights, compiled for this processor.

    Parameters:
        graph: as `graph_export.export_graph` makes it.
        weights: by their names in the network.
        architecture: of the network.

    Raises:
        ModelFileError: the graph cannot be read, or does not fit the weights or the architecture.
    """

    def __init__(
        self, graph: bytes, weights: Mapping[str, NDArray[Any]], architecture: Architecture
    ) -> None:
        super().__init__(architecture.window)
        self._state_names = state_names(architecture)
        core = ov.Core()
        model = _read(core, graph)
        _fill(model, weights)
        self._check(model)
        try:
            self._compiled = core.compile_model(model, "CPU", _SETTINGS)
        except RuntimeError as error:
            raise ModelFileError(f"its graph cannot be run ({_first_line(error)})") from None
        self._shapes = {
            i.any_name: [0 if d.is_dynamic else d.get_length() for d in i.partial_shape]
            for i in model.inputs
        }
        self._types = {i.any_name: i.element_type.to_dtype() for i in model.inputs}
        self._requests: queue.SimpleQueue[ov.InferRequest] = queue.SimpleQueue()

    def step(self, frames: NDArray[np.uint8], state: State | None) -> Answer:
        """See `Runtime.step`."""
        given = self._start(frames.shape[0]) if state is None else state
        with self._request() as request:
            request.infer({FRAMES: np.ascontiguousarray(frames), **given})
            found = [request.get_tensor(name).data.copy() for name in OUTPUTS[:3]]
            after = {n: request.get_tensor(STATE_OUTPUT + n).data.copy() for n in given}
        return Answer(*found, state=after)

    def _start(self, batch: int) -> State:
        """The state before the first frame: zeros."""
        return {
            name: np.zeros([n or batch for n in self._shapes[name]], self._types[name])
            for name in self._state_names
        }

    @contextmanager
    def _request(self) -> Iterator[ov.InferRequest]:
        """One that no other thread uses at the time."""
        try:
            request = self._requests.get_nowait()
        except queue.Empty:
            request = self._compiled.create_infer_request()
        try:
            yield request
        finally:
            self._requests.put(request)

    def _check(self, model: ov.Model) -> None:
        inputs = {i.any_name for i in model.inputs}
        outputs = {o.any_name for o in model.outputs}
        state = set(self._state_names)
        if inputs != {FRAMES, *state}:
            wrong = min(inputs ^ {FRAMES, *state})
            raise ModelFileError(f"its graph does not fit its architecture or weights: {wrong}")
        if not {*OUTPUTS, *(STATE_OUTPUT + name for name in state)} <= outputs:
            raise ModelFileError("its graph does not fit its architecture: an output is missing")


def _read(core: ov.Core, graph: bytes) -> ov.Model:
    try:
        return core.read_model(graph)
    except RuntimeError as error:
        raise ModelFileError(f"its graph cannot be read ({_first_line(error)})") from None


def _fill(model: ov.Model, weights: Mapping[str, NDArray[Any]]) -> None:
    """Puts the weights in the place of the graph's inputs of the same names."""
    for node in list(model.get_parameters()):
        name = node.get_friendly_name()
        if name not in weights:
            continue
        values = np.asarray(weights[name], node.get_element_type().to_dtype())
        if tuple(node.get_partial_shape().to_shape()) != values.shape:
            raise ModelFileError(f"its graph does not fit its weight {name}")
        node.output(0).replace(ov.opset13.constant(values).output(0))
        model.remove_parameter(node)


def _first_line(error: Exception) -> str:
    """Of what OpenVINO says, the line that is no place in its source."""
    lines = [line.strip() for line in str(error).splitlines()]
    return next((line for line in lines if line and os.sep not in line), "unknown reason")
