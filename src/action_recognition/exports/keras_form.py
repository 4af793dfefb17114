"""A model as a Keras 3 model of Keras' own layers, which `keras.models.load_model` opens.

It is the clip form, see `forms`. In a Keras graph a shape that is not known beforehand cannot be
computed with, so numbers of frames and pixels come from sums of ones; and frames are not moved into
the batch, from which they could not be brought back, but stacked above each other (`_Frames`).
"""

from __future__ import annotations

import json
import logging
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from action_recognition.exports.metadata import CLIP, KEY, metadata
from action_recognition.models.architecture import Architecture
from action_recognition.models.model_file import Model
from action_recognition.models.stored_network import stored
from action_recognition.recognition.motion import LEAST_SHARE, LEVELS, SQUARE

os.environ.setdefault("KERAS_BACKEND", "torch")  # the one that comes with this project
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
from keras import layers, ops

Array = NDArray[np.float32]
Weights = Mapping[str, Array]


def save_keras(model: Model, path: Path) -> None:
    """Writes a `.keras` or an `.h5` file, which hold the description, too."""
    made, described = keras_model(model), json.dumps(metadata(model, CLIP))
    logger = logging.getLogger("absl")
    level = logger.level
    logger.setLevel(logging.ERROR)  # it would call HDF5 files a thing of the past
    try:
        made.save(path)
    finally:
        logger.setLevel(level)
    if path.suffix == ".h5":
        with h5py.File(path, "r+") as file:
            # What Keras writes here names operations in a way that only layers are found by.
            file.attrs["model_config"] = made.to_json()
            file.attrs[KEY] = described
    else:
        with zipfile.ZipFile(path, "a") as archive:
            archive.writestr(f"{KEY}.json", described)


def keras_model(model: Model) -> keras.Model:
    """Frames (B, T, H, W, 3) uint8 in; a dictionary of the fields of `forms.Answers` out."""
    a, settings = model.architecture, model.preprocessing
    weights = {name: np.asarray(w, np.float32) for name, w in stored(model.network).weights.items()}
    frames = keras.Input((None, None, None, 3), dtype="uint8", name="frames")
    pictures = _squared(frames, settings.size, settings.max_aspect)  # (B, T, size, size, 3)
    ones = ops.ones_like(pictures[:, :, 0, 0, 0])  # (B, T)
    seen = ops.cumsum(ones, 1)  # 1, 2, ...
    vectors = _trunk(pictures / 255.0, a, weights, settings.size)  # (B, T, features)
    logits, likeness = _head(vectors, seen, a, weights)
    first = ops.minimum(ops.sum(ones, 1, keepdims=True), float(a.window))
    counted = ops.expand_dims(ops.cast(seen >= first, "float32"), -1)
    count = ops.sum(counted, 1)
    logits = ops.sum(logits * counted, 1) / count
    likeness = None if likeness is None else ops.sum(likeness * counted, 1) / count
    probabilities, known = _answer(model, logits, likeness)
    known = known * (1.0 - _still(pictures, seen))
    return keras.Model(
        frames,
        {"probabilities": probabilities, "known_probability": known, "logits": logits},
        name="action_recognition",
    )


# -- before the network ----------------------------------------------------------------------


def _squared(frames: Any, size: int, max_aspect: float) -> Any:
    """(B, T, H, W, 3) uint8 -> (B, T, size, size, 3), see `resampling.squared`."""
    x = ops.cast(frames, "float32")
    row, column = ops.ones_like(x[0, 0, :, 0, 0]), ops.ones_like(x[0, 0, 0, :, 0])
    height, width = ops.sum(row), ops.sum(column)
    x = ops.einsum("sw,bthwc->bthsc", _resampling(column, width, height, size, max_aspect), x)
    x = ops.einsum("sh,bthwc->btswc", _resampling(row, height, width, size, max_aspect), x)
    return ops.round(x)


def _resampling(ones: Any, whole: Any, across: Any, size: int, max_aspect: float) -> Any:
    kept = ops.minimum(whole, across * max_aspect)
    step = kept / size
    places = np.arange(size, dtype=np.float32)[:, None] + 0.5
    middles = (whole - kept) / 2.0 + ops.multiply(step, places) - 0.5  # (size, 1)
    pixels = ops.expand_dims(ops.cumsum(ones) - 1.0, 0)
    near = ops.relu(1.0 - ops.abs(middles - pixels) / ops.maximum(step, 1.0))
    return near / ops.sum(near, 1, keepdims=True)


