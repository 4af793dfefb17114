"""Tuning the last layers on random clips: what is kept, stopped, resumed and written down."""

from __future__ import annotations

import copy
import csv
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from action_recognition.clips import Preprocessing, read_clips
from action_recognition.datasets.manifest import Manifest
from action_recognition.models.hybridnet import HybridNet
from action_recognition.models.torch_runtime import TorchRuntime
from action_recognition.training import tuning
from action_recognition.training.footage import Sample
from action_recognition.training.random_clips import ClipOrder, RandomClips
from action_recognition.training.settings import Augmentation
from action_recognition.training.training_data import gather
from action_recognition.training.tuning import Means, ValidationVideos, tune
from action_recognition.video import Video
from noise_clips import CLASSES, SETTINGS, NoiseClips, NoiseVideos, network_of, run, weights
from tiny_network import TINY
from video_maker import MadeVideo

pytestmark = pytest.mark.slow  # they train


def tune_on_noise(
    network: HybridNet,
    folder: Path,
    *,
    clips: NoiseClips | None = None,
    validate: bool = True,
    checkpoint: Path | None = None,
    **changes: Any,
) -> dict[str, Any]:
    return tune(
        network, clips or NoiseClips(**changes), NoiseVideos(4 if validate else 0),
        known=CLASSES, run_folder=folder, checkpoint=checkpoint, means=Means("cpu"),
    )  # fmt: skip


def figures_of(folder: Path, name: str) -> list[float]:
    """One of the figures, epoch by epoch."""
    with (folder / "figures" / "metrics.csv").open(newline="") as file:
        return [float(row[name]) for row in csv.DictReader(file) if row.get(name)]


# -- what learns, and from what ------------------------------------------------------------


@pytest.mark.parametrize("ema", [0.0, 0.9])
def test_only_the_last_layers_change_and_the_rest_is_the_same_to_the_bit(
    ema: float, tmp_path: Path
) -> None:
    network = network_of()
    before = weights(network)
    tune_on_noise(network, tmp_path, ema=ema)
    after = weights(network)
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    learned = ("trunk.layers.2.", "trunk.head.", "hidden.", "dense.")
    assert changed == {name for name in before if name.startswith(learned)}
    assert {"pretrained.weight", "typical"} <= set(before) - changed
    assert not network.training
    assert all(p.requires_grad for p in network.parameters())


def test_biases_do_not_decay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    groups: list[Any] = []
    real = torch.optim.AdamW

    def adam(given: list[dict[str, Any]], **options: Any) -> Any:
        groups.extend({**g, "params": list(g["params"])} for g in given)
        return real(given, **options)

    monkeypatch.setattr(torch.optim, "AdamW", adam)
    tune_on_noise(network_of(), tmp_path, epochs=1, weight_decay=0.3)
    assert [g["weight_decay"] for g in groups] == [0.3, 0.0]
    assert {p.ndim > 1 for p in groups[0]["params"]} == {True}
    assert {p.ndim > 1 for p in groups[1]["params"]} == {False}


def test_classes_of_few_videos_weigh_more() -> None:
    samples = [Sample(Path("a"), t) for t in (0, 0, 0, 0, 1)]
    weigh = tuning._class_weights
    assert weigh(samples, 2, 0.5).tolist() == pytest.approx([0.5 / 0.75, 1 / 0.75])
    assert weigh(samples, 2, 1.0).tolist() == pytest.approx([0.25 / 0.625, 1 / 0.625])
    assert weigh(samples, 2, 0.0).tolist() == [1, 1]


def test_each_epoch_has_its_own_clips_in_its_own_order(tmp_path: Path) -> None:
    clips = NoiseClips(epochs=3, batch=7)  # 14 clips, two of them pictures
    tune_on_noise(network_of(), tmp_path, clips=clips)
    order = ClipOrder(clips.samples, CLASSES, clips.settings)
    expected = []
    for epoch in range(3):
        order.set_epoch(epoch)
        expected += list(order)
    assert clips.asked == expected


def test_workers_that_draw_the_clips_change_nothing(tmp_path: Path) -> None:
    found = []
    for workers in (0, 2):
        network = network_of()
        tune_on_noise(network, tmp_path / str(workers), workers=workers)
        found.append(weights(network))
    assert all(torch.equal(found[0][name], found[1][name]) for name in found[0])


def test_memory_holds_on_to_what_the_network_knew(tmp_path: Path) -> None:
    clips, moved = NoiseClips(), []
    seen = [frames[:n] for frames, n, _ in (clips[k, 0] for k in range(12))]
    for memory in (0.0, 20.0):
        network = network_of()
        asked = copy.deepcopy(network.pretrained)
        assert asked is not None
        before = [run(network, frames).features[-1] for frames in seen]
        tune_on_noise(network, tmp_path / str(memory), epochs=8, memory=memory)
        after = [run(network, frames).features[-1] for frames in seen]
        with torch.inference_mode():
            was, now = (asked(torch.stack(h)).log_softmax(1) for h in (before, after))
        moved.append(F.kl_div(now, was, log_target=True, reduction="batchmean").item())
    assert moved[1] < 0.5 * moved[0]


def test_it_learns_motion_that_no_single_frame_shows(motion: Manifest, tmp_path: Path) -> None:
    settings = replace(
        SETTINGS, tuned_layers=3, learning_rate=6e-3, epochs=14, frames=8, batch=8, memory=0.0,
        ema=0.9, label_smoothing=0.0, augmentation=Augmentation(flip=False, area=0.8, speed=1.1),
    )  # fmt: skip
    preprocessing = Preprocessing(interval_s=0.1, size=32)
    record = tune(
        network_of(), RandomClips(gather(motion).samples, preprocessing, settings),
        ValidationVideos([], preprocessing, TINY.window), known=3, run_folder=tmp_path,
        checkpoint=None, means=Means("cpu"),
    )  # fmt: skip
    accuracy = figures_of(tmp_path, "train_acc")
    assert len(accuracy) == 14
    assert np.mean(accuracy[-3:]) > 0.6  # a third by chance
    assert record["val_loss"] is None
    losses = figures_of(tmp_path, "train_loss_epoch")
    assert losses[-1] < 0.75 * losses[0]


