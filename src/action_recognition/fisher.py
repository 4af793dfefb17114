"""Fisher vectors: which local patterns a clip shows, and how they deviate from what is usual.

A local pattern is what the shared blocks see at one place of two successive frames, and how high in
the picture that is. A mixture of Gaussians, fitted once to the patterns of the train clips, knows
their kinds; for each kind, a Fisher vector holds how the patterns of a clip differ from it in mean
and in spread, wherever else and whenever they are (Perronnin, Sanchez, Mensink, ECCV 2010; on maps
of a convolutional network: Cimpoi, Maji, Vedaldi, CVPR 2015, "Deep filter banks"; with the place:
Sanchez, Perronnin, de Campos, Pattern Recognition Letters 2012). A pattern counts for as much as
its place changes from frame to frame, so that what moves outweighs the scene. Only the dense layer
after it learns from labels: a few hundred clips are enough.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

_STILL = 1e-6  # squared change that counts as none


def pairs(maps: Tensor) -> Tensor:
    """Maps (B, T, C, h, w) -> successive frames (B, T - 1, 2, C, h, w), float32, the later first.

    A single frame stands for both of a pair.
    """
    maps = maps.float()
    if maps.shape[1] == 1:
        maps = torch.cat([maps, maps], 1)
    return torch.stack([maps[:, 1:], maps[:, :-1]], 2)


def changes(maps: Tensor) -> Tensor:
    """How much maps (B, T, C, h, w) change at each place of T - 1 pairs of frames: (B, N).

    Mean square over channels, relative to the clip's own mean; 1 throughout where nothing changes.
    """
    later, before = pairs(maps).unbind(2)
    found = (later - before).square().mean(2).flatten(1) + _STILL
    return found / found.mean(1, keepdim=True)


class FisherVector(nn.Module):
    """Maps of one stream in, a Fisher vector out. Its weights are fitted, not trained by gradients.

    Parameters:
        channels: of the maps.
        kinds: Gaussians of the mixture, K.
        width: numbers that describe a pattern beside its height, D: principal components of the
            channels of two successive frames.
    """

    def __init__(self, channels: int, kinds: int, width: int) -> None:
        super().__init__()
        self.size = 2 * kinds * (width + 1)
        self.register_buffer("centre", torch.zeros(2 * channels))
        self.register_buffer("components", torch.zeros(width, 2 * channels))
        self.register_buffer("height", torch.ones(1))  # of half a picture, in units of components
        self.register_buffer("means", torch.zeros(kinds, width + 1))
        self.register_buffer("deviations", torch.ones(kinds, width + 1))
        self.register_buffer("shares", torch.full((kinds,), 1 / max(1, kinds)))

    centre: Tensor
    components: Tensor
    height: Tensor
    means: Tensor
    deviations: Tensor
    shares: Tensor

    def patterns(self, maps: Tensor) -> Tensor:
        """Maps (B, T, C, h, w) -> the patterns (B, N, 2 C + 1) at all places of T - 1 pairs.

        The last number is the place's height, from -1 (top) to 1 (bottom).
        """
        both = pairs(maps).flatten(2, 3)  # (B, T - 1, 2 C, h, w)
        batch, times, _, rows, columns = both.shape
        heights = torch.linspace(-1, 1, rows, device=both.device) if rows > 1 else both.new_zeros(1)
        heights = heights[:, None].expand(batch, times, 1, rows, columns)
        return torch.cat([both, heights], 2).permute(0, 1, 3, 4, 2).flatten(1, 3)

    def describe(self, patterns: Tensor) -> Tensor:
        """Patterns (..., 2 C + 1) -> the numbers that the mixture knows (..., D + 1)."""
        values = (patterns[..., :-1] - self.centre) @ self.components.T
        return torch.cat([values, self.height * patterns[..., -1:]], -1)

    def forward(self, maps: Tensor, weights: Tensor) -> Tensor:
        """Maps (B, T, C, h, w) and what each pattern counts for (B, N), of mean 1, ->
        (B, 2 K (D + 1)) float32 of length 1.

        Signed square roots of the gradients by means and deviations, as in Perronnin et al.
        """
        with torch.autocast(maps.device.type, enabled=False):
            x = self.describe(self.patterns(maps))  # (B, N, D + 1)
            means, deviations = self.means, self.deviations.clamp(min=1e-4)
            shares = self.shares.clamp(min=1e-6)
            precise = 1 / deviations.square()
            density = (  # log density of each pattern under each kind, up to a constant
                x @ (means * precise).T
                - 0.5 * (x.square() @ precise.T)
                - 0.5 * (means.square() * precise).sum(1)
                - deviations.log().sum(1)
            )
            belongs = (density + shares.log()).softmax(2) * weights[..., None]  # (B, N, K)
            count = belongs.sum(1)[..., None]  # (B, K, 1)
            first = belongs.transpose(1, 2) @ x  # (B, K, D)
            second = belongs.transpose(1, 2) @ x.square()
            scale = x.shape[1] * shares.sqrt()[:, None]
            by_mean = (first - count * means) / (deviations * scale)
            by_deviation = second - 2 * first * means + count * (means.square() - 1 / precise)
            by_deviation = by_deviation * precise / (math.sqrt(2) * scale)
            both = torch.cat([by_mean.flatten(1), by_deviation.flatten(1)], 1)
            # sign(x) sqrt(|x|), with a gradient at 0
            return F.normalize(both * (both.abs() + 1e-8).rsqrt(), dim=1)
