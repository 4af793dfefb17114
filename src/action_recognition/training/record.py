"""What is recorded of a training: its data, its settings, and what it starts from."""

from __future__ import annotations

import hashlib
import platform
import time
from dataclasses import asdict, replace
from typing import Any

import lightning as L
import numpy as np
import torch

from action_recognition.datasets.manifest import Manifest, fingerprint
from action_recognition.models.hybridnet import HybridNet
from action_recognition.models.model_file import Model
from action_recognition.models.stored_network import restored
from action_recognition.training.settings import TrainingSettings
from action_recognition.training.training_data import TrainingData, counts, sources


def describe(
    manifest: Manifest, data: TrainingData, settings: TrainingSettings, start: Model, init: str
) -> dict[str, Any]:
    """The training record, which describes a run and identifies it when it is resumed.

    Parameters:
        manifest: the manifest that `data` was built from.
        start: the model that training starts from.
        init: its name, if its own record has none.
    """
    initial = restored(start.network)
    split = [c for s in ("train", "val") for c in manifest.split(s) if c.label in data.classes]
    return {
        "data": fingerprint(split),
        "clips": counts(manifest, data),
        "sources": sources(manifest, data),
        "init": start.training.get("init", init),
        "init_weights": weights_digest(initial),
        "settings": asdict(settings),
        "architecture": replace(
            initial.architecture,
            classes=len(data.labels),
            lstm=settings.lstm,
            gru=settings.gru,
            pretrained=(initial.pretrained or initial.dense).out_features,
        ).to_dict(),
        "preprocessing": start.preprocessing.to_dict(),
        "versions": {
            "python": platform.python_version(),
            "torch": torch.__version__,
            "lightning": L.__version__,
            "numpy": np.__version__,
        },
        "date": time.strftime("%Y-%m-%d"),
    }


def weights_digest(network: HybridNet) -> str:
    """A digest of the weights that training starts from."""
    sha = hashlib.sha256()
    for name, values in network.state_dict().items():
        if name.startswith(("trunk.", "hidden.", "dense.", "pretrained.")):
            sha.update(name.encode() + values.cpu().numpy().tobytes())
    return sha.hexdigest()[:16]
