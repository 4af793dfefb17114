"""How much each place of each frame adds to the score of an action; what heat maps are made of."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from action_recognition.models.hybridnet import HybridNet


def evidence(
    network: HybridNet, maps: Tensor, target: Tensor, others: Tensor, counted: Tensor
) -> Tensor:
    """Activation times gradient, summed over channels; only what speaks for the action.

    HiResCAM (Draelos and Carin, 2020), before the last layer that halves the resolution. LSTM and
    GRU, which tell of what was before the window, have no part in it.

    Parameters:
        maps: (1, T, C, h, w), the output of layer `network.architecture.cut` - 1.
        target: (classes,), 1 for the action, 0 for the others.
        others: (classes,), 0 for each action that can be the answer, and a large negative number
            for background classes, which then have no say.
        counted: (T,), the weight of each frame's logits in the score; they sum to 1.

    Returns:
        (T, h, w), at least 0.
    """
    cut = network.architecture.cut
    maps = maps.detach().requires_grad_()
    with torch.enable_grad():
        late, _ = network.trunk(maps, network.trunk.start(maps, first=cut), first=cut)
        logits = network.window_logits(late.mean((3, 4)))  # (1, T, classes)
        score = (logits[0] * counted[:, None]).sum(0)  # (classes,)
        # Against the other answers, not alone: what speaks for all of them says nothing.
        against = (score + others).logsumexp(0)
        (gradient,) = torch.autograd.grad((score * target).sum() - against, maps)
    return F.relu((maps.detach() * gradient).sum(2)[0])
