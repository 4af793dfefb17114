"""What a model knows, compared with the actions of the project."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from action_recognition.actions import ACTIONS
from action_recognition.models.hybridnet import Architecture

_NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


@dataclass(frozen=True)
class Knowledge:
    """The classes of a model in three groups.

    `known`: actions of the project's table that the model knows. `stand_ins`: its classes that
    are not in the table. `missing`: actions of the table that it does not know.
    """

    known: tuple[str, ...]
    stand_ins: tuple[str, ...]
    missing: tuple[str, ...]

    @classmethod
    def of(cls, classes: Iterable[str]) -> Knowledge:
        """Sorts class names into the groups; table order for actions, alphabetical for others."""
        classes, actions = set(classes), [a.name for a in ACTIONS]
        return cls(
            known=tuple(a for a in actions if a in classes),
            stand_ins=tuple(sorted(classes - set(actions))),
            missing=tuple(a for a in actions if a not in classes),
        )

    @property
    def total(self) -> int:
        """Number of classes that the model knows."""
        return len(self.known) + len(self.stand_ins)

    def sentence(self) -> str:
        """How many classes the model knows, and of which kind."""
        table = count(len(ACTIONS))
        if not self.stand_ins and not self.missing:
            return f"This model knows the project's {table} actions."
        if not self.stand_ins:
            return f"This model knows {count(len(self.known))} of the project's {table} actions."
        others = (
            f"{count(len(self.stand_ins))} stand-in class{'es'[: 2 * (len(self.stand_ins) > 1)]}"
        )
        return (
            f"This model knows {count(self.total)} classes: {count(len(self.known))} "
            f"of the project's {table} actions, and {others}."
        )


def count(number: int) -> str:
    """A count in words up to ten, in digits from there on."""
    return _NUMBERS[number] if number < len(_NUMBERS) else str(number)


def layers(architecture: Architecture) -> str:
    """The parts of the network in the order in which a clip meets them.

    >>> layers(Architecture(classes=10))
    '3D CNN → LSTM → GRU → dense layer'
    >>> layers(Architecture(classes=10, fisher=64))
    '3D CNN → LSTM → GRU → dense layer + Fisher vectors'
    """
    parts = ["3D CNN" if architecture.conv3d else "2D CNN"]
    parts += ["LSTM"] * (architecture.lstm > 0) + ["GRU"] * (architecture.gru > 0)
    beside = " + Fisher vectors" if architecture.fisher else ""
    return " → ".join([*parts, "dense layer"]) + beside


def measured(metrics: Mapping[str, Any]) -> str:
    """How good a model is on its test videos, as its file says; empty where it does not say.

    >>> measured({"videos": 9, "overall": {"accuracy": {"value": 0.5}, "macro-F1": {"value": 0.4}}})
    'On 9 test videos that it had not seen: accuracy 50 %, macro-F1 0.40.'
    """
    try:
        accuracy, f1 = (float(metrics["overall"][n]["value"]) for n in ("accuracy", "macro-F1"))
        videos = int(metrics["videos"])
    except (KeyError, TypeError, ValueError):
        return ""
    return (
        f"On {videos} test videos that it had not seen: accuracy {accuracy:.0%}, macro-F1 {f1:.2f}."
    ).replace("%", " %")
