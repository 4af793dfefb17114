"""Training augmentation: one random clip out of a video's cached frames."""

from __future__ import annotations

import math

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from action_recognition.clips import Preprocessing
from action_recognition.training.settings import Augmentation


def random_clip(
    frames: NDArray[np.uint8],
    step_s: float,
    preprocessing: Preprocessing,
    augmentation: Augmentation,
    *,
    length: int,
) -> NDArray[np.uint8]:
    """A random clip: temporal jitter, random resized crop, mirror, colour.

    Draws from PyTorch's global random numbers.

    Parameters:
        frames: (N, h, w, 3) uint8, `step_s` seconds apart.
        length: frames of the clip; it has fewer where the video is shorter.

    Returns:
        (T, size, size, 3) uint8, T from 1 to `length`.
    """
    times = random_times(len(frames), step_s, preprocessing, augmentation, length)
    x = torch.from_numpy(np.ascontiguousarray(frames[times]))
    x = x.permute(0, 3, 1, 2)  # (T, 3, h, w)
    x = _random_crop(x, preprocessing.size, augmentation).float()
    if augmentation.flip and _uniform(0, 1) < 0.5:
        x = x.flip(3)
    if augmentation.colour:
        x = _random_colour(x, augmentation.colour)
    return x.clamp(0, 255).round().to(torch.uint8).permute(0, 2, 3, 1).contiguous().numpy()


def random_times(
    frames: int,
    step_s: float,
    preprocessing: Preprocessing,
    augmentation: Augmentation,
    length: int,
) -> NDArray[np.int64]:
    """Indices (T,) of a random clip's frames in a video of so many; none is repeated at the end."""
    pace = preprocessing.interval_s / step_s
    pace *= math.exp(_uniform(-1, 1) * math.log(augmentation.speed))
    length = max(1, min(length, int((frames - 1) / pace + 1 + 1e-6)))
    start = _uniform(0, max(0.0, frames - 1 - pace * (length - 1)))
    index = np.floor(start + pace * np.arange(length) + 0.5).astype(np.int64)
    return index.clip(0, frames - 1)


def _random_crop(x: Tensor, size: int, augmentation: Augmentation) -> Tensor:
    height, width = x.shape[2:]
    area = _uniform(augmentation.area, 1)
    # A wider range of aspects would cut a large crop to less than the smallest share.
    widest = min(augmentation.aspect, 1 / augmentation.area)
    aspect = math.exp(_uniform(-1, 1) * math.log(widest))
    crop_h = min(height, max(1, round(height * math.sqrt(area / aspect))))
    crop_w = min(width, max(1, round(width * math.sqrt(area * aspect))))
    top = int(_uniform(0, height - crop_h + 1))
    left = int(_uniform(0, width - crop_w + 1))
    x = x[:, :, top : top + crop_h, left : left + crop_w].float()
    return F.interpolate(x, size=(size, size), mode="bilinear", align_corners=False)


def _random_colour(x: Tensor, strength: float) -> Tensor:
    brightness, contrast, saturation = (1 + _uniform(-strength, strength) for _ in range(3))
    weights = torch.tensor([0.299, 0.587, 0.114])  # luma of ITU-R BT.601
    grey = (x * weights[:, None, None]).sum(1, keepdim=True)
    x = grey + (x - grey) * saturation
    mean = grey.mean()
    return ((x - mean) * contrast + mean) * brightness


def _uniform(low: float, high: float) -> float:
    return low + (high - low) * torch.rand(()).item()
