"""The network as a portable graph: ONNX, exported from `HybridNet` itself.

The graph is the streaming form: frames and state in; logits, likeness, features, feature maps and
the next state out, for any batch and any number of frames. It holds no weights, it only names them
as the network does, so that a model file holds them once, and one graph serves all networks of an
architecture.
"""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from functools import cache
from typing import Any

import onnx
import torch
import torch.nn.functional as F
from onnxscript import opset18 as op
from torch import Tensor, nn

from action_recognition.models.architecture import Architecture
from action_recognition.models.backbone import (
    SpatialConv,
    frame_by_frame,
    same_padding,
    video_by_video,
)
from action_recognition.models.graph_names import OUTPUTS, STATE_OUTPUT, state_names
from action_recognition.models.hybridnet import HybridNet, State

OPSET = 18
MOST = 4096  # of videos, or of frames, in one call


@cache
def export_graph(architecture: Architecture, size: int) -> bytes:
    """The graph of all networks of an architecture, as the bytes of an ONNX model.

    Parameters:
        size: side of the square frames, in pixels.

    Inputs: `frames` (B, T, size, size, 3) uint8 RGB, and the state, see `graph_names.state_names`.
    Outputs: see `graph_names.OUTPUTS`, then the next state.
    """
    network = HybridNet(architecture).eval().requires_grad_(False)
    if network.lstm is not None:
        network.lstm = _Recurrent(network.lstm, _lstm)  # type: ignore[assignment]
    if network.gru is not None:
        network.gru = _Recurrent(network.gru, _gru)  # type: ignore[assignment]
    frames = torch.zeros(2, 3, size, size, 3, dtype=torch.uint8)
    state = network.start(frames.permute(0, 1, 4, 2, 3).float())
    batch, times = torch.export.Dim("batch", min=1, max=MOST), torch.export.Dim("time", max=MOST)
    shapes = (
        {0: batch, 1: times},
        [{0: batch} for _ in state.trunk], {0: batch}, None,
        [{1: batch} for _ in state.lstm], [{1: batch} for _ in state.gru],
    )  # fmt: skip
    given = (frames, list(state.trunk), state.recent, state.seen, list(state.lstm), list(state.gru))
    names = state_names(architecture)
    with quiet():
        program = torch.export.export(_Streaming(network), given, dynamic_shapes=shapes)
        exported = torch.onnx.export(
            program, dynamo=True, opset_version=OPSET, optimize=False, verbose=False,
            input_names=["frames", *names],
            output_names=[*OUTPUTS, *(STATE_OUTPUT + name for name in names)],
            custom_translation_table={
                **RELU6,
                torch.ops.action_recognition.lstm.default: _onnx_lstm,
                torch.ops.action_recognition.gru.default: _onnx_gru,
            },
        )  # fmt: skip
    assert exported is not None
    return without_weights(exported.model_proto, set(network.state_dict())).SerializeToString()


class _Streaming(nn.Module):
    """The network with its state as plain tensors, which graphs have."""

    def __init__(self, network: HybridNet) -> None:
        super().__init__()
        self.network = network

    def forward(
        self,
        frames: Tensor,
        before: list[Tensor],
        recent: Tensor,
        seen: Tensor,
        lstm: list[Tensor],
        gru: list[Tensor],
    ) -> tuple[Tensor, ...]:
        network, trunk, batch = self.network, self.network.trunk, frames.shape[0]
        cut = network.architecture.cut
        early = sum(frames > 1 for *_, frames, _ in network.architecture.layers[:cut])
        x = F.relu6(_interleaved(trunk.stem, frame_by_frame(frames)))
        maps, after = trunk.run_layers(x, before[:early], batch, last=cut)
        late, later = trunk.run_layers(maps, before[early:], batch, first=cut)
        state = State((), recent, seen, tuple(lstm), tuple(gru))
        output = network.answer(video_by_video(late.mean((2, 3)), batch), state)
        likeness = network.likeness(output.features)
        recent, seen, lstm_after, gru_after = output.state[1:]
        return (
            output.logits, likeness, output.features, video_by_video(maps, batch),
            *after, *later, recent, seen, *lstm_after, *gru_after,
        )  # fmt: skip


def _interleaved(stem: SpatialConv, pictures: Tensor) -> Tensor:
    """The stem, on pictures as decoded: (N, H, W, 3) uint8 -> (N, stem, H / 2, W / 2).

    A row of pixels of three colours is a row of three times as many of one colour: so the colours
    need not be taken apart first, which costs as much as the convolution.
    """
    rows, columns = (same_padding(n, 3, 2) for n in pictures.shape[1:3])
    x = pictures.flatten(2).unsqueeze(1).float()  # (N, 1, H, 3 * W)
    weight = stem.weight.permute(0, 2, 3, 1).flatten(2).unsqueeze(1) / 255  # (stem, 1, 3, 9)
    return F.conv2d(F.pad(x, [3 * n for n in columns] + list(rows)), weight, stem.bias, (2, 6))


def _clip(x: Any, low: float = 0.0, high: float = 6.0) -> Any:
    """Between constants: only with such does it become part of the convolution before it."""
    return op.Clip(x, op.Constant(value_float=low), op.Constant(value_float=high))


