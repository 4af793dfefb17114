"""MoViNet-A0 trained on Kinetics-600: the weights that networks start from."""

from __future__ import annotations

import io
import zipfile
import zlib
from pathlib import Path

import numpy as np
import torch

from action_recognition.errors import ModelFileError
from action_recognition.files import read_regular
from action_recognition.models.architecture import Architecture
from action_recognition.models.hybridnet import HybridNet

ORIGIN = "MoViNet-A0-Stream, trained on Kinetics-600 (Kondratyuk et al., CVPR 2021; Apache-2.0)"
_LARGEST = 2**26  # bytes of a file, and of all that is packed in it
_BLOCKS = (1, 3, 3, 4, 4)  # layers of each of the trunk's blocks, for the names in the file


def load_kinetics(folder: str | Path) -> tuple[HybridNet, tuple[str, ...]]:
    """Loads the Kinetics-600 network and its class names.

    Parameters:
        folder: holds `movinet_a0_stream_kinetics600.npz` (`NAME.weight` and `NAME.bias` for each
            convolution, BatchNorm folded in, float16) and `labels.txt`, one class per line. The
            numbers are those of Google's `movinet_a0_stream` TFLite file (Apache-2.0).

    Raises:
        ModelFileError: a file is missing, damaged, or from another network.
    """
    path, labels = Path(folder) / "movinet_a0_stream_kinetics600.npz", Path(folder) / "labels.txt"
    try:
        names = _read_labels(labels)
        content = io.BytesIO(read_regular(path, _LARGEST))
        with zipfile.ZipFile(content) as archive:  # np.load would take an array or a pickle, too
            if sum(member.file_size for member in archive.infolist()) > _LARGEST:
                raise ValueError("it unfolds to more than those have")
        with np.load(content, allow_pickle=False) as file:
            stored = {name: torch.from_numpy(file[name].astype(np.float32)) for name in file.files}
    except FileNotFoundError as error:
        raise ModelFileError(f"{Path(error.filename).name}: there is no such file") from None
    except (OSError, ValueError, zipfile.BadZipFile, zlib.error, EOFError, MemoryError) as error:
        raise ModelFileError(f"{path.name}: no weights of MoViNet-A0 ({error})") from None
    network = HybridNet(Architecture(classes=len(names)))
    for name, own in network.state_dict().items():
        found = stored.get(_name_in_file(name))
        if found is None or found.numel() != own.numel():
            raise ModelFileError(
                f"{path.name}: {_name_in_file(name)} is missing or of another size"
            )
        if not found.isfinite().all():
            raise ModelFileError(f"{path.name}: {_name_in_file(name)} is not finite")
        own.copy_(found.reshape(own.shape))
    return network.eval(), names


def _read_labels(path: Path) -> tuple[str, ...]:
    try:
        names = tuple(read_regular(path, _LARGEST).decode("utf-8").splitlines())
    except UnicodeDecodeError:
        raise ModelFileError(f"{path.name}: it is not UTF-8 text") from None
    if not names:
        raise ModelFileError(f"{path.name}: it holds no class names")
    return names


def _name_in_file(name: str) -> str:
    """`trunk.layers.2.spatial.weight` -> `block1_layer1.spatial.weight`."""
    parts = name.removeprefix("trunk.").split(".")
    if parts[0] == "layers":
        block, layer = 0, int(parts[1])
        while layer >= _BLOCKS[block]:
            layer -= _BLOCKS[block]
            block += 1
        parts[:2] = [f"block{block}_layer{layer}"]
    elif parts[0] in ("hidden", "dense"):
        parts[0] = {"hidden": "dense", "dense": "classifier"}[parts[0]]
    return ".".join(parts)
