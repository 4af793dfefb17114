"""How a network is trained: every number once."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from action_recognition.errors import UsageError


@dataclass(frozen=True)
class Augmentation:
    """How much training clips are varied. All frames of a clip are changed alike.

    Parameters:
        speed: a clip is slowed down or sped up by a factor of up to this, at least 1.
        area: smallest share of the picture that a crop keeps, more than 0, at most 1.
        aspect: largest change of a crop's aspect, at least 1.
        flip: mirror half of the clips; wrong where left and right make the class.
        colour: largest relative change of brightness, contrast and saturation, in 0..1.
    """

    speed: float = 1.25
    area: float = 0.4
    aspect: float = 1.25
    flip: bool = True
    colour: float = 0.3

    def __post_init__(self) -> None:
        for name, good, rule in (
            ("speed", 1 <= self.speed < math.inf, "at least 1"),
            ("area", 0 < self.area <= 1, "more than 0 and at most 1"),
            ("aspect", 1 <= self.aspect < math.inf, "at least 1"),
            ("colour", 0 <= self.colour <= 1, "in 0..1"),
        ):
            if not good:
                raise UsageError(f"Augmentation: {name}={getattr(self, name)}, must be {rule}")


@dataclass(frozen=True)
class TrainingSettings:
    """How a network is trained.

    Parameters:
        tuned_layers: this many last layers of the trunk learn, with all that comes after them; 0:
            the trunk and the hidden layer stay as they are, and a regression sets the dense layer.
        epochs: passes over the training videos while layers are tuned.
        views: random clips of each sample for the regression that the dense layer starts from.
        frames: of a random clip.
        others: share of the pictures, background and made videos that an epoch takes, in 0..1; of
            the videos of known classes it takes all.
        batch: clips in a step.
        learning_rate: peak rate of AdamW.
        weight_decay: of AdamW, for matrices and kernels.
        label_smoothing: share of the target that is spread over all classes.
        balance: loss weight of a class is (videos of it) ** -balance: 0 none, 1 full.
        memory: weight of the loss that holds on to what the starting network answered
            (Li, Hoiem, "Learning without Forgetting", ECCV 2016); 0: none.
        ema: decay of the moving average of the weights, lower in the first steps; 0 for none.
        patience: epochs without a better validation loss after which training stops; the weights
            of the best epoch are kept. 0: all epochs are run and those of the last are kept.
        film_epochs: passes over films joined from the training videos, from which LSTM and GRU
            learn; 0: they say nothing.
        refit: once all is chosen, learn again from training and validation videos together; what is
            fitted on validation videos stays as the first network gave it.
        workers: processes that make training clips.
        precision: of Lightning, "bf16-mixed" or "32-true".
        seed: of all random numbers.
    """

    tuned_layers: int = 11
    epochs: int = 10
    views: int = 2
    frames: int = 12
    others: float = 0.5
    batch: int = 16
    learning_rate: float = 1.5e-4
    weight_decay: float = 0.02
    label_smoothing: float = 0.1
    balance: float = 0.5
    memory: float = 0.5
    ema: float = 0.99
    patience: int = 0
    film_epochs: int = 10
    refit: bool = False
    workers: int = 2
    precision: str = "32-true"
    seed: int = 0
    augmentation: Augmentation = field(default_factory=Augmentation)

    def __post_init__(self) -> None:
        for name, good, rule in (
            ("tuned_layers", self.tuned_layers >= 0, "at least 0"),
            ("epochs", self.epochs >= 1, "at least 1"),
            ("views", self.views >= 1, "at least 1"),
            ("frames", self.frames >= 1, "at least 1"),
            ("others", 0 <= self.others <= 1, "in 0..1"),
            ("batch", self.batch >= 1, "at least 1"),
            ("learning_rate", self.learning_rate > 0, "more than 0"),
            ("memory", self.memory >= 0, "at least 0"),
            ("ema", 0 <= self.ema < 1, "in 0..1"),
            ("patience", self.patience >= 0, "at least 0"),
            ("film_epochs", self.film_epochs >= 0, "at least 0"),
            ("workers", self.workers >= 0, "at least 0"),
        ):
            if not good:
                raise UsageError(f"{name} is {getattr(self, name)}, must be {rule}")
