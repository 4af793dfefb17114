"""The network made quick for use; training and the model file know nothing of it.

- BatchNorm is folded into the convolutions once, and weights are stored in the number format that
  the machine computes in.
- The blocks before the first convolution over time see one picture at a time, and most of the work
  is theirs: each picture of a clip, and each difference of two, goes through them once, also where
  clips overlap.
- Pictures go through a few at a time: what lies between two layers then stays in the cache.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from action_recognition.clips import Preprocessing
from action_recognition.layers import SpatialConv, pad_same
from action_recognition.model import HybridNet
from action_recognition.timeline import Window

_PICTURES = 8  # that go through the CPU at once: of 16, each takes 1.5 times as long
_PICTURES_GPU = 128
_CLIPS = 8

Place = tuple[int, bool]  # on the grid of pictures; whether it is a difference
Seen = tuple[NDArray[np.uint8], ...]  # a picture, or two whose difference is meant


class FoldedConv(nn.Module):
    """As SpatialConv in eval mode, with BatchNorm folded into weight and bias.

    On the CPU it calls the convolution that PyTorch's own compiler calls: oneDNN's, with ReLU6 in
    the same pass, and with weights that are put into its order once instead of on every call. The
    result is the same to the last bit.
    """

    weight: Tensor
    bias: Tensor

    def __init__(self, source: SpatialConv) -> None:
        super().__init__()
        norm = source.norm
        assert norm.running_mean is not None
        assert norm.running_var is not None  # for the type checker: BatchNorm keeps both here
        gain = norm.weight * torch.rsqrt(norm.running_var + norm.eps)
        weight = (source.conv.weight * gain[:, None, None, None]).detach()
        weight = weight.contiguous(memory_format=torch.channels_last)
        self.register_buffer("weight", weight)
        self.register_buffer("bias", (norm.bias - norm.running_mean * gain).detach())
        self.kernel, self.stride = source.conv.kernel_size[0], source.conv.stride[0]
        self.groups, self.active = source.conv.groups, source.active
        self._packed: tuple[tuple[int, int], Tensor] | None = None  # for pictures of this size

    def forward(self, x: Tensor) -> Tensor:
        """(N, inputs, H, W) -> (N, outputs, ceil(H/stride), ceil(W/stride))."""
        if x.device.type != "cpu" or not torch.backends.mkldnn.is_available():
            x, padding = pad_same(x, self.kernel, self.stride)
            x = F.conv2d(x, self.weight, self.bias, self.stride, padding, groups=self.groups)
            return F.relu6(x) if self.active else x
        height, width = x.shape[2:]
        weight = self.weight
        if self.kernel == 3 and self.stride == 2 and height % 2 == width % 2 == 0:
            # SAME pads the lower and right edge alone, for which the picture would be copied. A
            # kernel with a row and a column of zeros before the others needs no copy.
            weight, padding = F.pad(weight, (1, 0, 1, 0)), 1
        else:
            x, padding = pad_same(x, self.kernel, self.stride)
        geometry = [padding] * 2, [self.stride] * 2, [1, 1], self.groups
        if self._packed is None or self._packed[0] != (height, width):
            reorder = torch.ops.mkldnn._reorder_convolution_weight
            self._packed = (height, width), reorder(weight, *geometry, list(x.shape))
        then = ("hardtanh", [0.0, 6.0]) if self.active else ("none", [])
        convolve = torch.ops.mkldnn._convolution_pointwise
        y: Tensor = convolve(x, self._packed[1], self.bias, *geometry, *then, None)
        return y


class TorchParts:
    """A HybridNet in two parts: what sees one picture at a time, and what sees clips.

    Parameters:
        network: stays as it is.
        dtype: of the convolutions; None: what this machine computes fastest.
    """

    def __init__(self, network: HybridNet, *, dtype: torch.dtype | None = None) -> None:
        self.device = network.dense.weight.device
        self.dtype = dtype or quick_dtype(self.device)
        self.network = fold(network, self.dtype)
        self._single = single_blocks(network)
        self.at_once = _PICTURES if self.device.type == "cpu" else _PICTURES_GPU

    def pictures(self, x: Tensor) -> Tensor:
        """Stem and first blocks: (N, 3, H, W) float32 -> (N, C, h, w).

        `at_once` of them is the quickest.
        """
        x = x.to(self.dtype).contiguous(memory_format=torch.channels_last)
        x = self.network.stem(x)
        for block in self.network.blocks[: self._single]:
            x = block(x, 1)
        return x

    def clips(self, maps: Tensor) -> tuple[Tensor, Tensor]:
        """The rest: (B, S, T, C, h, w) of S streams -> logits and features as `classify`."""
        frames = maps.shape[2]
        x = maps.flatten(0, 2).contiguous(memory_format=torch.channels_last)
        for block in self.network.blocks[self._single : self.network.shared]:
            x = block(x, frames)
        x = x.view(*maps.shape[:3], *x.shape[1:])
        return self.network.answer(x)


def fold(network: HybridNet, dtype: torch.dtype) -> HybridNet:
    """A copy for inference: BatchNorm folded, the convolutions' weights in `dtype`."""
    folded = copy.deepcopy(network).eval().requires_grad_(False)
    for module in list(folded.modules()):
        for name, child in list(module.named_children()):
            if isinstance(child, SpatialConv):
                setattr(module, name, FoldedConv(child).to(dtype))
    return folded


