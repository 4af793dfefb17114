"""Explains answers with heat maps, one for each frame of a clip.

Each heat map shows how much every position of the frame added to the score of an action: activation
times gradient, summed over channels, keeping only positive evidence (HiResCAM, Draelos and Carin,
2020; Grad-CAM, Selvaraju et al., ICCV 2017, first averages the gradient over the frame, so its maps
can light up where the network did not look). It is taken before the last layer that halves the
resolution: there a frame of 172 pixels still has 11x11 positions and its own feature map, while the
gradient carries back the effect on later frames.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from action_recognition.errors import UsageError
from action_recognition.models.hybridnet import HybridNet
from action_recognition.models.runtime import to_input


def heat_maps(
    network: HybridNet, clip: NDArray[np.uint8], target: int, *, answers: int
) -> NDArray[np.float32]:
    """Computes heat maps that show where the network saw an action.

    Parameters:
        network: in eval mode, on any device; not modified.
        clip: (T, H, W, 3) uint8 RGB, consecutive frames.
        target: index of the action in the logits.
        answers: number of actions that can be the answer, whose logits come first; those of the
            background classes, after them, are ignored.

    Returns:
        (T, H, W) float32 in 0..1. The maximum of a clip is 1, so the frames of a clip can be
        compared with each other, but clips cannot. All 0 if there is no evidence for the action.
    """
    if not 0 <= target < answers <= network.architecture.classes:
        raise UsageError(f"heat_maps: target={target}, must be a class of the network")
    device = network.dense.weight.device
    x = to_input(torch.as_tensor(clip[None]).to(device))
    layers = network.architecture.layers
    cut = max([1, *(k for k, (*_, stride) in enumerate(layers) if stride > 1)])
    trunk = network.trunk
    with torch.no_grad():
        maps, _ = trunk(x, trunk.start(x), last=cut)  # (1, T, C, h, w)
    maps = maps.detach().requires_grad_()
    # cuDNN's LSTM has no backward pass in eval mode; PyTorch's own has.
    with torch.enable_grad(), torch.backends.cudnn.flags(enabled=False):
        late, _ = trunk(maps, trunk.start(maps, first=cut), first=cut)
        state = network.start_answer(maps)
        logits = network.answer(late.mean((3, 4)), state).logits[0, :, :answers]
        logits = logits[min(len(clip), network.architecture.window) - 1 :].mean(0)
        # Against the other answers, not alone: what speaks for all of them says nothing.
        (gradient,) = torch.autograd.grad(logits[target] - logits.logsumexp(0), maps)
    heat = (maps.detach() * gradient).sum(2)  # (1, T, h, w)
    heat = F.interpolate(heat.relu(), size=x.shape[3:], mode="bilinear", align_corners=False)[0]
    most = float(heat.max())
    return (heat / most if most > 0 else heat).cpu().numpy()
