"""Mixup and CutMix: training clips made of two."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def mix(clips: Tensor, alpha: float, cutmix: float = 0.0) -> tuple[Tensor, Tensor, float]:
    """Mixes each clip of a batch with another one of it.

    The two are blended (mixup, Zhang et al., ICLR 2018), or a box of the other is pasted into
    every frame (CutMix, Yun et al., ICCV 2019).

    Parameters:
        clips: (B, 3, T, H, W) float.
        alpha: of the Beta distribution that the proportion is drawn from, more than 0.
        cutmix: share of the batches, in 0..1, that get a box.

    Returns:
        mixed clips of the same shape; for each clip the index (B,) of the other one; the share,
        in 0..1, that is left of the first.
    """
    share = float(torch.distributions.Beta(alpha, alpha).sample())
    others = torch.randperm(len(clips), device=clips.device)
    if torch.rand(()) >= cutmix:
        return clips * share + clips[others] * (1 - share), others, share
    height, width = clips.shape[-2:]
    box_h = round(height * math.sqrt(1 - share))
    box_w = round(width * math.sqrt(1 - share))
    top = int(torch.randint(height - box_h + 1, ()))
    left = int(torch.randint(width - box_w + 1, ()))
    box = (..., slice(top, top + box_h), slice(left, left + box_w))
    mixed = clips.clone()
    mixed[box] = clips[others][box]
    return mixed, others, 1 - box_h * box_w / (height * width)
