"""The moving average of the weights."""

from __future__ import annotations

import lightning as L
import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from action_recognition.training.moving_average import MovingAverage


def test_decay_grows_to_what_was_asked_for() -> None:
    average = MovingAverage(0.99).average
    zero, one = torch.zeros(1), torch.ones(1)
    assert average(one, zero, 1).item() == pytest.approx(2 / 11)
    assert average(one, zero, 100).item() == pytest.approx(101 / 110)
    assert average(one, zero, torch.tensor(10_000)).item() == pytest.approx(0.99)


class Counting(L.LightningModule):
    """Its one weight is 1000 before training, and the number of steps after each."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(1000.0))

    def training_step(self, batch: list[Tensor], _: int) -> Tensor:
        with torch.no_grad():
            self.weight.fill_(self.trainer.global_step + 1.0)
        return self.weight * 0

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=1.0)


def test_short_training_forgets_its_start() -> None:
    module = Counting()
    trainer = L.Trainer(
        max_epochs=1, callbacks=[MovingAverage(0.99)], accelerator="cpu", logger=False,
        enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False,
    )  # fmt: skip
    trainer.fit(module, DataLoader(TensorDataset(torch.zeros(60))))
    expected = 1.0
    for step in range(1, 60):  # the first update takes the weights as they are
        decay = min(0.99, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * (step + 1)
    assert module.weight.item() == pytest.approx(expected, rel=1e-5)
    assert 45 < module.weight.item() < 60
