"""The moving average of the weights that is kept after training."""

from __future__ import annotations

from lightning.pytorch.callbacks import WeightAveraging
from torch import Tensor


class MovingAverage(WeightAveraging):
    """Exponential moving average of weights and buffers, updated after each step.

    The decay grows to `decay` as min(decay, (1 + n) / (10 + n)) after n updates, as TensorFlow's
    `ExponentialMovingAverage` does: in a short training the first, random weights are forgotten.

    Parameters:
        decay: in 0..1.
    """

    def __init__(self, decay: float) -> None:
        self.decay = decay
        super().__init__(avg_fn=self.average)

    def average(self, averaged: Tensor, current: Tensor, updates: Tensor | int) -> Tensor:
        """The new average of one array of weights, of its former one and what it is now."""
        decay = min(self.decay, float((1 + updates) / (10 + updates)))
        return averaged.lerp(current, 1 - decay)  # what is equal stays the same to the bit
