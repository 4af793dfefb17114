"""Loss, optimiser and validation of a network whose last layers are tuned, for Lightning."""

from __future__ import annotations

import copy
import math
from typing import Any

import lightning as L
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchmetrics.classification import MulticlassAccuracy
from torchmetrics.functional.classification import multiclass_accuracy, multiclass_f1_score

from action_recognition.models.hybridnet import HybridNet
from action_recognition.models.torch_runtime import to_input
from action_recognition.training.batches import Batches
from action_recognition.training.processes import ALONE, Processes
from action_recognition.training.settings import TrainingSettings


class TuningModule(L.LightningModule):
    """Tunes the last layers of the trunk, the hidden layer and the dense layer.

    Parameters:
        network: what it learns is what is not frozen by `freeze`.
        known: the first so many classes are answers; validation does not see the others.
        class_weights: (classes,) of the loss.
        batches: whose parts it is given; None: it is given whole batches.
        processes: that tune together.
    """

    def __init__(
        self,
        network: HybridNet,
        known: int,
        settings: TrainingSettings,
        class_weights: Tensor,
        batches: Batches | None = None,
        processes: Processes = ALONE,
    ) -> None:
        super().__init__()
        self.network, self.settings, self.known = network, settings, known
        self.batches, self.processes = batches, processes
        self.cut = frozen_layers(network, settings)
        self.loss = nn.CrossEntropyLoss(
            class_weights, label_smoothing=settings.label_smoothing, reduction="sum"
        )
        # What the pretrained layer answers must stay what it was (`TrainingSettings.memory`).
        self.before = [copy.deepcopy(network).requires_grad_(False)] if settings.memory else []
        self.train_accuracy = MulticlassAccuracy(len(class_weights), average="micro")
        self._answers: list[tuple[Tensor, int]] = []  # to the validation videos of an epoch

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

    def training_step(self, batch: tuple[Tensor, Tensor, Tensor], number: int) -> Tensor:
        """Frames (B, T, H, W, 3) uint8, their numbers (B,), targets (B,) of part `number`.

        The gradients of the parts of a batch add up to that of the mean over the whole batch.
        """
        frames, lengths, targets = batch
        parts = 1 if self.batches is None else self.batches.parts
        whole = targets if self.batches is None else self.batches.targets(number).to(targets)
        rows = torch.arange(len(targets), device=targets.device)
        maps = self.early(frames)
        logits, features = (x[rows, lengths - 1] for x in self.late(self.network, maps))
        assert self.loss.weight is not None
        loss: Tensor = self.loss(logits, targets) / self.loss.weight[whole].sum()
        for before in self.before:
            assert before.pretrained is not None
            with torch.no_grad():
                was = self.late(before.to(maps.device), maps)[1][rows, lengths - 1]
                was = before.pretrained(was).softmax(1)
            now = before.pretrained(features).log_softmax(1)
            change = F.kl_div(now, was, reduction="sum") / len(whole)
            loss = loss + self.settings.memory * change
        self.train_accuracy(logits, targets)
        options: dict[str, Any] = {"prog_bar": True, "on_epoch": True, "batch_size": len(targets)}
        # Its mean over all parts, each as often as it has clips, is that over the batches.
        mean = loss.detach() * (len(whole) / len(targets))
        self.log("train_loss", mean, on_step=True, sync_dist=self.processes.count > 1, **options)
        self.log("train_acc", self.train_accuracy, on_step=False, **options)
        return loss * (self.processes.count * parts)  # DDP and Lightning take means over them

    def validation_step(self, batch: tuple[Tensor, int], _: int) -> None:
        """Clips (N, T, H, W, 3) of a video, and its target; averaged as `Runtime.answer` does.

        A target below 0 is of no video.
        """
        frames, target = batch
        if target < 0:
            return
        logits = self.late(self.network, self.early(frames))[0]
        first = min(logits.shape[1], self.network.architecture.window) - 1
        answer = logits[:, first:, : self.known].mean((0, 1))
        self._answers.append((answer.float().cpu(), int(target)))

    def on_validation_epoch_end(self) -> None:
        """The figures of all videos, which each process computes from the answers of all."""
        found = self.processes.to_all(self._answers)
        self._answers = []
        answers = torch.stack([answer for answer, _ in found])
        targets = torch.tensor([target for _, target in found])
        figures = {
            "val_loss": F.cross_entropy(answers, targets),
            "val_acc": multiclass_accuracy(answers, targets, self.known, average="micro"),
            "val_f1": multiclass_f1_score(answers, targets, self.known, average="macro"),
        }
        for name, value in figures.items():
            self.log(name, value, prog_bar=True, on_step=False, on_epoch=True)

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
