"""A plain C3D-like network, as a baseline: 3x3x3 convolutions and pooling, no recurrent layer.

The layers are those of C3D (Tran, Bourdev, Fergus, Torresani, Paluri, ICCV 2015) at a quarter of
the channels, with BatchNorm, and the mean over what is left of the picture in place of the two
fully connected layers: for clips of this number, and for a CPU.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader

from action_recognition.clips import Preprocessing, to_input
from action_recognition.datasets.framecache import FrameCache
from action_recognition.datasets.manifest import Clip, Manifest
from action_recognition.training.augmentation import Augmentation
from action_recognition.training.data import RandomClips

PREPROCESSING = Preprocessing(size=80)
EPOCHS, BATCH, RATE = 30, 16, 1e-3
# (channels, pooled over time, height and width after it)
LAYERS = ((16, (1, 2, 2)), (32, (2, 2, 2)), (64, None), (64, (2, 2, 2)), (128, None), (128, 2))


class C3D(nn.Module):
    """Clips in, logits out; the clips are normalised as the other networks' are."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        inputs = 3
        for channels, pool in LAYERS:
            layers += [
                nn.Conv3d(inputs, channels, 3, padding=1, bias=False),
                nn.BatchNorm3d(channels),
                nn.ReLU(inplace=True),
            ]
            if pool is not None:
                layers.append(nn.MaxPool3d(pool))
            inputs = channels
        self.layers = nn.Sequential(*layers)
        self.dense = nn.Sequential(nn.Dropout(0.5), nn.Linear(inputs, classes))

    def forward(self, x: Tensor) -> Tensor:
        """(B, 3, T, H, W) -> (B, classes)."""
        return self.dense(self.layers(x).mean((2, 3, 4)))


def train_c3d(manifest: Manifest, cache: FrameCache, *, seed: int) -> C3D:
    """Trains it from nothing on the side train, all epochs, and returns it in eval mode.

    `cache` is for this module's `PREPROCESSING`.
    """
    torch.manual_seed(seed)
    target = {label: k for k, label in enumerate(manifest.labels)}
    data = RandomClips(manifest.side("train"), target, cache, Augmentation())
    loader = DataLoader(data, BATCH, shuffle=True, drop_last=True, num_workers=1)
    network = C3D(len(target)).to(memory_format=torch.channels_last_3d).train()
    optimizer = torch.optim.AdamW(network.parameters(), RATE, weight_decay=0.02)
    total, warm_up = EPOCHS * len(loader), len(loader)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer,
        lambda step: min((step + 1) / warm_up, 0.5 * (1 + math.cos(math.pi * step / total))),
    )
    for epoch in range(EPOCHS):
        losses = []
        for frames, targets in loader:
            x = to_input(frames, PREPROCESSING).contiguous(memory_format=torch.channels_last_3d)
            # In float32: in bfloat16, 3D convolutions on the CPU now and then have infinite
            # gradients.
            loss = F.cross_entropy(network(x), targets, label_smoothing=0.1)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(network.parameters(), 5.0)
            optimizer.step()
            schedule.step()
            losses.append(loss.item())
        print(f"epoch {epoch + 1:>3}  train_loss {np.mean(losses):.3f}", flush=True)
    return network.eval()


def c3d_logits(network: C3D, clips: Sequence[Clip], cache: FrameCache, count: int) -> list[Tensor]:
    """Logits (n, classes) of up to `count` clips of each video."""
    found = []
    with torch.inference_mode():
        for clip in clips:
            frames = torch.from_numpy(np.array(cache.evaluation_clips(clip, count=count)))
            found.append(network(to_input(frames, PREPROCESSING)))
    return found
