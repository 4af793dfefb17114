"""A model as one ONNX file, from frames of any size to calibrated answers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import onnx
import torch
from torch import nn

from action_recognition.exports.forms import Answers, Clip, Stream
from action_recognition.exports.metadata import CLIP, KEY, metadata
from action_recognition.models.graph_names import FRAMES, STATE_OUTPUT, state_names
from action_recognition.models.graph_operations import (
    MOST,
    OPSET,
    TRANSLATIONS,
    quiet,
    with_whole_recurrence,
)
from action_recognition.models.model_file import Model

MOTION = ("last_means", "moved")
_OPEN = ("batch", "frames", "height", "width")  # the first sizes of `frames`
_LONGEST = 16384  # side of a frame, in pixels
Shapes = dict[int, Any]


def onnx_model(model: Model, form: str) -> onnx.ModelProto:
    """The clip or the stream form of a model, see `forms`.

    Inputs are `frames` and, of a stream, the state, by `graph_names.state_names` and `MOTION`.
    Outputs are the fields of `forms.Answers` and, of a stream, the next state: `next_` and the name
    of the input.
    """
    module: nn.Module
    if form == CLIP:
        module, given, shapes = clip_arguments(model)
        inputs: Sequence[str] = ()
    else:
        module, given, shapes = stream_arguments(model)
        inputs = (*state_names(model.architecture), *MOTION)
    module.network = with_whole_recurrence(module.network)
    module.requires_grad_(False).eval()
    with quiet():
        program = torch.export.export(module, given, dynamic_shapes=shapes)
        exported = torch.onnx.export(
            program, dynamo=True, opset_version=OPSET, optimize=True, verbose=False,
            input_names=[FRAMES, *inputs],
            output_names=[*Answers._fields, *(STATE_OUTPUT + name for name in inputs)],
            custom_translation_table=TRANSLATIONS,
        )  # fmt: skip
    assert exported is not None
    made = exported.model_proto
    del made.metadata_props[:], made.graph.metadata_props[:]
    for node in made.graph.node:
        del node.metadata_props[:]
        node.doc_string = ""
    _name_sizes(made)
    described = json.dumps(metadata(model, form))
    onnx.helper.set_model_props(made, {KEY: described})
    onnx.checker.check_model(made)
    return made


def save_onnx(model: Model, form: str, path: Path) -> None:
    """Writes the clip or the stream form."""
    path.write_bytes(onnx_model(model, form).SerializeToString())


def clip_arguments(model: Model) -> tuple[Clip, tuple[Any, ...], tuple[Any, ...]]:
    """The module, what to export it with, and which sizes are open."""
    frames = torch.zeros(2, 3, 40, 48, 3, dtype=torch.uint8)
    return Clip(model), (frames,), (_frames_shape(),)


def stream_arguments(model: Model) -> tuple[Stream, tuple[Any, ...], tuple[Any, ...]]:
    """The same for a stream."""
    module = Stream(model)
    size = model.preprocessing.size
    state = module.network.start(torch.zeros(2, 1, 3, size, size))
    motion = module.motion_state(2)
    frames = torch.zeros(2, 3, 40, 48, 3, dtype=torch.uint8)
    shape = _frames_shape()
    batch = shape[0]
    given = (
        frames, list(state.trunk), state.recent, state.seen, list(state.lstm), list(state.gru),
        *motion,
    )  # fmt: skip
    shapes = (
        shape, [{0: batch} for _ in state.trunk], {0: batch}, None,
        [{1: batch} for _ in state.lstm], [{1: batch} for _ in state.gru], {0: batch}, {0: batch},
    )  # fmt: skip
    return module, given, shapes


def _name_sizes(made: onnx.ModelProto) -> None:
    """Calls the open sizes what they are, where the exporter numbers them."""
    names: dict[str, str] = {}
    for value in (*made.graph.input, *made.graph.output):
        sizes = value.type.tensor_type.shape.dim
        if value.name == FRAMES:
            names = {d.dim_param: name for d, name in zip(sizes, _OPEN, strict=False)}
        for size in sizes:
            if size.dim_param in names:
                size.dim_param = names[size.dim_param]
    del made.graph.value_info[:]


def _frames_shape() -> Shapes:
    most = (MOST, MOST, _LONGEST, _LONGEST)
    return {
        axis: torch.export.Dim(name, min=1, max=largest)
        for axis, (name, largest) in enumerate(zip(_OPEN, most, strict=True))
    }