RELU6: dict[Any, Any] = {
    torch.ops.aten.relu6.default: _clip,
    torch.ops.aten.hardtanh.default: _clip,
}


# -- LSTM and GRU: torch.export would unroll them, for one number of frames ------------------


@torch.library.custom_op("action_recognition::lstm", mutates_args=())
def _lstm(
    x: Tensor, h: Tensor, c: Tensor, w: Tensor, r: Tensor, w_bias: Tensor, r_bias: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    return torch.ops.aten.lstm.input(
        x, [h, c], [w, r, w_bias, r_bias], True, 1, 0.0, False, False, True
    )


@torch.library.custom_op("action_recognition::gru", mutates_args=())
def _gru(
    x: Tensor, h: Tensor, w: Tensor, r: Tensor, w_bias: Tensor, r_bias: Tensor
) -> tuple[Tensor, Tensor]:
    return torch.ops.aten.gru.input(x, h, [w, r, w_bias, r_bias], True, 1, 0.0, False, False, True)


@_lstm.register_fake
def _(x: Tensor, h: Tensor, c: Tensor, *_: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    return x.new_empty(*x.shape[:2], h.shape[2]), torch.empty_like(h), torch.empty_like(c)


@_gru.register_fake
def _(x: Tensor, h: Tensor, *_: Tensor) -> tuple[Tensor, Tensor]:
    return x.new_empty(*x.shape[:2], h.shape[2]), torch.empty_like(h)


class _Recurrent(nn.Module):
    """Calls one of the operations above as PyTorch's layer is called; same names of weights."""

    def __init__(self, layer: nn.RNNBase, operation: Any) -> None:
        super().__init__()
        self.operation = operation
        for name in ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"):
            setattr(self, name, getattr(layer, name))

    def forward(self, x: Tensor, state: Tensor | tuple[Tensor, ...]) -> tuple[Tensor, Any]:
        before = (state,) if isinstance(state, Tensor) else state
        y, *after = self.operation(
            x, *before, self.weight_ih_l0, self.weight_hh_l0, self.bias_ih_l0, self.bias_hh_l0
        )
        return y, after[0] if isinstance(state, Tensor) else tuple(after)


def _onnx_lstm(x: Any, h: Any, c: Any, w: Any, r: Any, w_bias: Any, r_bias: Any) -> Any:
    gates = (0, 3, 1, 2)  # of PyTorch: input, forget, cell, output; of ONNX: i, o, f, c
    w, r, bias = _gates_first(w, r, w_bias, r_bias, gates)
    y, h, c = op.LSTM(_swapped(x), w, r, bias, None, h, c, hidden_size=h.shape[2])
    return _one_direction(y), h, c


def _onnx_gru(x: Any, h: Any, w: Any, r: Any, w_bias: Any, r_bias: Any) -> Any:
    gates = (1, 0, 2)  # of PyTorch: reset, update, new; of ONNX: z, r, h
    w, r, bias = _gates_first(w, r, w_bias, r_bias, gates)
    units = h.shape[2]
    y, h = op.GRU(_swapped(x), w, r, bias, None, h, hidden_size=units, linear_before_reset=1)
    return _one_direction(y), h


def _gates_first(w: Any, r: Any, w_bias: Any, r_bias: Any, gates: tuple[int, ...]) -> Any:
    def ordered(values: Any) -> Any:
        units = values.shape[0] // len(gates)
        parts = [
            op.Slice(values, _ints(k * units), _ints((k + 1) * units), _ints(0)) for k in gates
        ]
        return op.Concat(*parts, axis=0)

    biases = op.Concat(ordered(w_bias), ordered(r_bias), axis=0)
    return [op.Unsqueeze(values, _ints(0)) for values in (ordered(w), ordered(r), biases)]


def _swapped(x: Any) -> Any:
    return op.Transpose(x, perm=[1, 0, 2])  # (B, T, ...) <-> (T, B, ...)


def _one_direction(y: Any) -> Any:
    return _swapped(op.Squeeze(y, _ints(1)))


def _ints(value: int) -> Any:
    return op.Constant(value_ints=[value])


# -- the exported model ----------------------------------------------------------------------


def without_weights(model: onnx.ModelProto, weights: set[str]) -> onnx.ModelProto:
    """Leaves the weights out; their names are those of the network. Drops remarks, too."""
    prefix, graph = "network.", model.graph
    onnx.checker.check_model(model)
    kept = [i for i in graph.initializer if i.name.removeprefix(prefix) not in weights]
    inputs = [i for i in graph.input if i.name not in weights]
    for node in graph.node:
        for place, name in enumerate(node.input):
            if name.removeprefix(prefix) in weights:
                node.input[place] = name.removeprefix(prefix)
    del graph.input[:], graph.initializer[:]
    graph.input.extend(inputs)
    graph.initializer.extend(kept)
    del graph.value_info[:]  # what the exporter knew of the values in between
    del model.metadata_props[:], graph.metadata_props[:]
    for node in graph.node:
        del node.metadata_props[:]
        node.doc_string = ""
    return model


@contextlib.contextmanager
def quiet() -> Any:
    """Without the exporter's own messages, which are for its authors."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        try:
            yield
        finally:
            logger.setLevel(level)
