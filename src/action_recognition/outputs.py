"""Clips through a network as it stands, unfolded: while it is trained, and to compare with."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from action_recognition.clips import Preprocessing, to_input
from action_recognition.model import HybridNet


def run_clips(
    network: HybridNet,
    clips: NDArray[np.uint8],
    preprocessing: Preprocessing,
    *,
    batch: int = 8,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Runs the clips of one video through the network.

    Parameters:
        network: in eval mode, on any device.
        clips: (N, T, H, W, 3) uint8 RGB.
        batch: clips that go through the network at once; bounds the memory.

    Returns:
        logits (N, classes) and the trunk's features (D,), averaged over the clips, float64.
    """
    logits, features = clip_outputs(network, clips, preprocessing, batch=batch)
    return logits, features.mean(0)


def clip_outputs(
    network: HybridNet,
    clips: NDArray[np.uint8],
    preprocessing: Preprocessing,
    *,
    batch: int = 8,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """As `run_clips`, with the features of each clip (N, D)."""
    device = network.dense.weight.device
    logits, features = [], []
    with torch.inference_mode(), torch.autocast(device.type, dtype=torch.bfloat16):
        for start in range(0, len(clips), batch):
            x = to_input(torch.as_tensor(clips[start : start + batch]).to(device), preprocessing)
            answer, seen = network.classify(x)
            logits.append(answer.double().cpu().numpy())
            features.append(seen.double().cpu().numpy())
    return np.concatenate(logits), np.concatenate(features)