def _still(pictures: Any, seen: Any) -> Any:
    """(B,): 1 where nothing moves, else 0, see `recognition.motion`."""
    size = pictures.shape[2]
    count, side = max(1, size // SQUARE), min(SQUARE, size)
    x = pictures[:, :, : count * side, : count * side]
    x = layers.Reshape((-1, count, side, count, side * 3))(x)
    means = ops.sum(x, (3, 5)) / (side * side * 3.0)
    means = layers.Reshape((-1, count * count))(means)  # (B, T, squares)
    change = means - ops.concatenate([means[:, :1], means[:, :-1]], 1)  # of the first frame 0
    change = change - ops.median(change, -1, keepdims=True)
    moved = ops.cast(ops.max(ops.abs(change), -1) > LEVELS, "float32")  # (B, T)
    steps = ops.max(seen, 1) - 1.0
    share = ops.sum(moved, 1) / ops.maximum(steps, 1.0)
    return ops.cast(steps > 0.0, "float32") * ops.cast(share < LEAST_SHARE, "float32")


# -- the network -----------------------------------------------------------------------------


def _trunk(x: Any, a: Architecture, weights: Weights, size: int) -> Any:
    """(B, T, size, size, 3) in 0..1 -> the mean of each frame's feature map (B, T, features)."""
    frames = _Frames(size, weights)
    x = frames.convolve(x, "trunk.stem", 3, 2)
    x = ops.relu6(x)
    for k, (_, expanded, kernel, times, stride) in enumerate(a.layers):
        name = f"trunk.layers.{k}"
        y = ops.relu6(_dense(x, f"{name}.expansion", weights))
        before, skip = frames.side, x
        if stride == 2:
            skip = frames.average(x)
            frames.side = before
        y = ops.relu6(frames.convolve(y, f"{name}.spatial", kernel, stride, depthwise=expanded))
        if times > 1:
            y = _over_time(y, f"{name}.temporal", times, frames.side, weights)
        y = _dense(y, f"{name}.projection", weights, scale=float(weights[f"{name}.scale"]))
        if f"{name}.skip.weight" in weights:
            skip = _dense(skip, f"{name}.skip", weights)
        x = skip + y
    return ops.mean(ops.relu6(_dense(x, "trunk.head", weights)), (2, 3))


class _Frames:
    """Convolutions of each frame, with TensorFlow's SAME padding.

    The frames (B, T, side, side, C) are padded and stacked above each other, (B, T * rows, columns,
    C). A convolution of the stack also yields rows that reach into the next frame; they are cut.

    Parameters:
        side: of the frames, in pixels; each convolution sets it to that of its output.
    """

    def __init__(self, side: int, weights: Weights) -> None:
        self.side = side
        self._weights = weights

    def convolve(self, x: Any, name: str, kernel: int, stride: int, *, depthwise: int = 0) -> Any:
        """With the weights of that name."""
        weight, bias = self._weights[f"{name}.weight"], self._weights[f"{name}.bias"]
        layer: Any
        if depthwise:
            weight = weight.transpose(2, 3, 0, 1)  # (rows, columns, channels, 1)
            layer = layers.DepthwiseConv2D(kernel, stride, data_format="channels_last")
        else:
            weight = weight.transpose(2, 3, 1, 0)  # (rows, columns, inputs, outputs)
            layer = layers.Conv2D(len(bias), kernel, stride, data_format="channels_last")
        return self._apply(x, layer, [weight, bias], kernel, stride)

    def average(self, x: Any) -> Any:
        """3x3 average with stride 2 that ignores the padding."""
        layer = layers.DepthwiseConv2D(3, 2, use_bias=False, data_format="channels_last")
        before, after = _same_padding(self.side, 3, 2)
        inside = np.pad(np.ones(self.side), (before, after))
        count = np.array([inside[k : k + 3].sum() for k in range(0, self.side, 2)])
        x = self._apply(x, layer, [np.ones((3, 3, x.shape[-1], 1))], 3, 2)
        return ops.multiply(x, np.asarray(1 / np.outer(count, count), np.float32)[..., None])

    def _apply(self, x: Any, layer: Any, values: list[Any], kernel: int, stride: int) -> Any:
        before, after = _same_padding(self.side, kernel, stride)
        padded = self.side + before + after
        rows = -(-padded // stride) * stride
        x = ops.pad(x, [[0, 0], [0, 0], [before, after + rows - padded], [before, after], [0, 0]])
        x = layers.Reshape((-1, padded, x.shape[-1]))(x)  # (B, T * rows, columns, C)
        x = ops.pad(x, [[0, 0], [0, max(0, kernel - stride)], [0, 0], [0, 0]])
        x = layer(x)
        layer.set_weights(values)
        self.side = -(-self.side // stride)
        x = layers.Reshape((-1, rows // stride, *x.shape[2:]))(x)
        return x[:, :, : self.side]


def _over_time(x: Any, name: str, times: int, side: int, weights: Weights) -> Any:
    """A causal convolution over time of each channel and position, and a ReLU6."""
    channels = x.shape[-1]
    layer = layers.DepthwiseConv2D((times, 1), data_format="channels_last")
    x = layers.Reshape((-1, side * side, channels))(x)
    x = layer(ops.pad(x, [[0, 0], [times - 1, 0], [0, 0], [0, 0]]))
    layer.set_weights([weights[f"{name}.weight"].T[:, None, :, None], weights[f"{name}.bias"]])
    return ops.relu6(layers.Reshape((-1, side, side, channels))(x))


def _dense(x: Any, name: str, weights: Weights, *, scale: float = 1.0) -> Any:
    """A dense layer over the channels, or a convolution of one pixel, which is the same."""
    weight, bias = weights[f"{name}.weight"], weights.get(f"{name}.bias")
    layer = layers.Dense(len(weight), use_bias=bias is not None)
    x = layer(x)
    values = [weight.reshape(len(weight), -1).T * scale]
    layer.set_weights(values if bias is None else [*values, bias * scale])
    return x


def _head(vectors: Any, seen: Any, a: Architecture, weights: Weights) -> tuple[Any, Any]:
    """`HybridNet.answer`: logits and likeness (B, T, classes); None where none is kept."""
    x = ops.pad(vectors, [[0, 0], [a.window - 1, 0], [0, 0]])
    x = layers.AveragePooling1D(a.window, 1, data_format="channels_last")(x) * float(a.window)
    x = x / ops.expand_dims(ops.minimum(seen, float(a.window)), -1)
    features = ops.relu6(_dense(x, "hidden", weights))
    logits, recurrent = _dense(features, "dense", weights), vectors
    for kind, units in (("lstm", a.lstm), ("gru", a.gru)):
        if units:
            recurrent = _recurrent(recurrent, kind, units, weights)
    if a.lstm or a.gru:
        past = ops.clip(seen - float(a.window), 0.0, float(a.window)) / float(a.window)
        logits = logits + ops.expand_dims(past, -1) * _dense(recurrent, "recurrent_dense", weights)
    if not a.pretrained:
        return logits, None
    roots = ops.sqrt(ops.softmax(_dense(features, "pretrained", weights)))
    alike = ops.matmul(roots, weights["typical"].T)
    return logits, ops.log(ops.clip(alike, 1e-6, 1.0))


def _recurrent(x: Any, kind: str, units: int, weights: Weights) -> Any:
    """LSTM or GRU; PyTorch's GRU has the gates reset, update, new, that of Keras begins with z."""
    order = (0, 1, 2, 3) if kind == "lstm" else (1, 0, 2)

    def ordered(name: str) -> Array:
        parts = np.split(weights[f"{kind}.{name}_l0"], len(order))
        return np.concatenate([parts[k] for k in order])

    layer_of = layers.LSTM if kind == "lstm" else layers.GRU
    layer = layer_of(units, return_sequences=True)
    x = layer(x)
    biases = [ordered("bias_ih"), ordered("bias_hh")]
    bias = sum(biases) if kind == "lstm" else np.stack(biases)
    layer.set_weights([ordered("weight_ih").T, ordered("weight_hh").T, bias])
    return x


# -- after the network -----------------------------------------------------------------------


def _answer(model: Model, logits: Any, likeness: Any) -> tuple[Any, Any]:
    """Probabilities (B, classes) and known probability (B,), see `OpenSetRule`."""
    known, rule = len(model.classes), model.open_set
    scaled = logits / model.temperature
    probabilities = ops.softmax(scaled[:, :known])
    if rule is None:
        return probabilities, ops.ones_like(scaled[:, 0])
    energy = ops.logsumexp(scaled[:, :known], -1)
    score = energy * rule.energy
    if scaled.shape[-1] > known:
        score = score + (energy - ops.logsumexp(scaled[:, known:], -1)) * rule.odds
    if likeness is not None:
        alike = ops.logsumexp(scaled[:, :known] + likeness[:, :known], -1)
        score = score + (alike - energy) * rule.likeness
    if rule.usual:
        score = score - ops.sum(probabilities * np.array(rule.usual, np.float32), -1)
    return probabilities, ops.sigmoid((score - rule.threshold) * rule.slope)


def _same_padding(size: int, kernel: int, stride: int) -> tuple[int, int]:
    total = max(0, (-(-size // stride) - 1) * stride + kernel - size)
    return total // 2, total - total // 2
