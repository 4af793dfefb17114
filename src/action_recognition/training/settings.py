"""How a network is trained: the settings, with their bounds."""

from __future__ import annotations

from dataclasses import dataclass, field

from action_recognition.errors import UsageError
from action_recognition.training.augmentation import Augmentation


@dataclass(frozen=True)
class TrainingSettings:
    """How a network is trained.

    Parameters:
        epochs: passes over the train side, at most.
        batch: clips in a step.
        learning_rate: peak rate of AdamW for new layers (over time, recurrent, dense).
        trunk_rate: factor on it for the layers that come from `init`.
        weight_decay: of AdamW, for matrices and kernels.
        label_smoothing: share of the target that is spread over all classes.
        mixup: two clips are blended in a proportion drawn from Beta(mixup, mixup); 0: never.
        cutmix: in this share of the batches, a box of one is pasted over the other instead.
        balance: loss weight of a class is (clips of it) ** -balance: 0 none, 1 full.
        teaching: share in 0..1 of the loss that teachers have, where there are any.
        ema: decay of the moving average of the weights, lower in the first steps; 0 for none.
        frozen_blocks: this many first blocks, and the stem, stay as `init` gives them.
        versions: random clips of each video that are drawn once, and taken in turn by chance; what
            the frozen blocks make of them is computed once. 0: each epoch draws new ones.
        patience: epochs without a better validation loss after which training stops; the weights
            of the best epoch are kept. 0: all epochs are run and those of the last are kept.
        workers: processes that make training clips.
        precision: of Lightning, "bf16-mixed" or "32-true".
        seed: of all random numbers.
    """

    epochs: int = 30
    batch: int = 16
    learning_rate: float = 1e-3
    trunk_rate: float = 0.15
    weight_decay: float = 0.02
    label_smoothing: float = 0.1
    mixup: float = 0.0
    cutmix: float = 0.0
    balance: float = 0.5
    teaching: float = 0.5
    ema: float = 0.99
    frozen_blocks: int = 0
    versions: int = 0
    patience: int = 10
    workers: int = 2
    precision: str = "bf16-mixed"
    seed: int = 0
    augmentation: Augmentation = field(default_factory=Augmentation)

    def __post_init__(self) -> None:
        for name, good, rule in (
            ("epochs", self.epochs >= 1, "at least 1"),
            ("batch", self.batch >= 1, "at least 1"),
            ("learning_rate", self.learning_rate > 0, "more than 0"),
            ("versions", self.versions >= 0, "at least 0"),
            ("mixup", self.mixup >= 0, "at least 0"),
            ("cutmix", 0 <= self.cutmix <= 1, "in 0..1"),
            ("teaching", 0 <= self.teaching <= 1, "in 0..1"),
            ("ema", 0 <= self.ema < 1, "in 0..1"),
            ("patience", self.patience >= 0, "at least 0"),
            ("workers", self.workers >= 0, "at least 0"),
        ):
            if not good:
                raise UsageError(f"{name} is {getattr(self, name)}, must be {rule}")
