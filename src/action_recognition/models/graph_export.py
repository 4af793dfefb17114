"""The network as a portable graph: ONNX, exported from `HybridNet` itself.

The graph is the streaming form: frames and state in; logits, likeness, features, feature maps and
the next state out, for any batch and any number of frames. It holds no weights, it only names them
as the network does, so that a model file holds them once, and one graph serves all networks of an
architecture.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import onnx
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from action_recognition.models.architecture import Architecture
from action_recognition.models.backbone import (
    Sizes,
    SpatialConv,
    frame_by_frame,
    same_padding,
    video_by_video,
)
from action_recognition.models.graph_names import OUTPUTS, STATE_OUTPUT, state_names
from action_recognition.models.graph_operations import (
    MOST,
    OPSET,
    TRANSLATIONS,
    quiet,
    with_whole_recurrence,
)
from action_recognition.models.hybridnet import HybridNet, Output, State


@cache
def export_graph(architecture: Architecture, size: int) -> bytes:
    """The graph of all networks of an architecture, as the bytes of an ONNX model.

    It serves any number of classes, which is that of the weights.

    Parameters:
        size: side of the square frames, in pixels.

    Inputs: `frames` (B, T, size, size, 3) uint8 RGB, and the state, see `graph_names.state_names`.
    Outputs: see `graph_names.OUTPUTS`, then the next state.
    """
    network = with_whole_recurrence(HybridNet(architecture)).eval().requires_grad_(False)
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
            custom_translation_table=TRANSLATIONS,
        )  # fmt: skip
    assert exported is not None
    for output in exported.model_proto.graph.output:
        if output.name in ("logits", "likeness"):
            output.type.tensor_type.shape.dim[2].dim_param = "classes"
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
        sizes = frames.shape[1], frames.shape[0]
        state = State(tuple(before), recent, seen, tuple(lstm), tuple(gru))
        output, maps = through(self.network, frame_by_frame(frames), sizes, state)
        likeness = self.network.likeness(output.features)
        return (
            output.logits, likeness, output.features, video_by_video(maps, sizes),
            *tensors(output.state),
        )  # fmt: skip


def through(
    network: HybridNet, pictures: Tensor, sizes: Sizes, state: State
) -> tuple[Output, Tensor]:
    """`HybridNet.forward` on pictures as decoded, (T*B, H, W, 3) in 0..255; and the feature maps.

    The maps (T*B, C, h, w) are those that heat maps are made of.
    """
    cut, trunk = network.architecture.cut, network.trunk
    early = sum(frames > 1 for *_, frames, _ in network.architecture.layers[:cut])
    x = F.relu6(_interleaved(trunk.stem, pictures))
    maps, after = trunk.run_layers(x, state.trunk[:early], sizes, last=cut)
    late, later = trunk.run_layers(maps, state.trunk[early:], sizes, first=cut)
    vectors = video_by_video(late.mean((2, 3)), sizes)
    return network.answer(vectors, state._replace(trunk=(*after, *later))), maps


def tensors(state: State) -> Sequence[Tensor]:
    """In the order of `graph_names.state_names`."""
    return (*state.trunk, state.recent, state.seen, *state.lstm, *state.gru)


def _interleaved(stem: SpatialConv, pictures: Tensor) -> Tensor:
    """The stem, on pictures as decoded: (N, H, W, 3) -> (N, stem, H / 2, W / 2).

    A row of pixels of three colours is a row of three times as many of one colour: so the colours
    need not be taken apart first, which costs as much as the convolution.
    """
    rows, columns = (same_padding(n, 3, 2) for n in pictures.shape[1:3])
    x = pictures.flatten(2).unsqueeze(1).float()  # (N, 1, H, 3 * W)
    weight = stem.weight.permute(0, 2, 3, 1).flatten(2).unsqueeze(1) / 255  # (stem, 1, 3, 9)
    return F.conv2d(F.pad(x, [3 * n for n in columns] + list(rows)), weight, stem.bias, (2, 6))


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
