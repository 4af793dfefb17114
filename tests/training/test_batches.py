"""The parts of batches that processes compute: they are the batches of one process, divided."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.utils.data import default_collate

from action_recognition.errors import UsageError
from action_recognition.training.batches import Batches
from action_recognition.training.footage import Sample
from action_recognition.training.lightning_module import TuningModule, freeze
from action_recognition.training.processes import Processes
from action_recognition.training.random_clips import ClipOrder, Place
from noise_clips import CLASSES, SAMPLES, SETTINGS, NoiseClips, network_of

DIVISIONS = [(1, 1), (2, 1), (3, 1), (4, 1), (1, 3), (2, 2), (3, 2)]  # processes, parts of each


def samples_of(count: int) -> list[Sample]:
    return [Sample(Path(f"{k}.mp4"), k % 3) for k in range(count)]


def batches_of(
    count: int, batch: int, rank: int = 0, processes: int = 1, parts: int = 1
) -> Batches:
    samples = samples_of(count)
    order = ClipOrder(samples, 3, replace(SETTINGS, batch=batch))
    return Batches(order, samples, batch, Processes(rank, processes), parts)


def epoch_of(batches: Batches, epoch: int) -> list[list[Place]]:
    batches.sampler.set_epoch(epoch)
    found = list(batches)
    assert len(found) == len(batches)
    return found


@pytest.mark.parametrize(("processes", "parts"), DIVISIONS)
@pytest.mark.parametrize(("count", "batch"), [(24, 8), (26, 8), (30, 7), (7, 16), (6, 6)])
def test_each_clip_of_each_batch_is_in_one_part(
    count: int, batch: int, processes: int, parts: int
) -> None:
    for epoch in (0, 3):
        whole = epoch_of(batches_of(count, batch), epoch)
        assert {len(step) for step in whole} == {min(count, batch)}
        of = [
            epoch_of(batches_of(count, batch, rank, processes, parts), epoch)
            for rank in range(processes)
        ]
        taken = Counter(place for rank in of for part in rank for place in part)
        assert set(taken.values()) == {1}
        assert len(taken) == len(whole) * min(count, batch)
        for step, expected in enumerate(whole):
            found = [part for rank in of for part in rank[step * parts : (step + 1) * parts]]
            assert sorted(place for part in found for place in part) == sorted(expected)
            sizes = [len(part) for part in found]
            assert max(sizes) - min(sizes) <= 1


@pytest.mark.parametrize("processes", [1, 2, 3])
def test_what_is_left_over_is_as_with_one_process(processes: int) -> None:
    """Two clips of 26; they have their turn in other epochs."""
    seen: set[int] = set()
    for epoch in range(6):
        parts = [epoch_of(batches_of(26, 8, r, processes), epoch) for r in range(processes)]
        taken = [index for rank in parts for part in rank for index, _ in part]
        assert len(taken) == 24
        seen |= set(taken)
    assert seen == set(range(26))


@pytest.mark.parametrize(
    ("count", "batch", "processes", "parts", "said"),
    [
        (24, 3, 4, 1, "--batch 3 cannot be divided among 4 processes"),
        (24, 3, 2, 2, "--batch 3 cannot be divided among 2 processes of 2 parts each"),
        (24, 1, 1, 2, "--batch 1 cannot be divided among 1 process of 2 parts each"),
        (3, 16, 4, 1, "an epoch of 3 clips cannot be divided among 4 processes"),
    ],
)
def test_too_few_clips_for_all_parts(
    count: int, batch: int, processes: int, parts: int, said: str
) -> None:
    with pytest.raises(UsageError) as failed:
        batches_of(count, batch, 0, processes, parts)
    assert str(failed.value) == said


def gradient(processes: int, parts: int, batch: int) -> tuple[dict[str, Tensor], float]:
    """As DDP and Lightning make it of all parts of a batch, and the loss that is shown."""
    clips = NoiseClips(batch=batch, memory=0.7, balance=1.0)
    total: dict[str, Tensor] = {}
    shown = clips_seen = 0.0
    for rank in range(processes):
        network = network_of()
        with torch.no_grad():  # it has forgotten a little: memory has something to say
            network.hidden.bias.add_(torch.linspace(-0.1, 0.1, len(network.hidden.bias)))
        freeze(network, SETTINGS)
        group = Processes(rank, processes)
        batches = Batches(ClipOrder(SAMPLES, CLASSES, SETTINGS), SAMPLES, batch, group, parts)
        weights = torch.tensor([1.0, 0.2, 3.0])
        module = TuningModule(network, CLASSES, clips.settings, weights, batches, group)
        before = network_of().requires_grad_(False)
        module.before = [before]
        logged: dict[str, tuple[float, int]] = {}
        module.log = (  # type: ignore[method-assign]
            lambda name, value, *, batch_size=1, logged=logged, **_: logged.update(
                {name: (float(value) if name == "train_loss" else 0.0, batch_size)}
            )
        )
        for number, places in enumerate(list(batches)[:parts]):
            frames, lengths, targets = default_collate([clips[place] for place in places])
            loss = module.training_step((frames, lengths, targets), number)
            (loss / processes / parts).backward()
            value, size = logged["train_loss"]
            shown, clips_seen = shown + value * size, clips_seen + size
        for name, parameter in network.named_parameters():
            if parameter.grad is not None:
                total[name] = total.get(name, torch.zeros(())) + parameter.grad
    return total, shown / clips_seen


@pytest.mark.slow
@pytest.mark.parametrize("batch", [8, 7])
def test_the_gradient_is_that_of_the_whole_batch(batch: int) -> None:
    """Classes weigh differently, and the parts of 7 clips are of different size."""
    expected, loss = gradient(1, 1, batch)
    assert max(float(g.abs().max()) for g in expected.values()) > 1e-2
    for processes, parts in DIVISIONS[1:]:
        found, shown = gradient(processes, parts, batch)
        assert shown == pytest.approx(loss, rel=1e-5)
        assert found.keys() == expected.keys()
        for name, values in found.items():
            torch.testing.assert_close(values, expected[name], rtol=1e-4, atol=1e-5)
