"""Why: heat maps over the frames of a clip, one for each time step.

Each map is what every place of the picture added to the score of an action: activation times
gradient, summed over channels and streams, and only what speaks for the action (HiResCAM, Draelos
and Carin, 2020; Grad-CAM, Selvaraju et al., ICCV 2017, averages the gradient over the picture
first, so that its maps can light up where the network did not look). It is taken where the shared
blocks end: there the picture still has 10x10 places, and each frame has a map of its own, while
what the later frames made of it comes back with the gradient.

Of Fisher vectors, where a network has them, nothing is shown: they do not know of places, and what
the single places add to them was seen to light up beside the moving thing.
"""

from __future__ import annotations

from contextlib import AbstractContextManager

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from action_recognition.clips import Preprocessing, to_input
from action_recognition.errors import UsageError
from action_recognition.model import HybridNet


def heat_maps(
    network: HybridNet,
    clips: NDArray[np.uint8],
    preprocessing: Preprocessing,
    target: int,
    *,
    answers: int | None = None,
) -> NDArray[np.float32]:
    """Where the network saw an action.

    Parameters:
        network: in eval mode, on any device; it stays as it is.
        clips: (N, T, H, W, 3) uint8 RGB, as `read_clips` gives them.
        target: index of the action in the logits.
        answers: the first so many logits are those of the actions that can be the answer; those
            of background classes, after them, are left out. None: all are.

    Returns:
        (N, T, H, W) float32 in 0..1. The brightest place of a clip is 1, so frames of a clip can
        be compared with each other, but clips cannot. All 0 where nothing speaks for the action.
    """
    count = network.architecture.classes if answers is None else answers
    if not 0 <= target < count <= network.architecture.classes:
        raise UsageError(f"heat_maps: target={target}, must be a class of the network")
    device = network.dense.weight.device
    found = [
        _of_clip(
            network, to_input(torch.as_tensor(clip[None]).to(device), preprocessing), target, count
        )
        for clip in clips
    ]
    return np.stack(found)


def _of_clip(network: HybridNet, x: torch.Tensor, target: int, answers: int) -> NDArray[np.float32]:
    """One clip at a time: the gradients of a clip take a hundred megabytes."""
    device = x.device.type
    with torch.autocast(device, dtype=torch.bfloat16):
        with torch.no_grad():
            maps = network.early(x)  # (1, S, T, C, h, w)
        maps = maps.detach().requires_grad_()
        with torch.enable_grad(), _own_recurrent_layers():
            logits, _ = network.head(network.late(maps))
            # Against the other answers, not alone: what speaks for all of them says nothing.
            score = logits[0, target] - logits[0, :answers].logsumexp(0)
            (gradient,) = torch.autograd.grad(score, maps)
    heat = (maps.detach().float() * gradient.float()).sum(3).sum(1)  # (1, T, h, w)
    heat = F.interpolate(heat.relu(), size=x.shape[3:], mode="bilinear", align_corners=False)[0]
    most = float(heat.max())
    return (heat / most if most > 0 else heat).cpu().numpy()


def _own_recurrent_layers() -> AbstractContextManager[None]:
    """cuDNN's LSTM has no backward pass in eval mode; PyTorch's own has."""
    return torch.backends.cudnn.flags(enabled=False)
