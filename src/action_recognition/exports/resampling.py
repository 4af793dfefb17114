"""From frames of any size to the network's square, written with what every format has.

The pictures are cropped around the middle and scaled with a triangle filter, as libswscale's
"bilinear" does, along one axis after the other: each is a product with a matrix of weights. A frame
that has the network's size already stays as it is, bit by bit.
"""

from __future__ import annotations

import torch
from torch import Tensor


def squared(frames: Tensor, size: int, max_aspect: float) -> Tensor:
    """(N, H, W, 3) uint8 -> (N, size, size, 3) float32 of whole numbers in 0..255.

    Parameters:
        size: side of the square, in pixels.
        max_aspect: see `Preprocessing`.
    """
    _, height, width, _ = frames.shape
    rows = _weights(height, width, size, max_aspect)  # (size, H)
    columns = _weights(width, height, size, max_aspect)  # (size, W)
    x = frames.permute(0, 3, 1, 2).float() @ columns.T  # (N, 3, H, size); three thin ones are slow
    return (rows @ x).round().permute(0, 2, 3, 1)


def _weights(length: int, other: int, size: int, max_aspect: float) -> Tensor:
    """(size, length): what each pixel of an axis adds to each place of the square."""
    whole, across = (torch.full((), n, dtype=torch.float32) for n in (length, other))
    kept = torch.minimum(whole, across * max_aspect)
    step = kept / size
    places = torch.arange(size, dtype=torch.float32)
    middles = (whole - kept) / 2 + (places + 0.5) * step - 0.5  # (size,), in pixels
    pixels = torch.arange(length, dtype=torch.float32)
    away = (middles[:, None] - pixels).abs() / step.clamp(min=1)
    near = (1 - away).clamp(min=0)
    return near / near.sum(1, keepdim=True)
