"""Distillation: a network learns from the answers of others, beside the labels.

Hinton, Vinyals and Dean (2015). Several teachers together are surer than each of them, and what
they know of the likeness of classes says more of a clip than its label does. Teachers and student
see the same clips, mixed and cropped alike (Beyer et al., CVPR 2022).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from action_recognition.clips import Preprocessing
from action_recognition.errors import DataError
from action_recognition.modelfile import Model


@dataclass(frozen=True)
class Teachers:
    """Trained networks whose mean answer a student learns.

    They stay as they are. They are no part of the student: its checkpoints do not hold them.

    Parameters:
        models: their files as read.
        order: for each of them the places (wanted classes,) in its logits of the student's classes.
    """

    models: tuple[Model, ...]
    order: tuple[Tensor, ...]

    @classmethod
    def of(cls, models: Sequence[Model], classes: Sequence[str]) -> Teachers:
        """Of model files, for a student that tells `classes` apart.

        Raises:
            DataError: a teacher does not know just these classes.
        """
        order = []
        for model in models:
            if sorted(model.classes) != sorted(classes):
                raise DataError(
                    f"a teacher knows {', '.join(model.classes)}; "
                    f"the network learns {', '.join(classes)}"
                )
            order.append(torch.tensor([model.classes.index(c) for c in classes]))
            model.network.eval().requires_grad_(False)
        return cls(tuple(models), tuple(order))

    @property
    def wanted(self) -> int:
        """Number of classes that they tell apart."""
        return len(self.order[0])

    def check(self, preprocessing: Preprocessing) -> None:
        """Raises DataError where the teachers cannot read the student's clips."""
        for model in self.models:
            if model.preprocessing != preprocessing:
                raise DataError(
                    f"a teacher reads other clips: {model.preprocessing}, not {preprocessing}; "
                    "it can teach where clips are drawn once (versions)"
                )

    def answer(self, x: Tensor) -> Tensor:
        """Mean probabilities (B, wanted classes) for clips (B, 3, T, H, W), normalised."""
        found = []
        with torch.no_grad():
            for model, order in zip(self.models, self.order, strict=True):
                logits = model.network.to(x.device)(x)
                found.append(logits[:, order.to(x.device)].softmax(1))
        return torch.stack(found).mean(0)


def teaching_loss(logits: Tensor, answer: Tensor) -> Tensor:
    """Cross-entropy (B,) of the student against its teachers.

    Teachers are asked about clips of wanted classes only: for background classes, which they may
    not know, their answer is taken to be 0.

    Parameters:
        logits: (B, all classes) of the student; the wanted classes come first.
        answer: (B, wanted classes) probabilities of the teachers.
    """
    background = logits.shape[1] - answer.shape[1]
    return F.cross_entropy(logits.float(), F.pad(answer, (0, background)), reduction="none")


def weighted_cross_entropy(logits: Tensor, targets: Tensor, loss: nn.CrossEntropyLoss) -> Tensor:
    """What `loss` takes the mean of: (B,), the class weights scaled to a mean of 1 in the batch."""
    assert loss.weight is not None
    scale = loss.weight[targets].mean()
    each = F.cross_entropy(
        logits, targets, loss.weight, reduction="none", label_smoothing=loss.label_smoothing
    )
    return each / scale
