"""The settings of training: every number in one place."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from action_recognition.errors import UsageError


@dataclass(frozen=True)
class Augmentation:
    """How much training clips are varied. All frames of a clip are changed in the same way.

    Parameters:
        speed: largest factor by which a clip is slowed down or sped up, at least 1.
        area: smallest share of the frame that a crop keeps, above 0 and at most 1.
        aspect: largest factor by which a crop's aspect ratio changes, at least 1.
        flip: mirror half of the clips; turn off if the classes depend on left and right.
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
        lstm, gru: units of each; 0 leaves it out.
        tuned_layers: number of last trunk layers to train, with everything after them. 0: the trunk
            and the hidden layer stay unchanged, and a regression sets the dense layer.
        epochs: passes over the training videos while trunk layers are tuned.
        views: random clips of each sample for the regression that initialises the dense layer.
        frames: number of frames in a random clip.
        others: share of the pictures, background videos and made videos used in each epoch, in
            0..1; the videos of known classes are all used.
        batch: clips per training step.
        learning_rate: peak learning rate of AdamW.
        weight_decay: weight decay of AdamW, for matrices and kernels.
        label_smoothing: share of the target that is spread over all classes.
        balance: the loss weight of a class is (number of its videos) ** -balance: 0 leaves classes
            unweighted, 1 balances them fully.
        memory: weight of the loss that preserves the answers of the starting network
            (Li, Hoiem, "Learning without Forgetting", ECCV 2016); 0 disables it.
        ema: decay of the moving average of the weights, lower in the first steps; 0 disables it.
        patience: epochs without a better validation loss after which training stops and the weights
            of the best epoch are kept. 0: all epochs are run and the last weights are kept.
        film_epochs: passes over films joined from the training videos, which train the LSTM and
            GRU; 0 leaves them without influence on the answer.
        refit: once everything is chosen, train again on training and validation videos together;
            whatever was fitted on validation videos is kept from the first network.
        workers: processes that prepare training clips.
        precision: Lightning's precision, "bf16-mixed" or "32-true".
        seed: seed of all random numbers.
    """

    lstm: int = 96
    gru: int = 64
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
            ("lstm", self.lstm >= 0, "at least 0"),
            ("gru", self.gru >= 0, "at least 0"),
            ("tuned_layers", self.tuned_layers >= 0, "at least 0"),
            ("epochs", self.epochs >= 1, "at least 1"),
            ("views", self.views >= 1, "at least 1"),
            ("frames", self.frames >= 1, "at least 1"),
            ("others", 0 <= self.others <= 1, "in 0..1"),
            ("batch", self.batch >= 1, "at least 1"),
            ("learning_rate", 0 < self.learning_rate < math.inf, "more than 0"),
            ("memory", 0 <= self.memory < math.inf, "at least 0"),
            ("ema", 0 <= self.ema < 1, "in 0..1"),
            ("patience", self.patience >= 0, "at least 0"),
            ("film_epochs", self.film_epochs >= 0, "at least 0"),
            ("workers", self.workers >= 0, "at least 0"),
        ):
            if not good:
                raise UsageError(f"{name} is {getattr(self, name)}, must be {rule}")
