"""Loss, optimiser and validation of a network whose last layers are tuned, for Lightning."""

from __future__ import annotations

import copy
import math
from typing import Any

import lightning as L
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchmetrics.classification import MulticlassAccuracy, MulticlassF1Score

from action_recognition.models.hybridnet import HybridNet
from action_recognition.models.torch_runtime import to_input
from action_recognition.training.settings import TrainingSettings


class TuningModule(L.LightningModule):
    """Tunes the last layers of the trunk, the hidden layer and the dense layer.

    Parameters:
        network: what it learns is what is not frozen by `freeze`.
        known: the first so many classes are answers; validation does not see the others.
        class_weights: (classes,) of the loss.
    """

    def __init__(
        self,
        network: HybridNet,
        known: int,
        settings: TrainingSettings,
        class_weights: Tensor,
    ) -> None:
        super().__init__()
        self.network, self.settings, self.known = network, settings, known
        self.cut = frozen_layers(network, settings)
        self.loss = nn.CrossEntropyLoss(class_weights, label_smoothing=settings.label_smoothing)
        # What the pretrained layer answers must stay what it was (`TrainingSettings.memory`).
        self.before = [copy.deepcopy(network).requires_grad_(False)] if settings.memory else []
        self.train_accuracy = MulticlassAccuracy(len(class_weights), average="micro")
        self.val_accuracy = MulticlassAccuracy(known, average="micro")
        self.val_f1 = MulticlassF1Score(known, average="macro")

    def early(self, frames: Tensor) -> Tensor:
        """Frames (B, T, H, W, 3) uint8 -> maps (B, T, C, h, w), what the frozen layers give."""
        x, trunk = to_input(frames), self.network.trunk
        with torch.no_grad():
            return trunk(x, trunk.start(x), last=self.cut)[0] if self.cut else x

    def late(self, network: HybridNet, maps: Tensor) -> tuple[Tensor, Tensor]:
        """Maps after the frozen layers -> logits and features (B, T, ...)."""
        start = network.trunk.start(maps, first=self.cut)
        vectors = network.trunk(maps, start, first=self.cut)[0].mean((3, 4))
        output = network.answer(vectors, network.start_answer(maps))
        return output.logits, output.features

    def training_step(self, batch: tuple[Tensor, Tensor, Tensor], _: int) -> Tensor:
        """Frames (B, T, H, W, 3) uint8, their numbers (B,), targets (B,)."""
        frames, lengths, targets = batch
        rows = torch.arange(len(targets), device=targets.device)
        maps = self.early(frames)
        logits, features = (x[rows, lengths - 1] for x in self.late(self.network, maps))
        loss: Tensor = self.loss(logits, targets)
        for before in self.before:
            assert before.pretrained is not None
            with torch.no_grad():
                was = self.late(before.to(maps.device), maps)[1][rows, lengths - 1]
                was = before.pretrained(was).softmax(1)
            now = before.pretrained(features).log_softmax(1)
            loss = loss + self.settings.memory * F.kl_div(now, was, reduction="batchmean")
        self.train_accuracy(logits, targets)
        self.log("train_loss", loss, prog_bar=True, on_step=True, on_epoch=True)
        self.log("train_acc", self.train_accuracy, prog_bar=True, on_step=False, on_epoch=True)
        return loss

    def validation_step(self, batch: tuple[Tensor, int], _: int) -> None:
        """Clips (N, T, H, W, 3) of a video, and its target; averaged as `Runtime.answer` does."""
        frames, target = batch
        logits = self.late(self.network, self.early(frames))[0]
        first = min(logits.shape[1], self.network.architecture.window) - 1
        answer = logits[:, first:, : self.known].mean((0, 1))[None]
        targets = torch.as_tensor([target], device=answer.device)
        self.val_accuracy(answer, targets)
        self.val_f1(answer, targets)
        options: dict[str, Any] = {"prog_bar": True, "on_step": False, "on_epoch": True}
        self.log("val_loss", F.cross_entropy(answer, targets), batch_size=1, **options)
        self.log("val_acc", self.val_accuracy, batch_size=1, **options)
        self.log("val_f1", self.val_f1, batch_size=1, **options)

    def configure_optimizers(self) -> Any:
        """AdamW, warm-up over an epoch (a fifth of all steps at most), cosine decay to zero."""
        s = self.settings
        learned = [p for p in self.network.parameters() if p.requires_grad]
        groups = [
            {"params": [p for p in learned if p.ndim > 1], "weight_decay": s.weight_decay},
            {"params": [p for p in learned if p.ndim <= 1], "weight_decay": 0.0},
        ]
        # With mixed precision, Lightning refuses to clip the gradients of a fused optimiser.
        fused = s.precision == "32-true"
        optimizer = torch.optim.AdamW(groups, lr=s.learning_rate, fused=fused)
        total = max(2, int(self.trainer.estimated_stepping_batches))
        warm_up = max(1, min(total // s.epochs, total // 5))

        def factor(step: int) -> float:
            if step < warm_up:
                return (step + 1) / warm_up
            return 0.5 * (1 + math.cos(math.pi * min(1.0, (step - warm_up) / (total - warm_up))))

        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, factor)
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": schedule, "interval": "step"},
        }


def frozen_layers(network: HybridNet, settings: TrainingSettings) -> int:
    """The number of first layers of the trunk that stay as they are."""
    return max(0, len(network.trunk.layers) - settings.tuned_layers)


def freeze(network: HybridNet, settings: TrainingSettings) -> None:
    """Only what `TrainingSettings.tuned_layers` names learns; LSTM and GRU do so later."""
    network.requires_grad_(False)
    for module in (*network.trunk.layers[frozen_layers(network, settings) :], network.trunk.head):
        module.requires_grad_(True)
    network.hidden.requires_grad_(True)
    network.dense.requires_grad_(True)
