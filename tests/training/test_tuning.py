"""Tuning the last layers on stored views."""

from __future__ import annotations

import copy
import csv
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from action_recognition.clips import Preprocessing
from action_recognition.datasets.manifest import Manifest
from action_recognition.models.hybridnet import HybridNet
from action_recognition.models.runtime import Runtime, to_input
from action_recognition.training import tuning
from action_recognition.training.footage import Sample
from action_recognition.training.lightning_module import TuningModule, freeze
from action_recognition.training.settings import Augmentation, TrainingSettings
from action_recognition.training.training_data import gather
from action_recognition.training.tuning import tune
from action_recognition.training.views import Views, draw_views, frozen_layers
from tiny_network import TINY, randomise

CLASSES, CUT, CHANNELS, SIDE = 3, 2, 8, 4  # of TINY with its last layer tuned
SETTINGS = TrainingSettings(
    tuned_layers=1, epochs=2, views=2, frames=5, batch=4, workers=0, learning_rate=3e-3, ema=0.0
)
CPU = torch.device("cpu")


def network_of(classes: int = CLASSES) -> HybridNet:
    network = HybridNet(replace(TINY, classes=classes, lstm=0, gru=0))
    randomise(network)
    with torch.no_grad():
        network.dense.weight.mul_(0.03)  # so that its answers are not certain
    return network.eval()


