"""Opens a graph with its weights in ONNX Runtime, on the CPU."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from threading import Timer
from typing import Any

import numpy as np
from numpy.typing import NDArray

from action_recognition.errors import ModelFileError
from action_recognition.models.graph_check import is_shipped
from action_recognition.models.onnxruntime_quiet import ort, raised
from action_recognition.models.protobuf import field

# Of onnx.proto3.
_GRAPH, _INITIALIZER = 7, 5  # of ModelProto, of GraphProto
_DIMS, _DATA_TYPE, _NAME, _RAW_DATA = 1, 2, 8, 9  # of TensorProto
_FLOAT = 1

# Of a graph that did not come with this package, which may have been made to take all there is.
_MEMORY = 2**30  # bytes
_AS_NEEDED = 1  # how the arena grows
_SECONDS = 30.0  # of one call, of up to 12 frames
_FOLDED = 4_000_000  # bytes of a constant that is worked out while the graph is opened
_MAX_FOLDED = "optimization.constant_folding_max_output_size_in_bytes"

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
        options.intra_op_num_threads = threads()
        self._seconds = None if is_shipped(graph) else _SECONDS
        if self._seconds is not None:
            _bound_memory()
            options.add_session_config_entry("session.use_env_allocators", "1")
            options.add_session_config_entry(_MAX_FOLDED, str(_FOLDED))
        try:
            self._session = ort.InferenceSession(
                with_weights(graph, weights),
                options,
                providers=["CPUExecutionProvider"],
                enable_fallback=0,  # which would print, and try the same again
            )
            self._inputs = {port.name: port for port in self._session.get_inputs()}
            found = {port.name for port in self._session.get_outputs()}
        except _REFUSALS as error:
            raise ModelFileError(f"its graph cannot be read ({_first_line(error)})") from None
        self._outputs = list(outputs)
        wrong = (self._inputs.keys() ^ set(inputs)) | (set(outputs) - found)
        if wrong:
            raise ModelFileError(
                f"its graph does not fit its architecture or weights: {min(wrong)}"
            )

    def run(self, given: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
        """The outputs, in their order.

        Raises:
            ModelFileError: it cannot be run with these inputs, or not within its bounds.
        """
        options = ort.RunOptions()
        try:
            with _bounded(options, self._seconds):
                found: list[NDArray[Any]] = self._session.run(self._outputs, dict(given), options)
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


def threads() -> int:
    """What OMP_NUM_THREADS asks for, as it does of PyTorch; 0, without it: one for each core."""
    text = os.environ.get("OMP_NUM_THREADS", "")
    return int(text) if text.isdecimal() else 0


@cache
def _bound_memory() -> None:
    """What the graphs of strangers can take, all together; of ONNX Runtime, thus once a process."""
    plain = ort.OrtMemoryInfo(
        "Cpu", ort.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0, ort.OrtMemType.DEFAULT
    )
    bound = {"max_mem": _MEMORY, "arena_extend_strategy": _AS_NEEDED}
    ort.create_and_register_allocator(plain, ort.OrtArenaCfg(bound))


@contextmanager
def _bounded(options: Any, seconds: float | None) -> Iterator[None]:
    """Ends a run that takes longer."""
    if seconds is None:
        yield
        return
    timer = Timer(seconds, setattr, (options, "terminate", True))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


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
