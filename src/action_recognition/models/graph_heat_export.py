"""The graph behind heat maps: `evidence` with its gradient written out, as ONNX.

PyTorch traces the gradient; what ONNX has no operation for, the backward passes of convolutions and
averages, is put as the transposed convolutions that they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch._decomp import core_aten_decompositions
from torch.fx.experimental.proxy_tensor import make_fx

from action_recognition.models.architecture import Architecture, weight_shapes
from action_recognition.models.evidence import evidence
from action_recognition.models.graph_export import without_weights
from action_recognition.models.graph_names import HEAT_INPUTS, HEAT_OUTPUT
from action_recognition.models.graph_operations import MOST, OPSET, TRANSLATIONS, quiet
from action_recognition.models.hybridnet import HybridNet


@cache
def export_heat_graph(architecture: Architecture, size: int) -> bytes:
    """The graph of `evidence` for all networks of an architecture, as the bytes of an ONNX model.

    As `export_graph`'s, it serves any number of classes.

    Parameters:
        size: side of the square frames, in pixels.

    It names the weights of the layers from `architecture.cut` on. Inputs:
    `graph_names.HEAT_INPUTS`, the parameters of `evidence`. Output: `graph_names.HEAT_OUTPUT`.
    """
    plain = replace(architecture, lstm=0, gru=0, pretrained=0)
    # Sizes that are equal are taken for the same: these two must be like no other.
    known = {n for shape in weight_shapes(plain).values() for n in shape} | set(range(size + 1))
    count, length = [n for n in range(2, len(known) + 4) if n not in known][:2]
    network = HybridNet(replace(plain, classes=count)).eval()
    module, cut = _Evidence(network.requires_grad_(False)), architecture.cut
    early = ("trunk.stem.", *(f"trunk.layers.{k}." for k in range(cut)))
    weights = {name: w for name, w in network.state_dict().items() if not name.startswith(early)}

    def heat(
        weights: dict[str, Tensor], maps: Tensor, target: Tensor, others: Tensor, counted: Tensor
    ) -> Tensor:
        named = {f"network.{name}": w for name, w in weights.items()}
        return torch.func.functional_call(module, named, (maps, target, others, counted))

    frames = torch.zeros(1, length, 3, size, size)
    maps, _ = network.trunk(frames, network.trunk.start(frames), last=cut)
    given = (weights, maps, *torch.zeros(2, count), torch.full((length,), 1 / length))
    times = torch.export.Dim("time", min=1, max=MOST)
    classes = {0: torch.export.Dim("classes", min=1, max=2**16)}
    shapes: Any = (
        {name: classes if name.startswith("dense.") else None for name in weights},
        {1: times}, classes, classes, {0: times},
    )  # fmt: skip
    with quiet():
        traced = make_fx(
            heat, decomposition_table=_DECOMPOSITIONS, tracing_mode="symbolic",
            _allow_non_fake_inputs=True,
        )(*given)  # fmt: skip
        program = torch.export.export(
            traced, given, dynamic_shapes=shapes, prefer_deferred_runtime_asserts_over_guards=True
        )
        exported = torch.onnx.export(
            program, dynamo=True, opset_version=OPSET, optimize=False, verbose=False,
            input_names=[*weights, *HEAT_INPUTS], output_names=[HEAT_OUTPUT],
            custom_translation_table=TRANSLATIONS,
        )  # fmt: skip
    assert exported is not None
    return without_weights(exported.model_proto, set(weights)).SerializeToString()


class _Evidence(nn.Module):
    """`evidence` as a module."""

    def __init__(self, network: HybridNet) -> None:
        super().__init__()
        self.network = network

    def forward(self, maps: Tensor, target: Tensor, others: Tensor, counted: Tensor) -> Tensor:
        return evidence(self.network, maps, target, others, counted)


def _convolution_backward(
    gradient: Tensor,
    x: Tensor,
    weight: Tensor,
    _: Any,
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
    transposed: bool,
    __: Any,
    groups: int,
    ___: Any,
) -> tuple[Tensor, None, None]:
    assert not transposed
    rest = [
        size - ((found - 1) * s - 2 * p + (k - 1) * d + 1)
        for size, found, s, p, k, d in zip(
            x.shape[-2:], gradient.shape[-2:], stride, padding, weight.shape[-2:], dilation,
            strict=True,
        )
    ]  # fmt: skip
    return (
        torch.ops.aten.convolution(
            gradient, weight, None, stride, padding, dilation, True, rest, groups
        ),
        None,
        None,
    )


def _average_backward(
    gradient: Tensor,
    x: Tensor,
    kernel: Sequence[int],
    stride: Sequence[int],
    padding: Sequence[int],
    ceil: bool,
    padding_counts: bool,
    divisor: int | None,
) -> Tensor:
    assert not ceil
    assert divisor is None
    ones = torch.ones(1, 1, *kernel)
    if padding_counts:
        count: float | Tensor = float(kernel[0] * kernel[1])
    else:
        count = F.conv2d(torch.ones(1, 1, *x.shape[-2:]), ones, None, stride, padding)
    whole = gradient.reshape(-1, 1, *gradient.shape[-2:]) / count  # channels do not mix
    rest = [
        size - ((found - 1) * s - 2 * p + k)
        for size, found, s, p, k in zip(
            x.shape[-2:], gradient.shape[-2:], stride, padding, kernel, strict=True
        )
    ]
    spread = F.conv_transpose2d(whole, ones, None, stride, padding, rest)
    return spread.reshape(x.shape)


_DECOMPOSITIONS: dict[Any, Any] = {
    **dict(core_aten_decompositions()),
    torch.ops.aten.convolution_backward.default: _convolution_backward,
    torch.ops.aten.avg_pool2d_backward.default: _average_backward,
}
