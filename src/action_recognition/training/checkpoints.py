"""Checkpoints of a run folder that may be moved, and that a full disk does not destroy."""

from __future__ import annotations

import io
import warnings
from pathlib import Path
from typing import Any

import lightning as L
import torch
from lightning.fabric.plugins import TorchCheckpointIO
from lightning.pytorch.callbacks import ModelCheckpoint

from action_recognition.files import write_whole
from action_recognition.models.hybridnet import HybridNet
from action_recognition.training.processes import ALONE, Processes
from action_recognition.training.run_folder import (
    BEST,
    LAST,
    cannot_resume,
    read_whole,
)


class FolderCheckpoint(ModelCheckpoint):
    """A checkpoint that is always the same file of the folder, wherever the folder is.

    Lightning stores whole paths in its checkpoints. Where the folder is another one, it forgets the
    best score, and goes on with the file in the old place.
    """

    def __init__(self, folder: Path, name: str, monitor: str | None = None) -> None:
        super().__init__(folder, Path(name).stem, monitor, mode="min", enable_version_counter=False)

    def state_dict(self) -> dict[str, Any]:
        """Lightning's, with the name of the file in place of each path."""
        return _with_paths(super().state_dict(), "", f"{self.filename}.ckpt")

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Reads it as that of this folder, whatever paths it holds."""
        own = str(Path(str(self.dirpath)) / f"{self.filename}.ckpt")
        super().load_state_dict(_with_paths(state_dict, str(self.dirpath), own))

    def on_save_checkpoint(self, trainer: L.Trainer, _: Any, checkpoint: dict[str, Any]) -> None:
        """Adds the validation loss, for the record."""
        loss = trainer.callback_metrics.get("val_loss")
        checkpoint["val_loss"] = None if loss is None else round(float(loss), 4)


def _with_paths(state: dict[str, Any], folder: str, file: str) -> dict[str, Any]:
    paths = ("best_model_path", "kth_best_model_path", "last_model_path")
    changed: dict[str, Any] = {key: file if state[key] else "" for key in paths}
    scores = list(state["best_k_models"].values())  # one at most
    changed["best_k_models"] = dict.fromkeys([file], scores[0]) if scores else {}
    return {**state, **changed, "dirpath": folder}


class FolderFiles(TorchCheckpointIO):
    """Writes a checkpoint beside the old one, then replaces it.

    Lightning's own way leads through the system's temporary folder. Where that is another disk, a
    full one leaves half a checkpoint in the place of the old one.

    Parameters:
        processes: the writer reads it for all.
    """

    def __init__(self, processes: Processes = ALONE) -> None:
        super().__init__()
        self.processes = processes

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any = None
    ) -> None:
        """Writes it."""
        content = io.BytesIO()
        torch.save(checkpoint, content)
        write_whole(Path(path), content.getvalue())

    def load_checkpoint(self, path: str | Path, *_: Any, **__: Any) -> dict[str, Any]:
        """Reads it."""
        return self.processes.from_writer(lambda: read_checkpoint(Path(path)))


def read_checkpoint(path: Path) -> dict[str, Any]:
    """A checkpoint, with its arrays on the CPU. It holds data alone: nothing in it is run.

    Raises:
        UsageError: it is missing or damaged.
    """
    content = io.BytesIO(read_whole(path))
    try:
        with warnings.catch_warnings(action="ignore"):  # about what is refused anyway
            found: dict[str, Any] = torch.load(content, map_location="cpu", weights_only=True)
    except MemoryError:
        raise
    except Exception:  # of many classes: what is damaged is read as whatever it looks like
        raise cannot_resume(path, "it is damaged") from None
    return found


def load_kept(network: HybridNet, folder: Path, *, best: bool) -> dict[str, Any]:
    """Gives the network the weights of the best or of the last epoch.

    Returns:
        for the record: the epoch that they are of, from 1, and its validation loss.
    """
    state = read_checkpoint(folder / (BEST if best else LAST))
    prefix = "network."
    network.cpu().load_state_dict(
        {
            name.removeprefix(prefix): values
            for name, values in state["state_dict"].items()
            if name.startswith(prefix)
        }
    )
    network.eval().requires_grad_(True)
    return {"best_epoch": int(state["epoch"]) + 1, "val_loss": state.get("val_loss")}
