"""Trainings of a few seconds, on a small part of the generated data."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from action_recognition.datasets.manifest import Clip, Manifest
from action_recognition.models.open_set import OpenSetRule
from action_recognition.training.settings import Augmentation, TrainingSettings
from action_recognition.training.train import Run

SETTINGS = TrainingSettings(
    lstm=8,
    gru=8,
    tuned_layers=1,
    epochs=2,
    views=2,
    frames=6,
    batch=4,
    learning_rate=3e-3,
    film_epochs=1,
    workers=0,
    augmentation=Augmentation(flip=False, area=0.8, speed=1.1),
)


def run_of(init: str, folder: Path, *, resume: bool = False, **changes: Any) -> Run:
    return Run(replace(SETTINGS, **changes), folder, init=init, resume=resume, device="cpu")


def few(manifest: Manifest, **counts: int) -> Manifest:
    """A small part of the data, for tests in which nothing needs to be learned."""
    taken: list[Clip] = []
    for split, count in ({"train": 3, "val": 2, "test": 2} | counts).items():
        for label in manifest.labels:
            taken += [c for c in manifest.split(split) if c.label == label][:count]
    return Manifest(tuple(taken))


def numbers(rule: OpenSetRule | None) -> list[float]:
    """All numbers of a rule for "none of these"."""
    assert rule is not None
    values = rule.to_dict()
    return [*values.pop("usual"), *values.values()]
