"""Runs exported files as other programs would: with their own library and nothing of the network.

Each runner takes frames (B, T, H, W, 3) uint8 RGB and gives `probabilities` and
`known_probability`: of a clip (B, classes) and (B,), of a stream (B, T, classes) and (B, T).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from action_recognition.exports.metadata import STREAM
from action_recognition.models.graph_names import FRAMES, STATE_OUTPUT

Array = NDArray[Any]
Pair = tuple[Array, Array]
_ANSWER = ("probabilities", "known_probability")


class Runner(Protocol):
    """An opened file."""

    def __call__(self, frames: Array, piece: int | None = None) -> Pair:
        """Answers.

        Parameters:
            piece: frames of a stream given at once; None: all.
        """


def open_runner(path: Path, to: str, form: str) -> Runner:
    """Opens an exported file.

    Parameters:
        to, form: as it was exported.
    """
    if to == "torch":
        return _torch(path, form)
    if to == "keras":
        return _keras(path)
    call, inputs, outputs = (_onnx if to == "onnx" else _openvino)(path)
    if form != STREAM:
        return lambda frames, piece=None: _pair(call({FRAMES: frames}))

    def run(frames: Array, piece: int | None = None) -> Pair:
        state = {name: _zeros(*inputs[name], len(frames)) for name in inputs if name != FRAMES}
        found = []
        for part in _pieces(frames, piece):
            answer = dict(zip(outputs, call({FRAMES: part, **state}).values(), strict=True))
            found.append(_pair(answer))
            state = {name: answer[STATE_OUTPUT + name] for name in state}
        return _joined(found)

    return run


_Inputs = dict[str, tuple[list[Any], Any]]
_Opened = tuple[Callable[[dict[str, Array]], dict[str, Array]], _Inputs, list[str]]


def _onnx(path: Path) -> _Opened:
    from action_recognition.models.onnxruntime_quiet import ort

    options = ort.SessionOptions()
    options.log_severity_level = 3
    session = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    outputs = [port.name for port in session.get_outputs()]
    inputs = {
        port.name: (port.shape, np.int64 if port.type == "tensor(int64)" else np.float32)
        for port in session.get_inputs()
    }
    return (
        lambda given: dict(zip(outputs, session.run(outputs, given), strict=True)),
        inputs,
        outputs,
    )


def _openvino(path: Path) -> _Opened:
    from action_recognition.exports.openvino_form import OpenVinoFile

    opened = OpenVinoFile(path)
    return opened, opened.inputs, opened.outputs


def _torch(path: Path, form: str) -> Runner:
    import torch

    program = torch.export.load(path)
    module: Any = program.module()

    def clip(frames: Array, piece: int | None = None) -> Pair:
        probabilities, known, *_ = module(torch.from_numpy(frames))
        return probabilities.numpy(), known.numpy()

    def stream(frames: Array, piece: int | None = None) -> Pair:
        state = _torch_zeros(program, len(frames))
        found = []
        for part in _pieces(frames, piece):
            probabilities, known, _, *after = module(torch.from_numpy(part), *state)
            found.append((probabilities.numpy(), known.numpy()))
            state = _like(state, iter(after))
        return _joined(found)

    return stream if form == STREAM else clip


def _torch_zeros(program: Any, batch: int) -> list[Any]:
    """The state before the first frame, nested as the module takes it."""
    import torch
    from torch.utils import _pytree as tree

    shapes = {
        node.name: node.meta["val"] for node in program.graph.nodes if node.op == "placeholder"
    }
    found = [
        torch.zeros([s if isinstance(s, int) else batch for s in shapes[name].shape],
                    dtype=shapes[name].dtype)
        for name in program.graph_signature.user_inputs
    ]  # fmt: skip
    arguments, _ = tree.tree_unflatten(found, program.call_spec.in_spec)
    return list(arguments[1:])


def _like(state: list[Any], flat: Any) -> list[Any]:
    return [[next(flat) for _ in x] if isinstance(x, list | tuple) else next(flat) for x in state]


def _keras(path: Path) -> Runner:
    import os

    os.environ.setdefault("KERAS_BACKEND", "torch")
    import keras

    model = keras.models.load_model(path)

    def run(frames: Array, piece: int | None = None) -> Pair:
        found = model(frames, training=False)
        names = ("probabilities", "known_probability")
        first, second = (keras.ops.convert_to_numpy(found[name]) for name in names)
        return first, second

    return run


def _zeros(shape: list[Any], dtype: Any, batch: int) -> Array:
    return np.zeros([size if isinstance(size, int) else batch for size in shape], dtype)


def _pieces(frames: Array, piece: int | None) -> list[Array]:
    times = frames.shape[1]
    piece = piece or times
    return [np.ascontiguousarray(frames[:, k : k + piece]) for k in range(0, times, piece)]


def _pair(answer: dict[str, Array]) -> Pair:
    first, second = (answer[name] for name in _ANSWER)
    return first, second


def _joined(found: list[Pair]) -> Pair:
    return np.concatenate([a for a, _ in found], 1), np.concatenate([b for _, b in found], 1)
