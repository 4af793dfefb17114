"""Loss, optimiser and validation of a HybridNet, for Lightning."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import lightning as L
import torch
from torch import Tensor, nn
from torchmetrics.classification import MulticlassAccuracy, MulticlassF1Score

from action_recognition.models.probabilities import video_probabilities
from action_recognition.clips import Preprocessing, to_input
from action_recognition.models.hybridnet import HybridNet
from action_recognition.outputs import run_clips
from action_recognition.training.distillation import (
    Teachers,
    teaching_loss,
    weighted_cross_entropy,
)
from action_recognition.training.mixing import mix
from action_recognition.training.precompute import late_logits
from action_recognition.training.settings import TrainingSettings

# Parts of the network that `init` can give weights to.
TRUNK = ("stem.", "blocks.", "last.", "motion_blocks.", "motion_last.")


class TrainingModule(L.LightningModule):
    """Loss, optimiser and validation of a HybridNet.

    Parameters:
        wanted: the first so many classes are answers; validation does not see the others.
        class_weights: (all classes,) of the loss.
        teachers: networks whose answers are learned, too.
    """

    def __init__(
        self,
        network: HybridNet,
        wanted: int,
        preprocessing: Preprocessing,
        settings: TrainingSettings,
        class_weights: Tensor,
        teachers: Teachers | None = None,
    ) -> None:
        super().__init__()
        self.network = network
        self.preprocessing = preprocessing
        self.settings = settings
        self.loss = nn.CrossEntropyLoss(class_weights, label_smoothing=settings.label_smoothing)
        self.wanted = wanted
        self.teachers = teachers
        self.train_accuracy = MulticlassAccuracy(len(class_weights), average="micro")
        self.val_accuracy = MulticlassAccuracy(wanted, average="micro")
        self.val_f1 = MulticlassF1Score(wanted, average="macro")

    def training_step(self, batch: tuple[Tensor, ...], _: int) -> Tensor:
        """Loss of clips (B, T, H, W, 3) uint8, or maps of them, and targets (B,) int64.

        A third of the batch, where there is one, is what teachers say of each clip: (B, wanted).
        """
        x, targets, *recorded = batch
        precomputed = x.dtype == torch.bfloat16
        if not precomputed:
            x = to_input(x, self.preprocessing)
        run = partial(late_logits, self.network) if precomputed else self.network
        share, others = 1.0, torch.arange(len(targets), device=targets.device)
        if self.settings.mixup:
            x, others, share = mix(x, self.settings.mixup, self.settings.cutmix)
        logits = run(x)
        if recorded:
            answer = recorded[0]
        elif self.teachers is not None:
            answer = self.teachers.answer(x)
        else:
            answer = None

        def loss_for(targets: Tensor, answer: Tensor | None) -> Tensor:
            if answer is None:
                return self.loss(logits, targets)
            # Of background classes teachers know nothing: there the labels have all the say.
            heed = self.settings.teaching * (targets < self.wanted).float()
            labels = weighted_cross_entropy(logits, targets, self.loss)
            return torch.lerp(labels, teaching_loss(logits, answer), heed).mean()

        loss = share * loss_for(targets, answer)
        if share < 1:
            if recorded:
                answer = recorded[0][others]
            loss = loss + (1 - share) * loss_for(targets[others], answer)
        self.train_accuracy(logits, targets)
        self.log("train_loss", loss, prog_bar=True, on_step=True, on_epoch=True)
        self.log("train_acc", self.train_accuracy, prog_bar=True, on_step=False, on_epoch=True)
        return loss

    def trunk(self, x: Tensor) -> Tensor:
        """Clips or maps as for `training_step` -> features of each frame (B, T, width)."""
        if x.dtype == torch.bfloat16:
            return self.network.late(x if torch.is_autocast_enabled(x.device.type) else x.float())
        return self.network.frame_features(to_input(x, self.preprocessing))

    def validation_step(self, batch: tuple[Any, Any], _: int) -> None:
        """All clips of one video, through the same function as `Recognizer`; or maps of them."""
        clips, target = batch
        if clips.dtype == torch.bfloat16:
            logits = late_logits(self.network, clips.to(self.device)).double().cpu().numpy()
        else:
            logits = run_clips(self.network, clips, self.preprocessing)[0]
        probabilities = video_probabilities(logits[:, : self.wanted], 1.0)
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
        """Training batches go to the device whole; `run_clips` moves clips by itself."""
        if self.trainer.training:
            return super().transfer_batch_to_device(batch, device, index)
        return batch

    def configure_optimizers(self) -> Any:
        """AdamW, warm-up over an epoch (a fifth of all steps at most), cosine decay to zero."""
        s = self.settings
        groups: dict[tuple[bool, bool], list[nn.Parameter]] = {}
        for name, parameter in self.network.named_parameters():
            if parameter.requires_grad:
                new = not name.startswith(TRUNK) or "temporal" in name
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
