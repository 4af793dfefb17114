"""Clips: which frames make one, and how its pixels become the network's input.

A clip is `frames` pictures, `interval_s` seconds apart, whatever the frame rate of the video is.
The settings travel in the model file, so that training and use cannot drift apart.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from action_recognition.errors import UsageError
from action_recognition.video import Video


@dataclass(frozen=True)
class Preprocessing:
    """All that turns a video into input of the network.

    Parameters:
        frames: pictures in a clip, T.
        interval_s: seconds between two of them.
        size: side of the square input in pixels, H = W.
        max_aspect: pictures are centre-cropped to an aspect between 1/max_aspect and max_aspect
            before they are squeezed to the square: a 4:3 video is seen whole.
        mean, std: per channel (red, green, blue), for pixel values in 0..1.
    """

    frames: int = 8
    interval_s: float = 0.2
    size: int = 160
    max_aspect: float = 4 / 3
    mean: tuple[float, float, float] = (0.5, 0.5, 0.5)
    std: tuple[float, float, float] = (0.5, 0.5, 0.5)

    def __post_init__(self) -> None:
        for name, good, rule in (
            ("frames", self.frames in range(1, 1025), "from 1 to 1024"),
            ("interval_s", 0 < self.interval_s < math.inf, "more than 0 seconds"),
            ("size", self.size in range(16, 1025), "from 16 to 1024 pixels"),
            ("max_aspect", 1 <= self.max_aspect < math.inf, "at least 1"),
            ("mean", len(self.mean) == 3 and all(map(math.isfinite, self.mean)), "three numbers"),
            (
                "std",
                len(self.std) == 3 and all(0 < s < math.inf for s in self.std),
                "three numbers above 0",
            ),
        ):
            if not good:
                raise UsageError(f"Preprocessing: {name}={getattr(self, name)!r}, must be {rule}")

    @property
    def span_s(self) -> float:
        """Seconds from the first to the last frame of a clip."""
        return (self.frames - 1) * self.interval_s

    def to_dict(self) -> dict[str, Any]:
        """Plain values, fit for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Preprocessing:
        """The inverse of `to_dict`. Raises UsageError for unknown or missing fields."""
        names = {f.name for f in fields(cls)}
        if set(values) != names:
            raise UsageError(
                f"Preprocessing: fields {sorted(values)}, but {sorted(names)} are needed"
            )
        plain: dict[str, Any] = dict(values)
        plain = {k: tuple(v) if isinstance(v, list) else v for k, v in plain.items()}
        return cls(**plain)


@dataclass(frozen=True)
class VideoClips:
    """Clips read from one video.

    frames: (N, T, H, W, 3) uint8 RGB; times_s: (N, T) seconds from the video's first frame at
    which each of the frames begins.
    """

    frames: NDArray[np.uint8]
    times_s: NDArray[np.float64]


def clip_starts(duration_s: float, preprocessing: Preprocessing, *, count: int) -> list[float]:
    """Start times, in seconds, of up to `count` clips spread evenly over a video.

    No more than are needed for neighbours to overlap by half, so a short video has fewer. One clip
    stands in the middle. A video shorter than a clip has one, from its start: its last frame is
    repeated.

    >>> clip_starts(7.5, Preprocessing(frames=16, interval_s=0.1), count=3)
    [0.0, 3.0, 6.0]
    """
    if count < 1:
        raise UsageError(f"clip_starts: count={count}, must be at least 1")
    room = duration_s - preprocessing.span_s
    if room <= 0:
        return [0.0]
    if preprocessing.span_s > 0:
        count = min(count, 1 + math.ceil(room / (preprocessing.span_s / 2)))
    if count == 1:
        return [room / 2]
    return [room * k / (count - 1) for k in range(count)]


def read_clips(video: Video, preprocessing: Preprocessing, *, count: int) -> VideoClips:
    """Reads up to `count` clips, spread evenly over the video (see `clip_starts`).

    Raises:
        VideoError: the video is truncated or cannot be decoded.
    """
    starts = clip_starts(video.info.duration_s, preprocessing, count=count)
    offsets = np.arange(preprocessing.frames) * preprocessing.interval_s
    times = np.asarray(starts)[:, None] + offsets  # (N, T)
    frames, actual = video.frames_at(
        times.ravel(), size=preprocessing.size, max_aspect=preprocessing.max_aspect
    )
    return VideoClips(frames.reshape(*times.shape, *frames.shape[1:]), actual.reshape(times.shape))


def to_input(clips: NDArray[np.uint8] | torch.Tensor, preprocessing: Preprocessing) -> torch.Tensor:
    """Clips (B, T, H, W, 3) uint8 -> network input (B, 3, T, H, W) float32, normalised.

    The result is in the memory format `channels_last_3d`: no copy is made to permute it.
    """
    x = torch.as_tensor(clips)
    if x.ndim != 5 or x.shape[-1] != 3 or x.dtype != torch.uint8:
        raise UsageError(
            f"to_input: clips of shape {tuple(x.shape)} and type {x.dtype}, "
            "must be (B, T, H, W, 3) uint8"
        )
    scale = 1 / (255 * torch.tensor(preprocessing.std, device=x.device))
    shift = -torch.tensor(preprocessing.mean, device=x.device) / torch.tensor(
        preprocessing.std, device=x.device
    )
    return (x * scale + shift).permute(0, 4, 1, 2, 3)
