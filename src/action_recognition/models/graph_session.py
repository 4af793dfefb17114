"""Opens a graph with its weights in ONNX Runtime, on the CPU."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from action_recognition.errors import ModelFileError
from action_recognition.models.onnxruntime_quiet import ort, raised
from action_recognition.models.protobuf import field

# Of onnx.proto3.
_GRAPH, _INITIALIZER = 7, 5  # of ModelProto, of GraphProto
_DIMS, _DATA_TYPE, _NAME, _RAW_DATA = 1, 2, 8, 9  # of TensorProto
_FLOAT = 1

_ONLY_EXCEPTIONS = 4  # the level of what is written to the terminal
_REFUSALS = (
    raised.EPFail, raised.Fail, raised.InvalidArgument, raised.InvalidGraph,
    raised.InvalidProtobuf, raised.NoSuchFile, raised.NotImplemented, raised.RuntimeException,
    RuntimeError, ValueError, TypeError,
)  # fmt: skip


class GraphSession:
    """One graph with its weights, ready to run. Safe to share between threads.

    Parameters:
        graph: the bytes of an ONNX model that names weights it does not hold.
        weights: by name; the graph need not name all.
        inputs, outputs: the names that the graph must have.

    Raises:
        ModelFileError: the graph cannot be read or run, or does not fit.
    """

    def __init__(
        self,
        graph: bytes,
        weights: Mapping[str, NDArray[Any]],
        inputs: Iterable[str],
        outputs: Sequence[str],
    ) -> None:
        options = ort.SessionOptions()
        options.log_severity_level = _ONLY_EXCEPTIONS
        try:
            self._session = ort.InferenceSession(
                with_weights(graph, weights), options, providers=["CPUExecutionProvider"]
            )
        except _REFUSALS as error:
            raise ModelFileError(f"its graph cannot be read ({_first_line(error)})") from None
        self._inputs = {port.name: port for port in self._session.get_inputs()}
        self._outputs = list(outputs)
        found = {port.name for port in self._session.get_outputs()}
        wrong = (self._inputs.keys() ^ set(inputs)) | (set(outputs) - found)
        if wrong:
            raise ModelFileError(
                f"its graph does not fit its architecture or weights: {min(wrong)}"
            )

    def run(self, given: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
        """The outputs, in their order."""
        try:
            found: list[NDArray[Any]] = self._session.run(self._outputs, dict(given))
        except _REFUSALS as error:
            raise ModelFileError(f"its graph cannot be run ({_first_line(error)})") from None
        return found

    def zeros(self, names: Iterable[str], batch: int) -> dict[str, NDArray[Any]]:
        """Zeros for some inputs, with the batch where their shape leaves a size open."""
        found = {}
        for name in names:
            port = self._inputs[name]
            shape = [size if isinstance(size, int) else batch for size in port.shape]
            whole = port.type == "tensor(int64)"
            found[name] = np.zeros(shape, np.int64 if whole else np.float32)
        return found


def with_weights(graph: bytes, weights: Mapping[str, NDArray[Any]]) -> bytes:
    """The graph as a complete ONNX model, with the weights as float32.

    A protocol buffer that is followed by another holds what both hold
    (https://protobuf.dev/programming-guides/encoding/#last-one-wins), so they are appended.
    """
    tensors = b"".join(
        field(_INITIALIZER, _tensor(name, np.asarray(values, "<f4", order="C")))
        for name, values in weights.items()
    )
    return graph + field(_GRAPH, tensors)


def _tensor(name: str, values: NDArray[np.float32]) -> bytes:
    sizes = b"".join(field(_DIMS, size) for size in values.shape)
    described = sizes + field(_DATA_TYPE, _FLOAT) + field(_NAME, name.encode())
    return described + field(_RAW_DATA, values.tobytes())


def _first_line(error: Exception) -> str:
    line = next(iter(str(error).splitlines()), "unknown reason")
    return re.sub(r"^\[ONNXRuntimeError\] : \d+ : \w+ : ", "", line)