def single_blocks(network: HybridNet) -> int:
    """How many of the shared blocks come before the first convolution over time."""
    shared = list(network.blocks[: network.shared])
    return next((k for k, b in enumerate(shared) if b.temporal is not None), len(shared))


def quick_dtype(device: torch.device) -> torch.dtype:
    """bfloat16 where the machine multiplies in it, float32 elsewhere."""
    if device.type != "cpu":
        return torch.bfloat16
    able = torch.cpu.get_capabilities()
    native = any(able.get(name) for name in ("avx512_bf16", "amx_bf16", "bf16"))
    return torch.bfloat16 if native else torch.float32


class Inference:
    """Clips in, logits and features out, with as little work as the answer allows."""

    def __init__(self, parts: TorchParts, preprocessing: Preprocessing, *, streams: int) -> None:
        self._parts, self._preprocessing, self._streams = parts, preprocessing, streams

    def clips(self, frames: NDArray[np.uint8]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Clips (N, T, H, W, 3) uint8 -> logits (N, classes) and features (N, D), float64."""
        logits, features = [], []
        for start in range(0, len(frames), _CLIPS):
            # Places of their own, for these clips need not lie on a grid.
            apart = frames.shape[1] + 1
            part = [
                Window(k * apart, 0.0, clip)
                for k, clip in enumerate(frames[start : start + _CLIPS])
            ]
            answer, seen = self.windows(part, Kept())
            logits.append(answer)
            features.append(seen)
        return np.concatenate(logits), np.concatenate(features)

    def windows(
        self, windows: Sequence[Window], kept: Kept
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Clips of one grid, in rising order; `kept` remembers what later ones need again.

        Returns:
            logits (N, classes) and features (N, D), float64.
        """
        with torch.inference_mode():
            maps = self._maps(windows, kept)
            logits, features = self._parts.clips(maps)
            return logits.double().cpu().numpy(), features.double().cpu().numpy()

    def _maps(self, windows: Sequence[Window], kept: Kept) -> Tensor:
        length = len(windows[0].frames)
        seen: dict[Place, Seen] = {}
        for window in windows:
            for k, frame in enumerate(window.frames):
                seen[window.first + k, False] = (frame,)
                if self._streams > 1 and k < max(1, length - 1):
                    after = window.frames[min(k + 1, length - 1)]
                    seen[window.first + k, True] = (frame, after)
        new = {place: pictures for place, pictures in seen.items() if not kept.has(place, pictures)}
        if new:
            pictures, at_once = list(new.values()), self._parts.at_once
            found = [
                self._parts.pictures(self._input(pictures[k : k + at_once]))
                for k in range(0, len(pictures), at_once)
            ]
            kept.add(new, torch.cat(found))
        rows = [self._rows(window.first, length, kept) for window in windows]
        kept.forget_before(windows[-1].first)
        return torch.stack([torch.stack([torch.stack(s) for s in row]) for row in rows])

    def _rows(self, first: int, length: int, kept: Kept) -> list[list[Tensor]]:
        streams = [[kept[first + k, False] for k in range(length)]]
        if self._streams > 1:  # for the last picture, the difference before is taken again
            last = max(0, length - 2)
            streams.append([kept[first + min(k, last), True] for k in range(length)])
        return streams

    def _input(self, seen: Sequence[Seen]) -> Tensor:
        """Each picture, or the second of two minus the first -> (N, 3, H, W) float32, as
        `to_input` and the network's own differences are.
        """
        device = self._parts.device
        nothing = np.zeros_like(seen[0][0])
        after = torch.from_numpy(np.stack([p[-1] for p in seen])).to(device).float()
        after -= torch.from_numpy(
            np.stack([p[0] if len(p) > 1 else nothing for p in seen])
        ).to(device)  # fmt: skip
        alone = torch.tensor([len(p) == 1 for p in seen], device=device)
        std = torch.tensor(self._preprocessing.std, device=device)
        shift = -torch.tensor(self._preprocessing.mean, device=device) / std
        after *= 1 / (255 * std)
        after += alone[:, None, None, None] * shift
        return after.permute(0, 3, 1, 2)


class Kept:
    """What the first part of the network made of the last pictures of a video."""

    def __init__(self) -> None:
        self._items: dict[Place, tuple[Seen, Tensor]] = {}

    def has(self, place: Place, pictures: Seen) -> bool:
        """Whether the same pictures were seen there; after a pause a grid begins anew."""
        item = self._items.get(place)
        return item is not None and all(map(np.array_equal, item[0], pictures))

    def add(self, pictures: dict[Place, Seen], maps: Tensor) -> None:
        """Takes the maps (N, C, h, w) of N pictures."""
        for (place, seen), one in zip(pictures.items(), maps, strict=True):
            self._items[place] = (seen, one)

    def forget_before(self, place: int) -> None:
        """Lets go of what no later clip needs: those begin after `place`."""
        self._items = {p: item for p, item in self._items.items() if p[0] > place}

    def __getitem__(self, place: Place) -> Tensor:
        return self._items[place][1]
