"""Tunes the last layers of a network, with Lightning."""

from __future__ import annotations

import logging
import math
import time
import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightning as L
import torch
from lightning.pytorch.callbacks import Callback, EarlyStopping, TQDMProgressBar
from lightning.pytorch.loggers import CSVLogger
from lightning.pytorch.plugins.environments import LightningEnvironment, TorchElasticEnvironment
from lightning.pytorch.strategies import DDPStrategy
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from action_recognition.clips import Preprocessing, read_clips
from action_recognition.models.device import pick_device
from action_recognition.models.hybridnet import HybridNet
from action_recognition.training.batches import Batches
from action_recognition.training.checkpoints import (
    FolderCheckpoint,
    FolderFiles,
    load_kept,
    read_checkpoint,
)
from action_recognition.training.divergence import StopWhenDiverged
from action_recognition.training.footage import Sample
from action_recognition.training.lightning_module import TuningModule, freeze
from action_recognition.training.moving_average import MovingAverage
from action_recognition.training.processes import ALONE, Processes
from action_recognition.training.random_clips import ClipOrder, RandomClips
from action_recognition.training.run_folder import BEST, LAST, TUNED, read_json, write_json
from action_recognition.training.settings import TrainingSettings
from action_recognition.video import Video
from action_recognition.video.part import Place, to_source


class ValidationVideos(Dataset[tuple[Tensor, int]]):
    """Frames (N, T, size, size, 3) uint8 of each video, as for recognition, and its target."""

    def __init__(
        self, videos: Sequence[tuple[Place, int]], preprocessing: Preprocessing, window: int
    ) -> None:
        self.videos, self.preprocessing, self.window = videos, preprocessing, window

    def __len__(self) -> int:
        return len(self.videos)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        path, target = self.videos[index]
        with Video(to_source(path), name=path.name) as video:
            seen = read_clips(video, self.preprocessing, window=self.window)
        return torch.from_numpy(seen.frames), target


class PartOfVideos(Dataset[tuple[Tensor, int]]):
    """Those of the validation videos that a process looks at.

    All processes have the same number of items: where there is no further video, the target is -1.
    """

    def __init__(self, videos: ValidationVideos, processes: Processes) -> None:
        self.videos, self.processes = videos, processes

    def __len__(self) -> int:
        return math.ceil(len(self.videos) / self.processes.count)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        place = index * self.processes.count + self.processes.rank
        return self.videos[place] if place < len(self.videos) else (torch.zeros(0), -1)


@dataclass(frozen=True)
class Means:
    """What a tuning is computed with. It changes nothing but the rounding of numbers.

    Parameters:
        device: "auto", "cpu" or "cuda".
        processes: that tune together.
        parts: in which each process computes its part of a batch.
        progress: whether progress bars are shown.
    """

    device: str = "auto"
    processes: Processes = ALONE
    parts: int = 1
    progress: bool = False


def tune(
    network: HybridNet,
    clips: RandomClips,
    validation: ValidationVideos,
    *,
    known: int,
    run_folder: Path,
    checkpoint: Path | None,
    means: Means,
) -> dict[str, Any]:
    """Tunes the network in place: it has the weights of the best epoch, or of the last.

    Parameters:
        clips: to learn from.
        validation: may be of no video.
        known: the first so many classes are answers.
        run_folder: checkpoints and figures of each epoch (`metrics.csv`) go there.
        checkpoint: to go on from.
        means: what it is computed with.

    Returns:
        what there is to record of it.

    Raises:
        TrainingError: it has diverged.
        UsageError: a file of the run folder, from which it should go on, is missing or damaged.
    """
    settings, processes = clips.settings, means.processes
    finished, best = run_folder / TUNED, settings.patience > 0
    if processes.from_writer(lambda: checkpoint is not None and finished.exists()):
        _keep(network, run_folder, best, processes)
        return processes.from_writer(lambda: dict(read_json(finished)))

    def begin() -> None:
        finished.unlink(missing_ok=True)
        if checkpoint is not None and best:
            read_checkpoint(run_folder / BEST)  # if it cannot be, that is said now, not at the end

    processes.from_writer(begin)
    _quieten_lightning()
    freeze(network, settings)
    network.train()  # Lightning leaves the mode as it finds it
    trainer = _trainer(settings, run_folder, means, validate=len(validation) > 0)
    started = time.perf_counter()
    _fit(trainer, network, clips, validation, known, checkpoint, means)
    record = {
        "epochs_run": trainer.current_epoch,
        **_keep(network, run_folder, best, processes),
        "tuning_seconds": round(time.perf_counter() - started),
        "device": trainer.strategy.root_device.type,
    }
    processes.from_writer(lambda: write_json(finished, record))
    return record


def batches_of(clips: RandomClips, known: int, means: Means) -> Batches:
    """The batches of an epoch, as this process takes part in them.

    Raises:
        UsageError: they cannot be divided among the processes.
    """
    order = ClipOrder(clips.samples, known, clips.settings)
    return Batches(order, clips.samples, clips.settings.batch, means.processes, means.parts)