# -- validation ----------------------------------------------------------------------------


@pytest.mark.parametrize(("seconds", "clips"), [(0.3, 1), (2, 1), (8, 5)])
def test_validation_videos_are_read_as_for_recognition(
    make_video: Callable[..., MadeVideo], seconds: float, clips: int
) -> None:
    path = make_video(seconds=seconds, fps=10).path
    preprocessing = Preprocessing(interval_s=0.1, size=32)
    videos = ValidationVideos([(path, 2), (path, 0)], preprocessing, window=4)
    with Video(path) as video:
        expected = read_clips(video, preprocessing, window=4).frames
    assert len(videos) == 2
    for index, target in ((0, 2), (1, 0)):
        frames, found = videos[index]
        assert found == target
        assert frames.dtype == torch.uint8
        assert np.array_equal(frames.numpy(), expected)
    assert len(expected) == clips


def validation_loss(network: HybridNet) -> float:
    runtime, losses, videos = TorchRuntime(network, device="cpu"), [], NoiseVideos()
    for frames, target in (videos[k] for k in range(len(videos))):
        answer = torch.from_numpy(runtime.answer(frames.numpy()).logits)
        losses.append(F.cross_entropy(answer[None], torch.tensor([target])).item())
    return float(np.mean(losses))


def test_the_record_and_the_line_of_each_epoch(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record = tune_on_noise(network_of(), tmp_path, epochs=3)
    assert (record["epochs_run"], record["best_epoch"], record["device"]) == (3, 3, "cpu")
    assert record["val_loss"] == pytest.approx(figures_of(tmp_path, "val_loss")[-1], abs=1e-4)
    lines = [x for x in capsys.readouterr().out.splitlines() if x.startswith("epoch ")]
    assert [x.split()[1] for x in lines] == ["1", "2", "3"]
    assert all("train_loss " in x and "val_loss " in x and "val_f1 " in x for x in lines)


@pytest.mark.parametrize("ema", [0.0, 0.9])
def test_patience_stops_and_keeps_the_best_epoch(ema: float, tmp_path: Path) -> None:
    network = network_of()  # validation is noise: to learn more makes it worse
    record = tune_on_noise(network, tmp_path, epochs=30, patience=3, ema=ema, memory=0.0)
    losses = figures_of(tmp_path, "val_loss")
    best = int(np.argmin(losses))
    assert record["best_epoch"] == best + 1
    assert len(losses) == record["epochs_run"] == best + 1 + 3 < 30
    assert record["val_loss"] == pytest.approx(min(losses), abs=1e-4)
    assert validation_loss(network) == pytest.approx(min(losses), rel=1e-3)


def test_without_patience_the_last_epoch_is_kept(tmp_path: Path) -> None:
    network = network_of()
    record = tune_on_noise(network, tmp_path, epochs=6, memory=0.0, learning_rate=0.02)
    losses = figures_of(tmp_path, "val_loss")
    assert losses[-1] > min(losses)
    assert record["best_epoch"] == record["epochs_run"] == len(losses) == 6
    assert validation_loss(network) == pytest.approx(losses[-1], rel=1e-3)


# -- again and resumed ---------------------------------------------------------------------


@pytest.mark.parametrize("validate", [True, False])
def test_a_run_that_was_interrupted_goes_on_to_the_same_weights(
    validate: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options: dict[str, Any] = {"validate": validate, "epochs": 4, "ema": 0.9}
    whole = network_of()
    tune_on_noise(whole, tmp_path / "whole", **options)
    real = tuning.EpochLines.on_train_batch_end

    def interrupt(self: Any, trainer: Any, *rest: Any) -> None:
        real(self, trainer, *rest)
        if trainer.global_step == 8:  # three steps an epoch: in the middle of the third
            raise KeyboardInterrupt

    monkeypatch.setattr(tuning.EpochLines, "on_train_batch_end", interrupt)
    with pytest.raises(KeyboardInterrupt):
        tune_on_noise(network_of(), tmp_path / "parts", **options)
    monkeypatch.undo()
    parts = network_of()
    torch.nn.init.zeros_(parts.dense.weight)  # what was learned is that of the checkpoint
    torch.manual_seed(12345)  # it does not depend on what was drawn before
    checkpoint = tmp_path / "parts" / "last.ckpt"
    record = tune_on_noise(parts, tmp_path / "parts", checkpoint=checkpoint, **options)
    assert record["epochs_run"] == 4
    expected = weights(whole)
    for name, found in weights(parts).items():
        assert torch.equal(found, expected[name]), name


def test_mixed_precision(tmp_path: Path) -> None:
    """Guards: with a fused optimiser, Lightning refuses to clip gradients in mixed precision."""
    network = network_of()
    before = weights(network)
    tune_on_noise(network, tmp_path, precision="bf16-mixed")
    assert not torch.equal(weights(network)["dense.weight"], before["dense.weight"])


def test_seeds(tmp_path: Path) -> None:
    found = []
    for k, seed in enumerate((3, 3, 4)):
        network = network_of()
        tune_on_noise(network, tmp_path / str(k), seed=seed)
        found.append(weights(network)["dense.weight"])
    assert torch.equal(found[0], found[1])
    assert not torch.equal(found[0], found[2])