@dataclass
class Setup:
    """A network, and views of videos of maps at random, a little different by class."""

    network: HybridNet = field(default_factory=network_of)
    samples: Sequence[Sample] = ()
    views: Any = None
    validation: list[tuple[Any, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        random = np.random.default_rng(0)
        targets = np.arange(12) % CLASSES
        maps = random.normal(0, 1, (12, 2, 5, CHANNELS, SIDE, SIDE))
        maps[:, :, :, :CLASSES] += 2 * np.eye(CLASSES)[targets][:, None, None, :, None, None]
        lengths = random.integers(3, 6, (12, 2))
        self.samples = [Sample(Path(f"{k}.mp4"), int(t)) for k, t in enumerate(targets)]
        hidden = [
            [run(self.network, m[:n])[1][-1].numpy() for m, n in zip(*pair, strict=True)]
            for pair in zip(maps, lengths, strict=True)
        ]
        self.views = Views(maps.astype(np.float16), lengths, np.array(hidden, np.float16))
        self.validation = [
            (random.normal(0, 1, (n, 6, CHANNELS, SIDE, SIDE)).astype(np.float16), k % CLASSES)
            for k, n in enumerate((1, 1, 5, 1))
        ]

    def tune(self, folder: Path, *, validate: bool = True, **changes: Any) -> dict[str, Any]:
        checkpoint = changes.pop("checkpoint", None)
        return tune(
            self.network, self.views, self.samples, self.validation if validate else [],
            known=CLASSES, before=self.network.dense, settings=replace(SETTINGS, **changes),
            run_folder=folder, checkpoint=checkpoint, device="cpu", progress=False,
        )  # fmt: skip


def run(network: HybridNet, maps: Any) -> tuple[Tensor, Tensor]:
    """Maps (T, C, h, w) after the frozen layers -> logits and hidden layer (T, ...)."""
    x = torch.as_tensor(np.asarray(maps, np.float32))[None]
    trunk = network.trunk
    with torch.inference_mode():
        late, _ = trunk(x, trunk.start(x, first=CUT), first=CUT)
        output = network.answer(late.mean((3, 4)), network.start_answer(late))
    return output.logits[0], output.features[0]


def weights(network: HybridNet) -> dict[str, Tensor]:
    return {name: w.clone() for name, w in network.state_dict().items()}


def figures_of(folder: Path, name: str) -> list[float]:
    """One of the figures, epoch by epoch."""
    with (folder / "figures" / "metrics.csv").open(newline="") as file:
        return [float(row[name]) for row in csv.DictReader(file) if row.get(name)]


# -- what learns ---------------------------------------------------------------------------

LEARNS = {
    0: {"trunk.layers.0", "trunk.layers.1", "trunk.layers.2"},
    1: {"trunk.layers.2"},
    2: {"trunk.layers.1", "trunk.layers.2"},
}


@pytest.mark.parametrize("tuned", [1, 2])
def test_freeze_leaves_the_last_layers_and_what_comes_after_them(tuned: int) -> None:
    network = network_of()
    freeze(network, replace(SETTINGS, tuned_layers=tuned))
    learning = {n.rsplit(".", 1)[0] for n, p in network.named_parameters() if p.requires_grad}
    layers = {name[:14] for name in learning if name.startswith("trunk.layers.")}
    assert layers == LEARNS[tuned]
    assert {n for n in learning if n[:12] != "trunk.layers"} == {"trunk.head", "hidden", "dense"}


@pytest.mark.parametrize("ema", [0.0, 0.9])
def test_only_that_changes_and_the_rest_is_the_same_to_the_bit(ema: float, tmp_path: Path) -> None:
    setup = Setup()
    before = weights(setup.network)
    setup.tune(tmp_path, ema=ema)
    after = weights(setup.network)
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    learned = ("trunk.layers.2.", "trunk.head.", "hidden.", "dense.")
    assert changed == {name for name in before if name.startswith(learned)}
    assert not setup.network.training
    assert all(p.requires_grad for p in setup.network.parameters())


def test_biases_do_not_decay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    groups: list[Any] = []
    real = torch.optim.AdamW

    def adam(given: list[dict[str, Any]], **options: Any) -> Any:
        groups.extend({**g, "params": list(g["params"])} for g in given)
        return real(given, **options)

    monkeypatch.setattr(torch.optim, "AdamW", adam)
    Setup().tune(tmp_path, epochs=1, weight_decay=0.3)
    assert [g["weight_decay"] for g in groups] == [0.3, 0.0]
    assert {p.ndim > 1 for p in groups[0]["params"]} == {True}
    assert {p.ndim > 1 for p in groups[1]["params"]} == {False}


def test_classes_of_few_videos_weigh_more() -> None:
    samples = [Sample(Path("a"), t) for t in (0, 0, 0, 0, 1)]
    weigh = tuning._class_weights
    assert weigh(samples, 2, 0.5).tolist() == pytest.approx([0.5 / 0.75, 1 / 0.75])
    assert weigh(samples, 2, 1.0).tolist() == pytest.approx([0.25 / 0.625, 1 / 0.625])
    assert weigh(samples, 2, 0.0).tolist() == [1, 1]


# -- the loss ------------------------------------------------------------------------------


def module_of(network: HybridNet, **changes: Any) -> TuningModule:
    settings = replace(SETTINGS, label_smoothing=0.0, **changes)
    module = TuningModule(network, 2, settings, torch.ones(CLASSES), copy.deepcopy(network.dense))
    module.log = lambda *_, **__: None  # type: ignore[method-assign,assignment]
    return module


def batch_of(setup: Setup) -> tuple[Tensor, ...]:
    v = setup.views
    targets = torch.tensor([s.target for s in setup.samples])
    return (
        torch.from_numpy(v.maps[:, 0]), torch.from_numpy(v.lengths[:, 0]), targets,
        torch.from_numpy(v.hidden[:, 0]),
    )  # fmt: skip


def test_the_loss_is_that_of_the_last_frame_of_each_clip() -> None:
    setup = Setup()
    maps, lengths, targets, hidden = batch_of(setup)
    logits = [run(setup.network, m[:n])[0][-1] for m, n in zip(maps, lengths, strict=True)]
    expected = F.cross_entropy(torch.stack(logits), targets)
    module = module_of(setup.network, memory=0.0)
    assert module.training_step((maps, lengths, targets, hidden), 0).item() == pytest.approx(
        expected.item(), rel=1e-4
    )


def test_memory_costs_nothing_while_nothing_has_changed() -> None:
    setup = Setup()
    with torch.no_grad():
        setup.network.dense.weight.mul_(20)
    batch = batch_of(setup)
    plain = module_of(setup.network, memory=0.0).training_step(batch, 0).item()
    held = module_of(setup.network, memory=5.0)
    assert held.training_step(batch, 0).item() == pytest.approx(plain, abs=1e-3)
    with torch.no_grad():  # the dense layer may change: the old one is asked
        held.network.dense.weight.mul_(2)
        setup.network.hidden.bias.add_(torch.linspace(-2, 2, TINY.hidden))
    plain = module_of(setup.network, memory=0.0).training_step(batch, 0).item()
    now = torch.stack([run(setup.network, m[:n])[1][-1] for m, n, *_ in zip(*batch, strict=True)])
    with torch.inference_mode():
        before, after = (held.before(x).log_softmax(1) for x in (batch[3].float(), now))
        divergence = (before.exp() * (before - after)).sum(1).mean().item()
    assert divergence > 1e-3
    assert held.training_step(batch, 0).item() == pytest.approx(plain + 5 * divergence, abs=1e-4)


def test_memory_holds_on_to_what_the_network_knew(tmp_path: Path) -> None:
    moved = []
    for memory in (0.0, 20.0):
        setup = Setup()
        dense = copy.deepcopy(setup.network.dense)
        before = [run(setup.network, m[0])[1] for m in setup.views.maps]
        setup.tune(tmp_path / str(memory), epochs=8, memory=memory)
        after = [run(setup.network, m[0])[1] for m in setup.views.maps]
        with torch.inference_mode():
            was, now = (dense(torch.cat(h)).log_softmax(1) for h in (before, after))
        moved.append(F.kl_div(now, was, log_target=True, reduction="batchmean").item())
    assert moved[1] < 0.5 * moved[0]


@pytest.mark.parametrize("kind", [0, 2])
def test_validation_is_the_answer_of_the_whole_video_over_known_classes(kind: int) -> None:
    """As `Runtime.answer` gives it, here of one clip and of five."""
    setup = Setup()
    module = module_of(setup.network)
    logged: dict[str, Any] = {}
    module.log = lambda name, value, **_: logged.update({name: value})  # type: ignore[assignment]
    maps, target = setup.validation[kind][0], 1
    module.validation_step((torch.from_numpy(maps), target), 0)
    logits = torch.stack([run(setup.network, clip)[0] for clip in maps])
    answer = logits[:, TINY.window - 1 :, :2].mean((0, 1))
    expected = F.cross_entropy(answer[None], torch.tensor([target])).item()
    assert logged["val_loss"].item() == pytest.approx(expected, rel=1e-4)
    assert float(logged["val_acc"].compute()) == float(answer.argmax() == target)


def test_the_answer_in_validation_is_that_of_the_runtime() -> None:
    frames = np.random.default_rng(0).integers(0, 256, (2, 7, 32, 32, 3), dtype=np.uint8)
    network = network_of()
    x = to_input(torch.from_numpy(frames))
    with torch.inference_mode():
        maps, _ = network.trunk(x, network.trunk.start(x), last=CUT)
        logits, _ = module_of(network).run(maps)
    answer = Runtime(network, device="cpu").answer(frames)[0]
    found = logits[:, TINY.window - 1 :].mean((0, 1))
    np.testing.assert_allclose(found, answer, rtol=1e-4, atol=1e-4)


# -- a run ---------------------------------------------------------------------------------


def test_it_learns_motion_that_no_single_frame_shows(motion: Manifest, tmp_path: Path) -> None:
    settings = replace(
        SETTINGS, tuned_layers=3, learning_rate=6e-3, epochs=14, views=3, frames=8, batch=8,
        memory=0.0, ema=0.9, label_smoothing=0.0,
        augmentation=Augmentation(flip=False, area=0.8, speed=1.1),
    )  # fmt: skip
    data = gather(motion)
    network = network_of()
    views = draw_views(
        network, data.samples, Preprocessing(interval_s=0.1, size=32), settings, tmp_path,
        device=CPU,
    )  # fmt: skip
    assert frozen_layers(network, settings) == 0
    record = tune(
        network, views, data.samples, [], known=3, before=network.dense, settings=settings,
        run_folder=tmp_path, checkpoint=None, device="cpu", progress=False,
    )  # fmt: skip
    accuracy = figures_of(tmp_path, "train_acc")
    assert len(accuracy) == 14
    assert np.mean(accuracy[-3:]) > 0.6  # a third by chance
    assert record["val_loss"] is None
    losses = figures_of(tmp_path, "train_loss_epoch")
    assert losses[-1] < 0.75 * losses[0]


def test_the_record_and_the_line_of_each_epoch(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record = Setup().tune(tmp_path, epochs=3)
    assert (record["epochs_run"], record["best_epoch"], record["device"]) == (3, 3, "cpu")
    assert record["val_loss"] == pytest.approx(figures_of(tmp_path, "val_loss")[-1], abs=1e-4)
    lines = [x for x in capsys.readouterr().out.splitlines() if x.startswith("epoch ")]
    assert [x.split()[1] for x in lines] == ["1", "2", "3"]
    assert all("train_loss " in x and "val_loss " in x and "val_f1 " in x for x in lines)


def validation_loss(setup: Setup) -> float:
    losses = []
    for maps, target in setup.validation:
        logits = torch.stack([run(setup.network, clip)[0] for clip in maps])
        answer = logits[:, TINY.window - 1 :].mean((0, 1))[None]
        losses.append(F.cross_entropy(answer, torch.tensor([target])).item())
    return float(np.mean(losses))


@pytest.mark.parametrize("ema", [0.0, 0.9])
def test_patience_stops_and_keeps_the_best_epoch(ema: float, tmp_path: Path) -> None:
    setup = Setup()  # validation is noise: to learn more makes it worse
    record = setup.tune(tmp_path, epochs=30, patience=3, ema=ema, memory=0.0)
    losses = figures_of(tmp_path, "val_loss")
    best = int(np.argmin(losses))
    assert record["best_epoch"] == best + 1
    assert len(losses) == record["epochs_run"] == best + 1 + 3 < 30
    assert record["val_loss"] == pytest.approx(min(losses), abs=1e-4)
    assert validation_loss(setup) == pytest.approx(min(losses), rel=1e-3)


def test_without_patience_the_last_epoch_is_kept(tmp_path: Path) -> None:
    setup = Setup()
    record = setup.tune(tmp_path, epochs=6, memory=0.0, learning_rate=0.02)
    losses = figures_of(tmp_path, "val_loss")
    assert losses[-1] > min(losses)
    assert record["best_epoch"] == record["epochs_run"] == len(losses) == 6
    assert validation_loss(setup) == pytest.approx(losses[-1], rel=1e-3)


@pytest.mark.parametrize("validate", [True, False])
def test_a_run_that_was_interrupted_goes_on_to_the_same_weights(
    validate: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options: dict[str, Any] = {"validate": validate, "epochs": 4, "ema": 0.9}
    whole = Setup()
    whole.tune(tmp_path / "whole", **options)
    real = tuning.EpochLines.on_train_batch_end

    def interrupt(self: Any, trainer: Any, *rest: Any) -> None:
        real(self, trainer, *rest)
        if trainer.global_step == 8:  # three steps an epoch: in the middle of the third
            raise KeyboardInterrupt

    monkeypatch.setattr(tuning.EpochLines, "on_train_batch_end", interrupt)
    with pytest.raises((KeyboardInterrupt, SystemExit)):
        Setup().tune(tmp_path / "parts", **options)
    monkeypatch.undo()
    parts = Setup()
    torch.manual_seed(12345)  # it does not depend on what was drawn before
    record = parts.tune(tmp_path / "parts", checkpoint=tmp_path / "parts" / "last.ckpt", **options)
    assert record["epochs_run"] == 4
    expected = weights(whole.network)
    for name, found in weights(parts.network).items():
        assert torch.equal(found, expected[name]), name


def test_seeds(tmp_path: Path) -> None:
    found = []
    for k, seed in enumerate((3, 3, 4)):
        setup = Setup()
        setup.tune(tmp_path / str(k), seed=seed)
        found.append(weights(setup.network)["dense.weight"])
    assert torch.equal(found[0], found[1])
    assert not torch.equal(found[0], found[2])
