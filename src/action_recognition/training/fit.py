"""Training: a manifest of clips in, a model file out, on Lightning."""

from __future__ import annotations

import json
import logging
import platform
import time
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import lightning as L
import numpy as np
import torch
from lightning.pytorch.callbacks import (
    Callback,
    EarlyStopping,
    ModelCheckpoint,
    TQDMProgressBar,
)
from lightning.pytorch.loggers import CSVLogger
from torch import Tensor

from action_recognition.clips import Preprocessing
from action_recognition.datasets.framecache import FrameCache
from action_recognition.datasets.manifest import Clip, Manifest, fingerprint
from action_recognition.errors import DataError, UsageError
from action_recognition.evaluation import Evaluation, evaluate
from action_recognition.initialisation import initialise
from action_recognition.models.hybridnet import Architecture, HybridNet
from action_recognition.models.model_file import Model, find_model, load_model, save_model
from action_recognition.recognition.recognizer import Recognizer
from action_recognition.training.batch_norm import FreshStatistics
from action_recognition.training.calibrate import calibrate
from action_recognition.training.data import ClipData
from action_recognition.training.distillation import Teachers
from action_recognition.training.module import TrainingModule
from action_recognition.training.moving_average import MovingAverage
from action_recognition.training.settings import TrainingSettings


def fit(
    manifest: Manifest,
    run_folder: str | Path,
    *,
    architecture: Architecture,
    preprocessing: Preprocessing,
    settings: TrainingSettings,
    cache: FrameCache,
    auxiliary: Sequence[str] = (),
    init: str | Path | None = None,
    teachers: Sequence[str | Path] = (),
    resume: bool = False,
    device: str = "auto",
    progress: bool = True,
    on_frozen: Callable[[int, int], None] | None = None,
) -> Model:
    """Trains a network and returns it with the weights of the best epoch, or of the last.

    Parameters:
        manifest: clips; the sides train and val are used. Without a side val (and with
            `settings.patience` 0) nothing is validated: see `calibrate`'s `like`.
        cache: decoded frames, for the same preprocessing.
        run_folder: checkpoints and figures of each epoch (`metrics.csv`) go there.
        auxiliary: labels that are learned as the others, but are no answers: the model keeps them
            as its background classes.
        init: file to start from (see `initialisation`), None: random weights.
        teachers: model files of the same classes, whose answers are learned beside the labels.
        resume: go on from the last checkpoint in the run folder.
        on_frozen: called with (videos done, videos in all) while the frozen blocks are computed.

    Raises:
        DataError: a side is empty or a class has no training clip.
        UsageError: `resume` without a checkpoint, or with other settings than before.
    """
    _quieten_lightning()
    L.seed_everything(settings.seed, workers=True, verbose=False)
    torch.set_float32_matmul_precision("high")
    run_folder = Path(run_folder)
    background = tuple(sorted(set(auxiliary)))
    classes = (*(c for c in manifest.labels if c not in background), *background)
    train, val = manifest.side("train"), manifest.side("val")
    val = [c for c in val if c.label not in background]
    wanted = len(classes) - len(background)
    _check_sides(classes, wanted, train, val, validated=bool(val or settings.patience))
    network = HybridNet(architecture)
    started_from = initialise(network, init) if init is not None else "random weights"
    network.freeze_norm = init is not None
    network.train()  # Lightning leaves the mode as it finds it
    _freeze(network, settings.frozen_blocks)
    if settings.versions and settings.frozen_blocks < network.shared:
        raise UsageError(
            f"clips can be drawn once (versions={settings.versions}) where the first "
            f"{network.shared} blocks are frozen, but frozen blocks is {settings.frozen_blocks}"
        )
    taught = None
    if teachers:
        taught = Teachers.of([load_model(find_model(path)) for path in teachers], classes[:wanted])
        if not settings.versions:
            taught.check(preprocessing)
    record: dict[str, Any] = {
        "data": fingerprint(c for c in (*train, *val) if c.label not in background),
        "clips": {
            side: dict(sorted(Counter(c.label for c in clips).items()))
            for side, clips in (("train", train), ("val", val))
        },
        "background": list(background),
        "init": started_from,
        "teachers": [find_model(path).name for path in teachers],
        "settings": asdict(settings),
        "architecture": architecture.to_dict(),
        "preprocessing": preprocessing.to_dict(),
    }
    checkpoint = _prepare_run_folder(run_folder, record, resume)
    frozen_state = {
        k: p.detach().clone() for k, p in network.named_parameters() if not p.requires_grad
    }
    frozen = network if settings.versions else None
    data = ClipData(
        train, val, classes, cache, settings,
        device=device, frozen=frozen, teachers=taught, on_frozen=on_frozen,
    )  # fmt: skip
    weights = _class_weights(classes, train, settings.balance)
    live = None if settings.versions else taught
    module = TrainingModule(network, wanted, preprocessing, settings, weights, live)
    best = ModelCheckpoint(
        dirpath=run_folder,
        filename="best",
        monitor="val_loss" if val else "train_loss",
        mode="min",
        enable_version_counter=False,
    )
    # `save_last` of Lightning saves only where there is a better epoch: not what the name says.
    last = ModelCheckpoint(dirpath=run_folder, filename="last", enable_version_counter=False)
    callbacks: list[Callback] = [
        best,
        last,
        EpochLines() if not progress else TQDMProgressBar(refresh_rate=1),
    ]
    if settings.patience:
        callbacks.append(EarlyStopping("val_loss", patience=settings.patience))
    average = MovingAverage(settings.ema) if settings.ema else None
    callbacks += [average] if average else []
    callbacks.append(FreshStatistics(average))
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
        limit_val_batches=None if val else 0,
    )
    started = time.perf_counter()
    trainer.fit(module, datamodule=data, ckpt_path=checkpoint, weights_only=False)
    if trainer.interrupted:
        raise KeyboardInterrupt
    kept = best.best_model_path if settings.patience else last.best_model_path
    state = torch.load(kept, map_location="cpu", weights_only=False)
    prefix = "network."
    network.load_state_dict(
        {k[len(prefix) :]: w for k, w in state["state_dict"].items() if k.startswith(prefix)}
        | frozen_state  # averaging moves even equal weights by a rounding error
    )
    score = trainer.callback_metrics.get("val_loss")
    score = best.best_model_score if settings.patience else score
    record |= {
        "epochs_run": trainer.current_epoch,
        "best_epoch": int(state["epoch"]) + 1,
        "val_loss": None if score is None else round(float(score), 4),
        "seconds": round(time.perf_counter() - started),
        "device": trainer.strategy.root_device.type,
        "versions": {
            "python": platform.python_version(),
            "torch": torch.__version__,
            "lightning": L.__version__,
            "numpy": np.__version__,
        },
        "date": time.strftime("%Y-%m-%d"),
    }
    return Model(
        network.cpu().eval(),
        classes[:wanted],
        preprocessing,
        background=background,
        training=record,
    )


