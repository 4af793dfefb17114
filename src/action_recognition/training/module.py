"""Loss, optimiser and validation of a HybridNet, for Lightning."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import lightning as L
import numpy as np
import torch
from torch import Tensor, nn
from torchmetrics.classification import MulticlassAccuracy, MulticlassF1Score

from action_recognition.clips import Preprocessing, to_input
from action_recognition.model import HybridNet
from action_recognition.recognizer import predict_clips
from action_recognition.training.mixing import mix
from action_recognition.training.settings import TrainingSettings


class TrainingModule(L.LightningModule):
    """Loss, optimiser and validation of a HybridNet."""

    def __init__(
        self,
        network: HybridNet,
        classes: Sequence[str],
        preprocessing: Preprocessing,
        settings: TrainingSettings,
        class_weights: Tensor,
    ) -> None:
        super().__init__()
        self.network = network
        self.preprocessing = preprocessing
        self.settings = settings
        self.loss = nn.CrossEntropyLoss(class_weights, label_smoothing=settings.label_smoothing)
        count = len(classes)
        self.train_accuracy = MulticlassAccuracy(count, average="micro")
        self.val_accuracy = MulticlassAccuracy(count, average="micro")
        self.val_f1 = MulticlassF1Score(count, average="macro")

    def training_step(self, batch: tuple[Tensor, Tensor], _: int) -> Tensor:
        """clips (B, T, H, W, 3) uint8, targets (B,) int64 -> loss."""
        clips, targets = batch
        x = to_input(clips, self.preprocessing)
        if self.settings.mixup:
            x, others, share = mix(x, self.settings.mixup)
            logits = self.network(x)
            loss = share * self.loss(logits, targets)
            loss = loss + (1 - share) * self.loss(logits, targets[others])
        else:
            logits = self.network(x)
            loss = self.loss(logits, targets)
        self.train_accuracy(logits, targets)
        self.log("train_loss", loss, prog_bar=True, on_step=True, on_epoch=True)
        self.log("train_acc", self.train_accuracy, prog_bar=True, on_step=False, on_epoch=True)
        return loss

    def validation_step(self, batch: tuple[np.ndarray[Any, Any], int], _: int) -> None:
        """All clips of one video, through the same function as `Recognizer`."""
        clips, target = batch
        probabilities = predict_clips(self.network, clips, self.preprocessing)
        loss = -math.log(max(probabilities[target], 1e-9))
        scores = torch.as_tensor(probabilities, device=self.device)[None].float()
        targets = torch.tensor([target], device=self.device)
        self.val_accuracy(scores, targets)
        self.val_f1(scores, targets)
        options: dict[str, Any] = {"prog_bar": True, "on_step": False, "on_epoch": True}
        self.log("val_loss", loss, batch_size=1, **options)
        self.log("val_acc", self.val_accuracy, batch_size=1, **options)
        self.log("val_f1", self.val_f1, batch_size=1, **options)

    def transfer_batch_to_device(self, batch: Any, device: torch.device, index: int) -> Any:
        """Training batches go to the device whole; `predict_clips` moves clips by itself."""
        if self.trainer.training:
            return super().transfer_batch_to_device(batch, device, index)
        return batch

    def configure_optimizers(self) -> Any:
        """AdamW, warm-up over an epoch (a fifth of all steps at most), cosine decay to zero."""
        s = self.settings
        groups: dict[tuple[bool, bool], list[nn.Parameter]] = {}
        for name, parameter in self.network.named_parameters():
            if parameter.requires_grad:
                new = not name.startswith(("stem.", "blocks.", "last.")) or "temporal" in name
                decays = parameter.ndim > 1 and "temporal" not in name
                groups.setdefault((new, decays), []).append(parameter)
        trunk = s.trunk_rate if self.network.freeze_norm else 1.0
        optimizer = torch.optim.AdamW(
            [
                {
                    "params": parameters,
                    "lr": s.learning_rate * (1.0 if new else trunk),
                    "weight_decay": s.weight_decay if decays else 0.0,
                }
                for (new, decays), parameters in groups.items()
            ]
        )
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
