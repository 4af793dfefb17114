"""Where a network starts from: public ImageNet weights, or another model's trunk."""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path

import numpy as np
import torch
from torch import nn

from action_recognition.errors import ModelFileError
from action_recognition.layers import SpatialConv
from action_recognition.model import HybridNet
from action_recognition.modelfile import find_model, load_model


def initialise(network: HybridNet, path: str | Path) -> str:
    """Starts `network` from a file, or from "shipped"; returns one line for the training record.

    An .npz holds the ImageNet MobileNetV2 (see `load_imagenet`); an .h5 is a model file of this
    project, whose weights are taken wherever name and shape agree (the trunk and the recurrent
    layers; the dense layer only when the number of classes is the same).

    Raises:
        ModelFileError: the file is missing, damaged, or its trunk is not that of the network.
    """
    path = find_model(path)
    if path.suffix == ".npz":
        load_imagenet(network, path)
        return f"ImageNet MobileNetV2 ({path.name})"
    model = load_model(path)
    other, before = model.network.state_dict(), model.training.get("init", "unknown weights")
    own = network.state_dict()
    taken = {k: w for k, w in other.items() if k in own and own[k].shape == w.shape}
    trunk = {k for k in own if k.startswith("blocks.") and k.endswith(".conv.weight")}
    if not trunk <= set(taken):
        raise ModelFileError(f"{path.name}: its trunk has another architecture")
    if network.dense.weight.shape != other["dense.weight"].shape:
        taken = {k: w for k, w in taken.items() if not k.startswith("dense.")}
    network.load_state_dict(taken, strict=False)
    return f"{path.name} ({len(taken)} of {len(own)} tensors), which started from {before}"


def load_imagenet(network: HybridNet, path: str | Path) -> None:
    """Inflates MobileNetV2 1.0 / 224 of ImageNet into the 3D trunk.

    The file is an NPZ with `conv0.weight` (out, in/groups, kh, kw) and `conv0.bias` to `conv51`,
    in the order in which data meets them, BatchNorm folded into them, as dequantised from the
    public `mobilenet_v2_1.0_224_quant.tflite` (Apache-2.0). Convolutions over time begin as
    the identity, so that a still clip gives the answer of the 2D network. Both streams begin with
    the same weights.

    Raises:
        ModelFileError: the file is missing or damaged, or the network is not of that shape.
    """
    path = Path(path)
    layers = _convolutions(network.stem, network.blocks, network.last)
    try:
        with zipfile.ZipFile(path):  # np.load would take a lone array or a pickle, too
            pass
        with np.load(path, allow_pickle=False) as file:
            stored = [(file[f"conv{k}.weight"], file[f"conv{k}.bias"]) for k in range(len(layers))]
        pairs = [
            (torch.from_numpy(w.astype(np.float32)), torch.from_numpy(b.astype(np.float32)))
            for w, b in stored
        ]
    except FileNotFoundError:
        raise ModelFileError(f"{path.name}: there is no such file of weights") from None
    except (OSError, ValueError, KeyError, zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise ModelFileError(f"{path.name}: no MobileNetV2 weights ({error})") from None
    for k, (layer, (weight, bias)) in enumerate(zip(layers, pairs, strict=True)):
        needed = layer.conv.weight.shape
        if weight.shape != needed or bias.shape != needed[:1]:
            raise ModelFileError(
                f"{path.name}: conv{k} has shape {tuple(weight.shape)} and a bias of "
                f"{tuple(bias.shape)}, but the network needs {tuple(needed)} and "
                f"{tuple(needed[:1])}: it is no MobileNetV2 1.0"
            )
        if not (weight.isfinite().all() and bias.isfinite().all()):
            raise ModelFileError(f"{path.name}: conv{k} holds values that are not finite")
    targets = list(zip(layers, pairs, strict=True))
    if network.motion_last is not None:
        late = _convolutions(network.motion_blocks, network.motion_last)
        targets += zip(late, pairs[-len(late) :], strict=True)
    with torch.no_grad():
        for layer, (weight, bias) in targets:
            layer.conv.weight.copy_(weight)
            layer.norm.reset_running_stats()
            layer.norm.running_var.fill_(1 - layer.norm.eps)  # type: ignore[union-attr]
            layer.norm.weight.fill_(1)
            layer.norm.bias.copy_(bias)


def _convolutions(*parts: nn.Module) -> list[SpatialConv]:
    """In the order in which data meets them."""
    return [m for part in parts for m in part.modules() if isinstance(m, SpatialConv)]
