"""Tunes the last layers of a network, with Lightning."""

from __future__ import annotations

import logging
import time
import warnings
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import lightning as L
import torch
from lightning.pytorch.callbacks import Callback, EarlyStopping, TQDMProgressBar
from lightning.pytorch.loggers import CSVLogger
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from action_recognition.clips import Preprocessing, read_clips
from action_recognition.models.hybridnet import HybridNet
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


def tune(
    network: HybridNet,
    clips: RandomClips,
    validation: ValidationVideos,
    *,
    known: int,
    run_folder: Path,
    checkpoint: Path | None,
    device: str,
    progress: bool,
) -> dict[str, Any]:
    """Tunes the network in place: it has the weights of the best epoch, or of the last.

    Parameters:
        clips: to learn from.
        validation: may be of no video.
        known: the first so many classes are answers.
        run_folder: checkpoints and figures of each epoch (`metrics.csv`) go there.
        checkpoint: to go on from.

    Returns:
        what there is to record of it.

    Raises:
        TrainingError: it has diverged.
        UsageError: a file of the run folder, from which it should go on, is missing or damaged.
    """
    settings, samples = clips.settings, clips.samples
    finished = run_folder / TUNED
    if checkpoint is not None and finished.exists():
        load_kept(network, run_folder, best=settings.patience > 0)
        return dict(read_json(finished))
    finished.unlink(missing_ok=True)
    if checkpoint is not None and settings.patience:
        read_checkpoint(
            run_folder / BEST
        )  # if it cannot be read, that is not to be found at the end
    _quieten_lightning()
    freeze(network, settings)
    network.train()  # Lightning leaves the mode as it finds it
    weights = _class_weights(samples, network.architecture.classes, settings.balance)
    order = ClipOrder(samples, known, settings)
    if checkpoint is not None:  # workers fetch the first batches before Lightning sets it
        order.set_epoch(read_checkpoint(checkpoint)["epoch"] + 1)
    best = FolderCheckpoint(run_folder, BEST, "val_loss" if len(validation) else "train_loss")
    # `save_last` of Lightning saves only where there is a better epoch: not what the name says.
    callbacks: list[Callback] = [best, FolderCheckpoint(run_folder, LAST)]
    if settings.patience and len(validation):
        callbacks.append(Patience("val_loss", patience=settings.patience))
    trainer = _trainer(settings, run_folder, device, callbacks, progress=progress)
    started = time.perf_counter()
    try:
        trainer.fit(
            TuningModule(network, known, settings, weights),
            DataLoader(
                clips, settings.batch, sampler=order, num_workers=settings.workers,
                drop_last=len(order) > settings.batch,
            ),
            DataLoader(validation, batch_size=None) if len(validation) else None,
            ckpt_path=checkpoint,
        )  # fmt: skip
    except SystemExit:  # what Lightning makes of Ctrl-C
        raise KeyboardInterrupt from None
    record = {
        "epochs_run": trainer.current_epoch,
        **load_kept(network, run_folder, best=settings.patience > 0),
        "tuning_seconds": round(time.perf_counter() - started),
        "device": trainer.strategy.root_device.type,
    }
    write_json(finished, record)
    return record


def _trainer(
    settings: TrainingSettings,
    run_folder: Path,
    device: str,
    callbacks: list[Callback],
    *,
    progress: bool,
) -> L.Trainer:
    shown = TQDMProgressBar(refresh_rate=1) if progress else EpochLines()
    average = [MovingAverage(settings.ema)] if settings.ema else []
    remedy = f"lower --learning-rate (now {settings.learning_rate:g})"
    if settings.precision != "32-true":
        remedy += ", or compute with --precision 32-true"
    return L.Trainer(
        max_epochs=settings.epochs,
        accelerator={"cuda": "gpu"}.get(device, device),
        devices="auto" if device == "auto" else 1,
        precision=settings.precision,  # type: ignore[arg-type]
        callbacks=[*callbacks, shown, *average, StopWhenDiverged(remedy)],
        plugins=[FolderFiles()],
        default_root_dir=run_folder,  # where Lightning looks for checkpoints of a cluster
        logger=CSVLogger(run_folder, name=None, version="figures"),
        gradient_clip_val=5.0,
        log_every_n_steps=1_000_000,  # once an epoch
        enable_model_summary=False,
        enable_progress_bar=progress,
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


def _class_weights(samples: Sequence[Sample], classes: int, balance: float) -> Tensor:
    count = Counter(sample.target for sample in samples)
    weights = torch.tensor([max(1, count[k]) ** -balance for k in range(classes)])
    return weights / weights.mean()
