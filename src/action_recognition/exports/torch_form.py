"""A model as a `torch.export` program (.pt2), which PyTorch runs without this project."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch._higher_order_ops.scan import scan

from action_recognition.exports.metadata import CLIP, KEY, metadata
from action_recognition.exports.onnx_form import clip_arguments, stream_arguments
from action_recognition.models.graph_operations import quiet
from action_recognition.models.model_file import Model

_Pair = tuple[Tensor, Tensor]


def save_torch(model: Model, form: str, path: Path) -> None:
    """Writes the clip or the stream form, see `forms`; `torch.export.load` opens it.

    Its module is called as `forms.Clip` or `forms.Stream` is.
    """
    arguments = clip_arguments if form == CLIP else stream_arguments
    module, given, shapes = arguments(model)
    network: Any = module.network
    if network.lstm is not None:
        network.lstm = _ScannedLstm(network.lstm)
    if network.gru is not None:
        network.gru = _ScannedGru(network.gru)
    module.requires_grad_(False).eval()
    with quiet():
        program = torch.export.export(module, given, dynamic_shapes=shapes)
        program.example_inputs = None  # zeros, but of a stream more than the weights
        described = {KEY: json.dumps(metadata(model, form))}
        torch.export.save(program, path, extra_files=described)


class _Scanned(nn.Module):
    """A recurrent layer as a loop over time: `torch.export` unrolls PyTorch's own."""

    def __init__(self, layer: nn.RNNBase) -> None:
        super().__init__()
        self.layer: Any = layer

    def _steps(self, x: Tensor, step: Callable[..., Any], start: Any) -> tuple[Any, Tensor]:
        """Runs `step` over what the inputs (B, T, ...) add to the gates."""
        layer = self.layer
        gates = x.transpose(0, 1) @ layer.weight_ih_l0.T + layer.bias_ih_l0
        last, found = scan(step, start, gates, dim=0)
        return last, found.transpose(0, 1)


class _ScannedLstm(_Scanned):
    def forward(self, x: Tensor, state: _Pair) -> tuple[Tensor, _Pair]:
        recurrent, bias = self.layer.weight_hh_l0.T, self.layer.bias_hh_l0

        def step(carry: _Pair, given: Tensor) -> tuple[_Pair, Tensor]:
            hidden, cell = carry
            i, f, g, o = (given + hidden @ recurrent + bias).chunk(4, -1)
            cell = f.sigmoid() * cell + i.sigmoid() * g.tanh()
            hidden = o.sigmoid() * cell.tanh()
            return (hidden, cell), hidden.clone()

        (hidden, cell), found = self._steps(x, step, (state[0][0], state[1][0]))
        return found, (hidden[None], cell[None])


class _ScannedGru(_Scanned):
    def forward(self, x: Tensor, state: Tensor) -> _Pair:
        recurrent, bias = self.layer.weight_hh_l0.T, self.layer.bias_hh_l0

        def step(hidden: Tensor, given: Tensor) -> _Pair:
            r, z, n = given.chunk(3, -1)
            with_r, with_z, with_n = (hidden @ recurrent + bias).chunk(3, -1)
            new = (n + (r + with_r).sigmoid() * with_n).tanh()
            keep = (z + with_z).sigmoid()
            hidden = (1 - keep) * new + keep * hidden
            return hidden, hidden.clone()

        hidden, found = self._steps(x, step, state[0])
        return found, hidden[None]
