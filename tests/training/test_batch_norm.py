"""BatchNorm's statistics after training are those of the weights that are kept."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import lightning as L
import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from action_recognition.clips import Preprocessing, to_input
from action_recognition.models.hybridnet import Architecture, HybridNet
from action_recognition.training.batch_norm import FreshStatistics, measure_statistics
from action_recognition.training.module import TrainingModule
from action_recognition.training.moving_average import MovingAverage
from action_recognition.training.settings import TrainingSettings

PREPROCESSING = Preprocessing(frames=2, interval_s=0.1, size=16)
ARCHITECTURE = Architecture(
    classes=2, stem=4, stages=((1, 4, 1, 1), (2, 8, 1, 2)), features=16, temporal_from=4,
    lstm=8, gru=8,
)  # fmt: skip
SETTINGS = TrainingSettings(epochs=2, learning_rate=0.05, mixup=0.0)


class Drawn(Dataset[tuple[Tensor, Tensor]]):
    """Sixteen clips of noise, dark and bright."""

    def __len__(self) -> int:
        return 16

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        random = torch.Generator().manual_seed(index)
        clip = torch.randint(0, 128, (2, 16, 16, 3), generator=random) + 120 * (index % 2)
        return clip.to(torch.uint8), torch.tensor(index % 2)


def make_module() -> TrainingModule:
    torch.manual_seed(0)
    return TrainingModule(HybridNet(ARCHITECTURE), 2, PREPROCESSING, SETTINGS, torch.ones(2))


def trained(module: TrainingModule, *callbacks: L.Callback) -> None:
    trainer = L.Trainer(
        max_epochs=2, callbacks=list(callbacks), accelerator="cpu", logger=False,
        enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False,
    )  # fmt: skip
    trainer.fit(module, DataLoader(Drawn(), batch_size=8))


def batches() -> list[Tensor]:
    """As `trained` sees them in each epoch."""
    return [x for x, _ in DataLoader(Drawn(), batch_size=8)]


@contextmanager
def inputs_of(layer: nn.Module) -> Iterator[list[Tensor]]:
    """What a layer is given."""
    seen: list[Tensor] = []
    handle = layer.register_forward_pre_hook(lambda _, given: seen.append(given[0].detach()))
    yield seen
    handle.remove()


def expected_means(module: TrainingModule) -> Tensor:
    """Of the last BatchNorm, by hand."""
    module.network.train()
    layer = module.network.last.norm
    momentum, layer.momentum = layer.momentum, 0.0  # leaves its statistics as they are
    others = [m for m in module.network.modules() if isinstance(m, nn.BatchNorm2d)]
    for other in others:
        other.momentum = 0.0
    with torch.no_grad(), inputs_of(layer) as seen:
        for x in batches():
            module.network.frame_features(to_input(x, PREPROCESSING))
    for other in others:
        other.momentum = momentum
    return torch.stack([x.mean((0, 2, 3)) for x in seen]).mean(0)


def test_they_are_the_mean_over_the_batches_and_nothing_else_changes() -> None:
    module = make_module()
    module.network.train()
    before = {k: v.clone() for k, v in module.network.state_dict().items()}
    measure_statistics(module, batches())
    norm = module.network.last.norm
    assert norm.running_mean == pytest.approx(expected_means(module), abs=1e-5)
    assert norm.momentum == 0.1
    after = module.network.state_dict()
    changed = {k for k in before if not torch.equal(before[k], after[k])}
    assert changed
    assert all(k.endswith(("running_mean", "running_var", "num_batches_tracked")) for k in changed)


@pytest.mark.parametrize("averaged", [True, False])
def test_after_training_they_are_those_of_the_weights_that_are_kept(averaged: bool) -> None:
    module = make_module()
    average = MovingAverage(0.9) if averaged else None
    trained(module, *([average] if average else []), FreshStatistics(average))
    assert module.network.last.norm.running_mean == pytest.approx(expected_means(module), abs=1e-4)


def test_without_it_they_are_not() -> None:
    """Else the test above would show nothing."""
    module = make_module()
    trained(module, MovingAverage(0.9))
    found = module.network.last.norm.running_mean
    assert (found - expected_means(module)).abs().max() > 1e-2


def test_frozen_blocks_whose_maps_are_at_hand_keep_theirs() -> None:
    module = make_module()
    module.network.train()
    with torch.no_grad():
        maps = module.network.early(to_input(batches()[0], PREPROCESSING)).bfloat16()
    before = {k: v.clone() for k, v in module.network.state_dict().items()}
    measure_statistics(module, [maps])
    after = module.network.state_dict()
    changed = {k for k in before if not torch.equal(before[k], after[k])}
    assert "last.norm.running_mean" in changed
    assert not any(k.startswith("stem.") for k in changed)


def test_statistics_of_a_start_are_left_alone() -> None:
    module = make_module()
    module.network.freeze_norm = True
    module.network.train()
    before = module.network.last.norm.running_mean.clone()
    average = MovingAverage(0.9)
    trained(module, average, FreshStatistics(average))
    assert torch.allclose(module.network.last.norm.running_mean, before, atol=1e-6)
