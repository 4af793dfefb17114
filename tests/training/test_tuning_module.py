"""What learns when the last layers are tuned, the loss, and the figures of validation."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.data import default_collate

from action_recognition.models.hybridnet import HybridNet
from action_recognition.models.torch_runtime import TorchRuntime, to_input
from action_recognition.training.lightning_module import TuningModule, freeze, frozen_layers
from action_recognition.training.settings import TrainingSettings
from noise_clips import CLASSES, SETTINGS, NoiseClips, network_of, noise, run
from tiny_network import TINY

Batch = tuple[Tensor, Tensor, Tensor]


def module_of(network: HybridNet, known: int = CLASSES, **changes: Any) -> TuningModule:
    settings = replace(SETTINGS, label_smoothing=0.0, **changes)
    module = TuningModule(network, known, settings, torch.ones(CLASSES))
    module.log = lambda *_, **__: None  # type: ignore[method-assign]
    return module


@pytest.fixture(scope="module")
def batch() -> Batch:
    """The frames, lengths and targets of twelve clips."""
    clips = NoiseClips()
    frames, lengths, targets = default_collate([clips[k, 0] for k in range(12)])
    assert set(lengths.tolist()) == {3, 4, 5}
    return frames, lengths, targets


def last(network: HybridNet, batch: Batch) -> tuple[Tensor, Tensor]:
    """Logits and features at the last frame of each clip, one clip at a time."""
    outputs = [run(network, frames[:n]) for frames, n in zip(batch[0], batch[1], strict=True)]
    return torch.stack([o.logits[-1] for o in outputs]), torch.stack(
        [o.features[-1] for o in outputs]
    )


# -- what learns ---------------------------------------------------------------------------


@pytest.mark.parametrize(("tuned", "frozen"), [(0, 3), (1, 2), (3, 0), (8, 0)])
def test_frozen_layers(tuned: int, frozen: int) -> None:
    assert frozen_layers(network_of(), TrainingSettings(tuned_layers=tuned)) == frozen


@pytest.mark.parametrize("tuned", [1, 2])
def test_freeze_leaves_the_last_layers_and_what_comes_after_them(tuned: int) -> None:
    network = network_of()
    freeze(network, replace(SETTINGS, tuned_layers=tuned))
    learning = {n.rsplit(".", 1)[0] for n, p in network.named_parameters() if p.requires_grad}
    layers = {name[:14] for name in learning if name.startswith("trunk.layers.")}
    assert layers == {f"trunk.layers.{k}" for k in range(3 - tuned, 3)}
    assert {n for n in learning if n[:12] != "trunk.layers"} == {"trunk.head", "hidden", "dense"}


@pytest.mark.parametrize("tuned", [0, 1, 3])
def test_early_and_late_layers_are_the_whole_network(batch: Batch, tuned: int) -> None:
    network = network_of()
    module = module_of(network, tuned_layers=tuned)
    maps = module.early(batch[0])
    x = to_input(batch[0])
    with torch.inference_mode():
        cut = 3 - tuned
        expected = network.trunk(x, network.trunk.start(x), last=cut)[0] if cut else x
        logits, features = module.late(network, maps)
        whole = network(x)
    assert not maps.requires_grad
    torch.testing.assert_close(maps, expected)
    torch.testing.assert_close(logits, whole.logits, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(features, whole.features, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("memory", [0.0, 1.0])
def test_the_gradient_reaches_what_learns_and_nothing_else(batch: Batch, memory: float) -> None:
    network = network_of()
    freeze(network, SETTINGS)
    module = module_of(network, memory=memory)
    module.training_step(batch, 0).backward()
    reached = {n for n, p in network.named_parameters() if p.grad is not None and p.grad.any()}
    assert reached == {n for n, p in network.named_parameters() if p.requires_grad}
    assert {p.requires_grad for before in module.before for p in before.parameters()} <= {False}
    assert {id(p) for p in module.parameters()} == {id(p) for p in network.parameters()}


# -- the loss ------------------------------------------------------------------------------


def test_the_loss_is_that_of_the_last_frame_of_each_clip(batch: Batch) -> None:
    network = network_of()
    expected = F.cross_entropy(last(network, batch)[0], batch[2])
    found = module_of(network, memory=0.0).training_step(batch, 0)
    assert found.item() == pytest.approx(expected.item(), rel=1e-4)


def test_what_a_clip_is_filled_up_with_does_not_matter(batch: Batch) -> None:
    frames, lengths, targets = batch
    filled = frames.clone()
    for k, length in enumerate(lengths.tolist()):
        filled[k, length:] = 255
    module = module_of(network_of(), memory=3.0)
    found = module.training_step((filled, lengths, targets), 0).item()
    assert found == pytest.approx(module.training_step(batch, 0).item(), rel=1e-6)


def plain_loss(network: HybridNet, batch: Batch) -> float:
    return float(module_of(network, memory=0.0).training_step(batch, 0).item())


def test_memory_costs_nothing_while_nothing_has_changed(batch: Batch) -> None:
    network = network_of()
    held = module_of(network, memory=5.0)
    plain = plain_loss(network, batch)
    assert held.training_step(batch, 0).item() == pytest.approx(plain, abs=1e-4)
    with torch.no_grad():  # the dense layer may change: the pretrained one is asked
        network.dense.weight.mul_(20)
    other = plain_loss(network, batch)
    assert abs(other - plain) > 0.1
    assert held.training_step(batch, 0).item() == pytest.approx(other, abs=1e-4)


@pytest.mark.parametrize("part", ["trunk.layers.2.projection", "trunk.head", "hidden"])
def test_memory_costs_the_divergence_of_the_pretrained_answers(batch: Batch, part: str) -> None:
    network = network_of()
    start = copy.deepcopy(network)
    held = module_of(network, memory=5.0)
    with torch.no_grad():
        values = network.get_parameter(f"{part}.bias")
        values.add_(torch.linspace(-2, 2, len(values)))
    assert start.pretrained is not None
    with torch.inference_mode():
        was, now = (
            start.pretrained(last(n, batch)[1]).log_softmax(1).double() for n in (start, network)
        )
        divergence = (was.exp() * (was - now)).sum(1).mean().item()
    assert divergence > 1e-3
    found = held.training_step(batch, 0).item()
    assert found == pytest.approx(plain_loss(network, batch) + 5 * divergence, rel=1e-3)


# -- validation ----------------------------------------------------------------------------


@pytest.mark.parametrize("clips", [1, 5])
@pytest.mark.parametrize("times", [7, 2])  # the window is 4
def test_validation_is_the_answer_of_the_whole_video_over_known_classes(
    clips: int, times: int
) -> None:
    """As `Runtime.answer` gives it."""
    network, target = network_of(), 1
    module = module_of(network, known=2)
    logged: dict[str, Any] = {}
    module.log = lambda name, value, **_: logged.update({name: value})  # type: ignore[method-assign]
    frames = noise(clips, times)
    with torch.inference_mode():
        module.validation_step((torch.from_numpy(frames), target), 0)
        module.validation_step((torch.zeros(0), -1), 1)  # no video
        module.on_validation_epoch_end()
    answer = TorchRuntime(network, device="cpu").answer(frames).logits[:2]
    expected = np.log(np.exp(answer).sum()) - answer[target]
    assert logged["val_loss"].item() == pytest.approx(expected, rel=1e-4)
    assert float(logged["val_acc"]) == float(answer.argmax() == target)
    assert TINY.window == 4
