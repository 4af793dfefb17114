"""BatchNorm's statistics of the weights that are kept.

Where BatchNorm learns, its running statistics are those of weights that change from step to step,
and the averaged weights are none of these. In a training of 60 steps from random weights they are
so far off that a network that was right on 0.76 of its train clips gave one answer to all others.
So they are measured anew before each validation (Izmailov et al., "Averaging Weights Leads to Wider
Optima and Better Generalization", UAI 2018; Wu, Johnson, "Rethinking 'Batch' in BatchNorm", 2021).
"""

from __future__ import annotations

import copy
from collections import deque
from collections.abc import Iterable
from contextlib import nullcontext
from typing import Any

import lightning as L
import torch
from lightning.pytorch.callbacks import Callback
from torch import Tensor, nn

from action_recognition.training.module import TrainingModule
from action_recognition.training.moving_average import MovingAverage

_BATCHES = 12  # of an epoch at most, the last ones


class FreshStatistics(Callback):
    """Measures them at the end of each epoch, on its last batches as they came.

    Networks whose BatchNorm keeps its statistics (`HybridNet.freeze_norm`) are left alone.

    Parameters:
        average: the callback whose weights are kept, which stands before this one; None: those of
            the network.
    """

    def __init__(self, average: MovingAverage | None) -> None:
        self._average = average
        self._seen: deque[Tensor] = deque(maxlen=_BATCHES)

    def on_train_batch_end(
        self, trainer: L.Trainer, pl_module: L.LightningModule, outputs: Any, batch: Any, index: int
    ) -> None:
        """Keeps the batch; after the last one of the epoch, measures."""
        assert isinstance(pl_module, TrainingModule)
        if pl_module.network.freeze_norm:
            return
        self._seen.append(batch[0])
        if not trainer.is_last_batch:
            return
        kept = self._average.in_place(pl_module) if self._average else nullcontext()
        with kept, trainer.precision_plugin.forward_context():
            measure_statistics(pl_module, self._seen)
        self._seen.clear()


def measure_statistics(module: TrainingModule, batches: Iterable[Tensor]) -> None:
    """Sets the statistics of each BatchNorm to the mean of those of the batches.

    Layers that the batches do not pass, since they are maps of frozen blocks, keep theirs.

    Parameters:
        module: in training mode.
        batches: at least one, as for `TrainingModule.trunk`.
    """
    layers = [m for m in module.network.modules() if isinstance(m, nn.BatchNorm2d)]
    before = [(m.momentum, copy.deepcopy(dict(m.named_buffers()))) for m in layers]
    for layer in layers:
        layer.reset_running_stats()
        layer.momentum = None  # the plain mean of all batches
    with torch.no_grad():
        for x in batches:
            module.trunk(x)
    for layer, (momentum, buffers) in zip(layers, before, strict=True):
        layer.momentum = momentum
        if not layer.num_batches_tracked:
            layer.load_state_dict(buffers, strict=False)
