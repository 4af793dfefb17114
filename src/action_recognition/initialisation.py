"""Where a network starts from: public ImageNet weights, or another model's trunk."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import torch

from action_recognition.errors import ModelFileError
from action_recognition.model import HybridNet, SpatialConv
from action_recognition.modelfile import load_model


def initialise(network: HybridNet, path: str | Path) -> str:
    """Starts `network` from a file; returns one line for the training record.

    An .npz holds the ImageNet MobileNetV2 (see `load_imagenet`); an .h5 is a model file of this
    project, whose weights are taken wherever name and shape agree (the trunk and the recurrent
    layers; the dense layer only when the number of classes is the same).

    Raises:
        ModelFileError: the file is missing, damaged, or fits no part of the network.
    """
    path = Path(path)
    if path.suffix == ".npz":
        load_imagenet(network, path)
        return f"ImageNet MobileNetV2 ({path.name})"
    other = load_model(path).network.state_dict()
    own = network.state_dict()
    taken = {k: w for k, w in other.items() if k in own and own[k].shape == w.shape}
    if not any(k.startswith("blocks.") for k in taken):
        raise ModelFileError(f"{path.name}: its trunk has another architecture")
    if network.dense.weight.shape != other["dense.weight"].shape:
        taken = {k: w for k, w in taken.items() if not k.startswith("dense.")}
    network.load_state_dict(taken, strict=False)
    return f"{path.name} ({len(taken)} of {len(own)} tensors)"


def load_imagenet(network: HybridNet, path: str | Path) -> None:
    """Inflates MobileNetV2 1.0 / 224 of ImageNet into the 3D trunk.

    The file is an NPZ with `conv0.weight` (out, in/groups, kh, kw) and `conv0.bias` to `conv51`,
    in the order in which data meets them, BatchNorm folded into them, as dequantised from the
    public `mobilenet_v2_1.0_224_quant.tflite` (Apache-2.0). Convolutions over time begin as
    the identity, so that a still clip gives the answer of the 2D network.

    Raises:
        ModelFileError: the file is missing or damaged, or the network is not of that shape.
    """
    path = Path(path)
    layers = [m for m in network.modules() if isinstance(m, SpatialConv)]
    try:
        with np.load(path, allow_pickle=False) as file, torch.no_grad():
            for k, layer in enumerate(layers):
                weight = torch.from_numpy(file[f"conv{k}.weight"].astype(np.float32))
                bias = torch.from_numpy(file[f"conv{k}.bias"].astype(np.float32))
                if weight.shape != layer.conv.weight.shape:
                    raise ModelFileError(
                        f"{path.name}: conv{k} has shape {tuple(weight.shape)}, but the network "
                        f"needs {tuple(layer.conv.weight.shape)}: it is no MobileNetV2 1.0"
                    )
                layer.conv.weight.copy_(weight)
                layer.norm.running_mean.zero_()
                layer.norm.running_var.fill_(1 - layer.norm.eps)
                layer.norm.weight.fill_(1)
                layer.norm.bias.copy_(bias)
    except FileNotFoundError:
        raise ModelFileError(f"{path.name}: there is no such file of weights") from None
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise ModelFileError(f"{path.name}: no MobileNetV2 weights ({error})") from None
