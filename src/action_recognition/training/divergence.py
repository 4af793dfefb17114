"""A training that has diverged ends at once, with a sentence that says where and what to try."""

from __future__ import annotations

import math
from typing import Any

import lightning as L
import numpy as np
import torch
from lightning.pytorch.callbacks import Callback
from numpy.typing import NDArray
from torch import nn

from action_recognition.errors import TrainingError

_LARGEST = torch.finfo(torch.float16).max  # that a model file holds


class StopWhenDiverged(Callback):
    """Ends a training whose loss, validation loss or weights are not numbers, or are too large.

    Parameters:
        remedy: what to try, for the sentence.

    Raises:
        TrainingError: it has diverged.
    """

    def __init__(self, remedy: str) -> None:
        self.remedy = remedy

    def on_train_batch_end(
        self, trainer: L.Trainer, module: L.LightningModule, outputs: Any, *_: Any
    ) -> None:
        """Looks at the loss of each step."""
        check_loss(float(outputs["loss"]), "loss", self._where(trainer), self.remedy)

    def on_train_epoch_end(self, trainer: L.Trainer, module: L.LightningModule) -> None:
        """Looks at the figures of the epoch and at the weights, before they are kept."""
        where = self._where(trainer)
        loss = trainer.callback_metrics.get("val_loss", torch.zeros(()))
        check_loss(float(loss), "validation loss", where, self.remedy)
        check_weights(module, where, self.remedy)

    def _where(self, trainer: L.Trainer) -> str:
        return f"in epoch {trainer.current_epoch + 1}"


def check_loss(loss: float, what: str, where: str, remedy: str) -> None:
    """Checks that a loss is a finite number.

    Raises:
        TrainingError: it is not; the sentence is made of the other arguments.
    """
    if not math.isfinite(loss):
        kind = "not a number" if math.isnan(loss) else "infinite, not a number"
        raise _diverged(f"{what} is {kind} {where}", remedy)


def check_weights(network: nn.Module, where: str, remedy: str) -> None:
    """Checks that a model file can hold the weights, as float16.

    Raises:
        TrainingError: it cannot; the sentence is made of the other arguments.
    """
    for name, weight in network.named_parameters():
        largest = float(weight.detach().abs().max())  # nan if there is one
        name = name.removeprefix("network.")
        if not math.isfinite(largest):
            raise _diverged(f"weight {name} is not a number {where}", remedy)
        if largest > _LARGEST:
            grown = f"weight {name} has grown to {largest:.3g} {where}"
            raise _diverged(f"{grown}, and a model file holds at most {_LARGEST:g}", remedy)


def check_features(features: NDArray[np.floating], of: str, remedy: str) -> None:
    """Checks that what a network computes is finite.

    Raises:
        TrainingError: it is not; the sentence is made of the other arguments.
    """
    if not np.isfinite(features).all():
        raise _diverged(f"what the network computes of {of} is not a number", remedy)


def _diverged(what: str, remedy: str) -> TrainingError:
    return TrainingError(f"the training has diverged: {what}; {remedy}")