def _fit(
    trainer: L.Trainer,
    network: HybridNet,
    clips: RandomClips,
    validation: ValidationVideos,
    known: int,
    checkpoint: Path | None,
    means: Means,
) -> None:
    settings, samples, processes = clips.settings, clips.samples, means.processes
    weights = _class_weights(samples, network.architecture.classes, settings.balance)
    batches = batches_of(clips, known, means)
    done = processes.from_writer(
        lambda: None if checkpoint is None else int(read_checkpoint(checkpoint)["epoch"])
    )
    if done is not None:  # workers fetch the first batches before Lightning sets the epoch
        batches.sampler.set_epoch(done + 1)
    videos = PartOfVideos(validation, processes)
    try:
        trainer.fit(
            TuningModule(network, known, settings, weights, batches, processes),
            DataLoader(clips, batch_sampler=batches, num_workers=settings.workers),
            DataLoader(videos, batch_size=None) if len(videos) else None,
            ckpt_path=checkpoint,
        )
    except SystemExit:  # what Lightning makes of Ctrl-C
        raise KeyboardInterrupt from None


def _keep(network: HybridNet, run_folder: Path, best: bool, processes: Processes) -> dict[str, Any]:
    """Gives the network of all processes the weights of the best or the last epoch."""

    def kept() -> tuple[dict[str, Any], dict[str, Tensor]]:
        record = load_kept(network, run_folder, best=best)
        return record, network.state_dict()

    record, state = processes.from_writer(kept)
    network.cpu().load_state_dict(state)
    network.eval().requires_grad_(True)
    return record


def _trainer(
    settings: TrainingSettings, run_folder: Path, means: Means, *, validate: bool
) -> L.Trainer:
    processes = means.processes
    several = processes.count > 1
    kept = FolderCheckpoint(run_folder, BEST, "val_loss" if validate else "train_loss")
    # `save_last` of Lightning saves only where there is a better epoch: not what the name says.
    callbacks: list[Callback] = [kept, FolderCheckpoint(run_folder, LAST)]
    if settings.patience and validate:
        callbacks.append(Patience("val_loss", patience=settings.patience))
    callbacks.append(TQDMProgressBar(refresh_rate=1) if means.progress else EpochLines())
    callbacks += [MovingAverage(settings.ema)] if settings.ema else []
    remedy = f"lower --learning-rate (now {settings.learning_rate:g})"
    if settings.precision != "32-true":
        remedy += ", or compute with --precision 32-true"
    on_gpu = pick_device(means.device).type == "cuda"
    accelerator = {"cuda": "gpu"}.get(means.device, means.device)
    if several:
        accelerator = "gpu" if on_gpu else "cpu"
    return L.Trainer(
        max_epochs=settings.epochs,
        accelerator=accelerator,
        devices=processes.here,
        num_nodes=processes.count // processes.here,
        # Each process validates as many videos as it has: nothing may be exchanged on the way.
        strategy=DDPStrategy(broadcast_buffers=False) if several else "auto",
        use_distributed_sampler=False,  # `Batches` does it
        sync_batchnorm=several and on_gpu,  # PyTorch has none for the CPU
        accumulate_grad_batches=means.parts,
        precision=settings.precision,  # type: ignore[arg-type]
        callbacks=[*callbacks, StopWhenDiverged(remedy)],
        plugins=[
            FolderFiles(processes),
            TorchElasticEnvironment() if several else LightningEnvironment(),
        ],
        default_root_dir=run_folder,  # where Lightning looks for checkpoints of a cluster
        logger=CSVLogger(run_folder, name=None, version="figures"),
        gradient_clip_val=5.0,
        log_every_n_steps=1_000_000,  # once an epoch
        enable_model_summary=False,
        enable_progress_bar=means.progress,
        num_sanity_val_steps=0,
    )


class Patience(EarlyStopping):
    """Where it has stopped a training, it does not go on when it is resumed."""

    def on_train_start(self, trainer: L.Trainer, module: L.LightningModule) -> None:
        """Stops at once if it had."""
        trainer.should_stop = self.wait_count >= self.patience


class EpochLines(Callback):
    """One line an epoch, for logs and terminals without a cursor."""

    def on_train_start(self, trainer: L.Trainer, module: L.LightningModule) -> None:
        """Notes the time."""
        self._started = time.perf_counter()

    def on_train_epoch_end(self, trainer: L.Trainer, module: L.LightningModule) -> None:
        """Prints the figures of the epoch."""
        figures = {k: float(v) for k, v in trainer.callback_metrics.items()}
        names = ("train_loss", "train_acc", "val_loss", "val_acc", "val_f1")
        shown = "  ".join(f"{n} {figures[n]:.3f}" for n in names if n in figures)
        elapsed = time.perf_counter() - self._started
        print(f"epoch {trainer.current_epoch + 1:>3}  {shown}  {elapsed:.0f} s", flush=True)


def _quieten_lightning() -> None:
    """Its tips and notes are for the authors of training scripts, not for their users."""
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module=r"lightning\.")
    warnings.filterwarnings("ignore", message="Grad strides do not match")  # of a 1×3×3 kernel


def _class_weights(samples: Sequence[Sample], classes: int, balance: float) -> Tensor:
    count = Counter(sample.target for sample in samples)
    weights = torch.tensor([max(1, count[k]) ** -balance for k in range(classes)])
    return weights / weights.mean()
