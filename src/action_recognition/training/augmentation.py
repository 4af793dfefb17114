"""Training augmentation: one random clip out of a video's cached frames."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from action_recognition.clips import Preprocessing
from action_recognition.errors import UsageError


@dataclass(frozen=True)
class Augmentation:
    """How much training clips are varied. All frames of a clip are changed alike.

    Parameters:
        speed: a clip is slowed down or sped up by a factor of up to this, at least 1.
        area: smallest share of the picture that a crop keeps, more than 0, at most 1.
        aspect: largest change of a crop's aspect, at least 1.
        flip: mirror half of the clips; wrong where left and right make the class.
        colour: largest relative change of brightness, contrast and saturation, in 0..1.
    """

    speed: float = 1.25
    area: float = 0.4
    aspect: float = 1.25
    flip: bool = True
    colour: float = 0.3

    def __post_init__(self) -> None:
        for name, good, rule in (
            ("speed", 1 <= self.speed < math.inf, "at least 1"),
            ("area", 0 < self.area <= 1, "more than 0 and at most 1"),
            ("aspect", 1 <= self.aspect < math.inf, "at least 1"),
            ("colour", 0 <= self.colour <= 1, "in 0..1"),
        ):
            if not good:
                raise UsageError(f"Augmentation: {name}={getattr(self, name)}, must be {rule}")


def random_clip(
    frames: NDArray[np.uint8],
    step_s: float,
    preprocessing: Preprocessing,
    augmentation: Augmentation,
) -> NDArray[np.uint8]:
    """A random clip: temporal jitter, random resized crop, mirror, colour.

    Draws from PyTorch's global random numbers, which Lightning seeds in each worker.

    Parameters:
        frames: (N, h, w, 3) uint8, `step_s` seconds apart.

    Returns:
        (T, size, size, 3) uint8.
    """
    times = random_times(len(frames), step_s, preprocessing, augmentation)
    x = torch.from_numpy(np.ascontiguousarray(frames[times]))
    x = x.permute(0, 3, 1, 2)  # (T, 3, h, w)
    x = _random_crop(x, preprocessing.size, augmentation).float()
    if augmentation.flip and _uniform(0, 1) < 0.5:
        x = x.flip(3)
    if augmentation.colour:
        x = _random_colour(x, augmentation.colour)
    return x.clamp(0, 255).round().to(torch.uint8).permute(0, 2, 3, 1).contiguous().numpy()


def random_times(
    length: int, step_s: float, preprocessing: Preprocessing, augmentation: Augmentation
) -> NDArray[np.int64]:
    """Indices (T,) of the frames of a random clip; the last frame is repeated at the end."""
    pace = preprocessing.interval_s / step_s
    pace *= math.exp(_uniform(-1, 1) * math.log(augmentation.speed))
    span = pace * (preprocessing.frames - 1)
    start = _uniform(0, max(0.0, length - 1 - span))
    index = np.floor(start + pace * np.arange(preprocessing.frames) + 0.5).astype(np.int64)
    return index.clip(0, length - 1)


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
