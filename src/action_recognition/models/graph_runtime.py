"""Runs a model's portable graph on the CPU, with OpenVINO: no PyTorch is needed."""

from __future__ import annotations

import queue
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from action_recognition.errors import ModelFileError
from action_recognition.models.architecture import Architecture
from action_recognition.models.graph_compile import REFUSALS, compile_graph, first_line
from action_recognition.models.graph_names import (
    FRAMES,
    HEAT_INPUTS,
    HEAT_OUTPUT,
    OUTPUTS,
    STATE_OUTPUT,
    Graphs,
    state_names,
)  # fmt: skip
from action_recognition.models.openvino_quiet import ov
from action_recognition.models.runtime import FRAMES_AT_ONCE, Answer, Runtime, check_frames

State = dict[str, NDArray[Any]]


class GraphRuntime(Runtime):
    """The graphs of a network with its weights, compiled for this processor.

    Parameters:
        graphs: the network's, and that behind its heat maps, which is compiled when it is needed.
        weights: by their names in the network.
        architecture: of the network.

    Raises:
        ModelFileError: a graph cannot be read, or does not fit the weights or the architecture.
    """

    def __init__(
        self, graphs: Graphs, weights: Mapping[str, NDArray[Any]], architecture: Architecture
    ) -> None:
        super().__init__(architecture)
        self._graphs, self._weights = graphs, weights
        self._state_names = state_names(architecture)
        self._network = _Compiled(
            graphs.network, weights, (FRAMES, *self._state_names),
            (*OUTPUTS, *(STATE_OUTPUT + name for name in self._state_names)),
        )  # fmt: skip

    def step(self, frames: NDArray[np.uint8], state: State | None) -> Answer:
        """See `Runtime.step`."""
        logits, likeness, features, _, *after = self._step(frames, state)
        return Answer(logits, likeness, features, dict(zip(self._state_names, after, strict=True)))

    def evidence(
        self,
        clip: NDArray[np.uint8],
        target: NDArray[np.float32],
        others: NDArray[np.float32],
        counted: NDArray[np.float32],
    ) -> NDArray[np.float32]:
        """See `Runtime.evidence`."""
        check_frames(clip[None])
        maps, state = [], None
        for start in range(0, len(clip), FRAMES_AT_ONCE):
            found = self._step(clip[None, start : start + FRAMES_AT_ONCE], state)
            maps.append(found[OUTPUTS.index("maps")])
            state = dict(zip(self._state_names, found[len(OUTPUTS) :], strict=True))
        given = (np.concatenate(maps, 1), target, others, counted)
        (heat,) = self._heat.run(dict(zip(HEAT_INPUTS, given, strict=True)))
        return heat

    def _step(self, frames: NDArray[np.uint8], state: State | None) -> list[NDArray[Any]]:
        given = self._network.zeros(self._state_names, len(frames)) if state is None else state
        return self._network.run({FRAMES: np.ascontiguousarray(frames), **given})

    @cached_property
    def _heat(self) -> _Compiled:
        return _Compiled(self._graphs.heat, self._weights, HEAT_INPUTS, (HEAT_OUTPUT,))


class _Compiled:
    """One graph with its weights. Safe to share between threads."""

    def __init__(
        self,
        graph: bytes,
        weights: Mapping[str, NDArray[Any]],
        inputs: Sequence[str],
        outputs: Sequence[str],
    ) -> None:
        self._outputs = outputs
        self._compiled = compile_graph(graph, weights)
        self._inputs = {_name(port, inputs): port for port in self._compiled.inputs}
        unknown = self._inputs.keys() ^ set(inputs)
        missing = set(outputs).difference(*(port.get_names() for port in self._compiled.outputs))
        if unknown or missing:
            wrong = min(unknown or missing)
            raise ModelFileError(f"its graph does not fit its architecture or weights: {wrong}")
        self._requests: queue.SimpleQueue[ov.InferRequest] = queue.SimpleQueue()

    def run(self, given: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
        """The outputs, in their order, as arrays of their own."""
        with self._request() as request:
            try:
                request.infer(dict(given))
            except REFUSALS as error:
                raise ModelFileError(f"its graph cannot be run ({first_line(error)})") from None
            return [request.get_tensor(name).data.copy() for name in self._outputs]

    def zeros(self, names: Sequence[str], batch: int) -> State:
        """Zeros for some inputs, with the batch where their shape leaves a size open."""
        found = {}
        for name in names:
            sizes = self._inputs[name].partial_shape
            shape = [batch if size.is_dynamic else size.get_length() for size in sizes]
            found[name] = np.zeros(shape, self._inputs[name].element_type.to_dtype())
        return found

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


def _name(port: ov.ConstOutput, wanted: Sequence[str]) -> str:
    """That of an input; a compiled graph can have several for one, and they have no order."""
    names = port.get_names()
    return min(names.intersection(wanted) or names or {"an input without a name"})