def finish(
    model: Model,
    manifest: Manifest,
    output: str | Path,
    *,
    clips: int,
    like: Model | None = None,
    note: str = "",
    foreign: Sequence[Clip] = (),
    device: str = "auto",
) -> Evaluation | None:
    """Calibrates, writes the model file, measures it on the test side, adds the figures.

    The figures are those of the file, with its rounded weights. None: no test side. `like` is
    that of `calibrate`, `foreign` that of `evaluate`.

    Raises:
        ModelFileError: the file cannot be written.
    """
    model = replace(model, clips=clips, training={**model.training, "note": note})
    save_model(model, output)  # first of all: what was trained is safe
    model = load_model(output)  # with its rounded weights
    model = calibrate(model, manifest, like=like, device=device)
    save_model(model, output)
    test = manifest.side("test")
    if not test:
        return None
    measured = evaluate(Recognizer.load(output, device=device), test, split="test", foreign=foreign)
    save_model(replace(model, metrics=measured.to_dict()), output)
    return measured


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


def _check_sides(
    classes: Sequence[str], wanted: int, train: list[Clip], val: list[Clip], *, validated: bool
) -> None:
    if wanted < 2:
        raise DataError("training needs clips of at least two classes")
    sides = [("train", train, classes)]
    if validated:
        sides.append(("val", val, classes[:wanted]))
    for side, clips, needed in sides:
        missing = sorted(set(needed) - {c.label for c in clips})
        if missing:
            raise DataError(f"class {missing[0]!r} has no clip on the side {side!r}")


def _freeze(network: HybridNet, blocks: int) -> None:
    if not 0 <= blocks <= len(network.blocks):
        raise UsageError(f"frozen blocks: {blocks}, must be from 0 to {len(network.blocks)}")
    if blocks:
        late = max(0, blocks - network.shared)
        for module in (network.stem, *network.blocks[:blocks], *network.motion_blocks[:late]):
            module.requires_grad_(False)


def _class_weights(classes: Sequence[str], train: Sequence[Clip], balance: float) -> Tensor:
    count = Counter(c.label for c in train)
    weights = torch.tensor([count[label] ** -balance for label in classes])
    return weights / weights.mean()


def _prepare_run_folder(folder: Path, record: dict[str, Any], resume: bool) -> Path | None:
    """The checkpoint to go on from, or None; a fresh run clears the old one's files."""
    settings_file, checkpoint = folder / "settings.json", folder / "last.ckpt"
    described = json.loads(json.dumps(record))
    if resume:
        if not checkpoint.exists():
            raise UsageError(f"nothing to resume: {folder} holds no last.ckpt")
        before = json.loads(settings_file.read_text(encoding="utf-8"))
        changed = [key for key in described if described[key] != before.get(key)]
        if changed:
            raise UsageError(
                f"cannot resume: {', '.join(changed)} differ from those of the interrupted run; "
                "use the same options and data, or start anew without --resume"
            )
        return checkpoint
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("last.ckpt", "best.ckpt"):
        (folder / name).unlink(missing_ok=True)
    settings_file.write_text(json.dumps(described, indent=1), encoding="utf-8")
    return None
