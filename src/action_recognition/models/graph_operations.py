"""What PyTorch's exporter to ONNX is told of this project's networks.

LSTM and GRU become one operation each: `torch.export` would unroll them, for one number of frames.
"""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from typing import Any

import torch
from onnxscript import opset18 as op
from torch import Tensor, nn

from action_recognition.models.hybridnet import HybridNet

OPSET = 18
MOST = 4096  # of videos, or of frames, in one call


def with_whole_recurrence(network: HybridNet) -> HybridNet:
    """Puts operations that are not unrolled in the place of a network's LSTM and GRU."""
    if network.lstm is not None:
        network.lstm = _Recurrent(network.lstm, _lstm)  # type: ignore[assignment]
    if network.gru is not None:
        network.gru = _Recurrent(network.gru, _gru)  # type: ignore[assignment]
    return network


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


def _clip(x: Any, low: float = 0.0, high: float = 6.0) -> Any:
    """Between constants: only with such does it become part of the convolution before it."""
    return op.Clip(x, op.Constant(value_float=low), op.Constant(value_float=high))


TRANSLATIONS: dict[Any, Any] = {
    torch.ops.aten.relu6.default: _clip,
    torch.ops.aten.hardtanh.default: _clip,
    torch.ops.action_recognition.lstm.default: _onnx_lstm,
    torch.ops.action_recognition.gru.default: _onnx_gru,
}
