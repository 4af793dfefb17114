"""An ONNX export in 8 bits: a third of its size, and less work for processors.

Static quantisation in ONNX Runtime's QDQ form (Jacob et al., "Quantization and Training of Neural
Networks for Efficient Integer-Arithmetic-Only Inference", CVPR 2018): weights are int8 with a scale
for each channel, what flows between layers is uint8 with a range seen on real clips. Inputs and
outputs stay those of the float file, and so does all that is not the network: scaling, thresholds,
the test for movement. What of the network is not computed in 8 bits, and why, the names below say;
`benchmarks/int8.py` measures it.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from action_recognition.exports.calibration import Calibration
from action_recognition.exports.metadata import KEY, metadata
from action_recognition.exports.onnx_form import onnx_model
from action_recognition.models.architecture import Architecture
from action_recognition.models.graph_names import FRAMES
from action_recognition.models.model_file import Model
from action_recognition.models.onnxruntime_quiet import ort

# Computed in 8 bits, in the trunk. The first convolution is not: it reads pixels, is quick, and its
# error would go through all others.
COMPUTED = ("Conv", "Add", "Concat", "Transpose", "Reshape", "Clip", "AveragePool")
_PASSED = (*COMPUTED, "Div", "Slice")
# Only their weights are 8 bits: what they remember would gather the error of each frame.
_RECURRENT = ("LSTM", "GRU")


def save_int8(model: Model, form: str, calibration: Calibration, path: Path) -> None:
    """Writes the clip or the stream form in 8 bits."""
    path.write_bytes(int8_model(model, form, calibration).SerializeToString())


def int8_model(
    model: Model, form: str, calibration: Calibration, **options: Any
) -> onnx.ModelProto:
    """The clip or the stream form in 8 bits, with the inputs and outputs of `onnx_model`.

    Its metadata has one entry more, `int8`: how it was made, and what calibrated it.

    Parameters:
        options: see `quantize`.
    """
    quantized = quantize(onnx_model(model, form), model.architecture, calibration.clips, **options)
    how = {"weights": "int8, each channel", "activations": "uint8", "ranges": "least to most"}
    told = metadata(model, form) | {"int8": {**how, **calibration.described()}}
    del quantized.metadata_props[:]
    helper.set_model_props(quantized, {KEY: json.dumps(told)})
    onnx.checker.check_model(quantized)
    return quantized


def quantize(
    graph: onnx.ModelProto,
    architecture: Architecture,
    clips: Sequence[NDArray[np.uint8]],
    *,
    computed: Sequence[str] = COMPUTED,
    per_channel: bool = True,
    signed: bool = False,
    seven_bits: bool = True,
    without: Sequence[str] = (),
) -> onnx.ModelProto:
    """Quantises the network in an export's graph.

    Parameters:
        clips: (T, H, W, 3) uint8 RGB each, for the ranges.
        computed: operations of the trunk that are computed in 8 bits.
        per_channel: a scale for each channel of weights; else one for all of them.
        signed: int8 between layers; else uint8, which is quicker on x86.
        seven_bits: weights of -64..64. Processors without VNNI add pairs of products in 16 bits,
            which then hold them; with weights of eight bits they would be cut off.
        without: names of nodes to leave in float.
    """
    from onnxruntime.quantization import QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    with tempfile.TemporaryDirectory() as folder:
        given, prepared, made = (Path(folder) / f"{k}.onnx" for k in range(3))
        onnx.save(graph, given)
        quant_pre_process(given, prepared, skip_symbolic_shape=True)  # folds constants
        read = onnx.load(prepared)
        # A stream's state is float, on the grid of what it is joined with. Quantised by itself it
        # would have the range of zeros, which is what it begins with.
        stream = len(read.graph.input) > 1
        chosen = [kind for kind in computed if not (stream and kind == "Concat")]
        nodes = [node.name for node in _trunk(read) if node.op_type in chosen]
        nodes += [node.name for node in _dense(read, architecture)]
        quantize_static(
            prepared, made, _Reader(read, clips),
            nodes_to_quantize=[name for name in nodes if name not in without],
            op_types_to_quantize=[*COMPUTED, "MatMul"],
            per_channel=per_channel, reduce_range=seven_bits,
            weight_type=QuantType.QInt8,
            activation_type=QuantType.QInt8 if signed else QuantType.QUInt8,
            extra_options={
                "QDQOpTypePerChannelSupportToAxis": {"MatMul": 1},
                "OpTypesToExcludeOutputQuantization": ["MatMul"],
            },
        )  # fmt: skip
        quantized = onnx.load(made)
    for node in list(quantized.graph.node):
        if node.op_type in _RECURRENT:
            for place in (1, 2):
                _store_in_bytes(quantized.graph, node, place)
    used = {node.domain for node in quantized.graph.node}
    kept = [one for one in quantized.opset_import if one.domain in used]
    del quantized.opset_import[:], quantized.graph.value_info[:]
    quantized.opset_import.extend(kept)
    return quantized


def _trunk(graph: onnx.ModelProto) -> Iterator[onnx.NodeProto]:
    """What lies between the first convolution and the mean over the pixels of feature maps."""
    nodes = graph.graph.node
    stem = next(node for node in nodes if node.op_type == "Conv")
    reached, after = set(stem.output), []
    for node in nodes:
        if node.op_type in _PASSED and reached.intersection(node.input):
            reached.update(node.output)
            after.append(node)
    end = next(n for n in nodes if n.op_type == "ReduceMean" and n.input[0] in reached)
    needed, found = {end.input[0]}, []
    for node in reversed(after):  # what only leads to the next state is not needed
        if needed.intersection(node.output):
            needed.update(node.input)
            found.append(node)
    return reversed(found)


def _dense(graph: onnx.ModelProto, a: Architecture) -> Iterator[onnx.NodeProto]:
    """The products with the weights of the hidden, the dense and the pretrained layer."""
    shapes = {(a.features, a.hidden), (a.hidden, a.classes), (a.hidden, a.pretrained)}
    weights = {w.name for w in graph.graph.initializer if tuple(w.dims) in shapes}
    return (n for n in graph.graph.node if n.op_type == "MatMul" and n.input[1] in weights)


def _store_in_bytes(graph: onnx.GraphProto, node: onnx.NodeProto, place: int) -> None:
    """Keeps a recurrent layer's weights (1, gates, inputs) as int8, a scale for each gate."""
    name = node.input[place]
    stored = next(weights for weights in graph.initializer if weights.name == name)
    values = numpy_helper.to_array(stored)
    scale = np.maximum(np.abs(values).max((0, 2)), 1e-12) / np.float32(127)
    rounded = np.round(values / scale[:, None]).astype(np.int8)
    names = [f"{name}_{end}" for end in ("int8", "scale", "float")]
    graph.initializer.remove(stored)
    parts = zip((rounded, scale.astype(np.float32)), names, strict=False)
    graph.initializer.extend(numpy_helper.from_array(part, called) for part, called in parts)
    read = helper.make_node("DequantizeLinear", names[:2], names[2:], axis=1)
    graph.node.insert(0, read)
    node.input[place] = names[2]


class _Reader:
    """The inputs of a graph, clip by clip; the state of a stream is that before the first frame."""

    def __init__(self, graph: onnx.ModelProto, clips: Sequence[NDArray[np.uint8]]) -> None:
        session = ort.InferenceSession(
            graph.SerializeToString(), providers=["CPUExecutionProvider"]
        )
        state = {
            port.name: np.zeros(
                [size if isinstance(size, int) else 1 for size in port.shape],
                np.int64 if port.type == "tensor(int64)" else np.float32,
            )
            for port in session.get_inputs()
            if port.name != FRAMES
        }
        self._given = iter([{FRAMES: clip[None], **state} for clip in clips])

    def get_next(self) -> dict[str, Any] | None:
        """The next clip's, or None."""
        return next(self._given, None)
