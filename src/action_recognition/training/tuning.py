"""Tunes the last layers of a network on stored views, with Lightning."""

from __future__ import annotations

import copy
import logging
import time
import warnings
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import lightning as L
import numpy as np
import torch
from lightning.pytorch.callbacks import Callback, EarlyStopping, ModelCheckpoint, TQDMProgressBar
from lightning.pytorch.loggers import CSVLogger
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils.data import DataLoader

from action_recognition.models.hybridnet import HybridNet
from action_recognition.training.footage import Sample
from action_recognition.training.lightning_module import TuningModule, freeze
from action_recognition.training.moving_average import MovingAverage
from action_recognition.training.settings import TrainingSettings
from action_recognition.training.views import ViewData, ViewOrder, Views

# Maps (N, T, C, h, w) of each validation video after the frozen layers, and its target.
Validation = Sequence[tuple[NDArray[np.float16], int]]


def tune(
    network: HybridNet,
    views: Views,
    samples: Sequence[Sample],
    validation: Validation,
    *,
    known: int,
    before: nn.Linear,
    settings: TrainingSettings,
    run_folder: Path,
    checkpoint: Path | None,
    device: str,
    progress: bool,
) -> dict[str, Any]:
    """Tunes the network in place: it has the weights of the best epoch, or of the last.

    Parameters:
        views: of the samples.
        known: the first so many classes are answers.
        before: see `TuningModule`.
        run_folder: checkpoints and figures of each epoch (`metrics.csv`) go there.
        checkpoint: to go on from.

    Returns:
        what there is to record of it.
    """
    _quieten_lightning()
    freeze(network, settings)
    network.train()  # Lightning leaves the mode as it finds it
    weights = _class_weights(samples, network.architecture.classes, settings.balance)
    module = TuningModule(network, known, settings, weights, copy.deepcopy(before))
    best = ModelCheckpoint(
        dirpath=run_folder,
        filename="best",
        monitor="val_loss" if validation else "train_loss",
        mode="min",
        enable_version_counter=False,
    )
    # `save_last` of Lightning saves only where there is a better epoch: not what the name says.
    last = ModelCheckpoint(dirpath=run_folder, filename="last", enable_version_counter=False)
    callbacks: list[Callback] = [best, last]
    callbacks.append(TQDMProgressBar(refresh_rate=1) if progress else EpochLines())
    if settings.patience and validation:
        callbacks.append(EarlyStopping("val_loss", patience=settings.patience))
    if settings.ema:
        callbacks.append(MovingAverage(settings.ema))
    trainer = L.Trainer(
        max_epochs=settings.epochs,
        accelerator={"cuda": "gpu"}.get(device, device),
        devices="auto" if device == "auto" else 1,
        precision=settings.precision,  # type: ignore[arg-type]
        callbacks=callbacks,
        logger=CSVLogger(run_folder, name=None, version="figures"),
        gradient_clip_val=5.0,
        log_every_n_steps=1_000_000,  # once an epoch
        enable_model_summary=False,
        enable_progress_bar=progress,
        num_sanity_val_steps=0,
        limit_val_batches=None if validation else 0,
    )
    started = time.perf_counter()
    trainer.fit(
        module,
        DataLoader(
            ViewData(views, samples),
            settings.batch,
            sampler=ViewOrder(views, settings.seed),
            drop_last=len(samples) > settings.batch,
        ),
        DataLoader(validation, batch_size=None) if validation else None,  # type: ignore[arg-type]
        ckpt_path=checkpoint,
        weights_only=False,
    )
    if trainer.interrupted:
        raise KeyboardInterrupt
    kept = best.best_model_path if settings.patience else last.best_model_path
    state = torch.load(kept, map_location="cpu", weights_only=False)
    prefix = "network."
    network.cpu().load_state_dict(
        {
            name.removeprefix(prefix): values
            for name, values in state["state_dict"].items()
            if name.startswith(prefix)
        }
    )
    network.eval().requires_grad_(True)
    score = best.best_model_score if settings.patience else trainer.callback_metrics.get("val_loss")
    return {
        "epochs_run": trainer.current_epoch,
        "best_epoch": int(state["epoch"]) + 1,
        "val_loss": None if score is None else round(float(score), 4),
        "tuning_seconds": round(time.perf_counter() - started),
        "device": trainer.strategy.root_device.type,
    }


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
