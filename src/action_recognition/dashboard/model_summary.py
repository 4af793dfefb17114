"""What a model knows, compared with the project's actions, and what it was trained and measured on.

Any part of the record in a model file can be missing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from action_recognition.actions import ACTIONS
from action_recognition.models.architecture import Architecture
from action_recognition.models.model_file import Model

_NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_OWN = "own"  # the name of clips that are not of a public data set
_SOURCES = {_OWN: "other sources", "stills": "still pictures"}


@dataclass(frozen=True)
class ModelSummary:
    """The classes of a model in three groups.

    `known`: actions of the project's table that the model knows. `others`: its classes that are
    not in the table. `missing`: actions of the table that it does not know.
    """

    known: tuple[str, ...]
    others: tuple[str, ...]
    missing: tuple[str, ...]

    @classmethod
    def of(cls, classes: Iterable[str]) -> ModelSummary:
        """Sorts class names into the groups; table order for actions, alphabetical for others."""
        classes, actions = set(classes), [a.name for a in ACTIONS]
        return cls(
            known=tuple(a for a in actions if a in classes),
            others=tuple(sorted(classes - set(actions))),
            missing=tuple(a for a in actions if a not in classes),
        )

    @property
    def total(self) -> int:
        """Number of classes that the model knows."""
        return len(self.known) + len(self.others)

    def sentence(self) -> str:
        """How many actions the model knows, and how many of them are the project's."""
        project = f"the project's {count(len(ACTIONS))}"
        known = f"{count(len(self.known))} of {project}" if self.missing else project
        if not self.others:
            return f"This model knows {known} actions."
        whole = f"This model knows {actions(self.total)}"
        if not self.known:
            return f"{whole}."
        return f"{whole}: {known}, and {count(len(self.others))} more."


def count(number: int) -> str:
    """A count in words up to ten, in digits from there on."""
    return _NUMBERS[number] if number < len(_NUMBERS) else str(number)


def actions(number: int) -> str:
    """So many actions, in words.

    >>> actions(1), actions(600)
    ('one action', '600 actions')
    """
    return f"{count(number)} action{'s'[: number != 1]}"


def layers(architecture: Architecture) -> str:
    """The parts of the network in the order in which frames meet them.

    >>> layers(Architecture(classes=10, lstm=96, gru=64)), layers(Architecture(classes=10))
    ('3D CNN → LSTM → GRU → dense layer', '3D CNN → dense layer')
    """
    parts = ["LSTM"] * (architecture.lstm > 0) + ["GRU"] * (architecture.gru > 0)
    return " → ".join(["3D CNN", *parts, "dense layer"])


def measurements(model: Model) -> list[tuple[str, Mapping[str, Any]]]:
    """What the model was measured on, each with its figures, which are never taken together.

    The names are those of the data sets, as in "UCF101 and HMDB51", or "other sources"; empty for
    a model that was measured on clips of no public data set alone.
    """
    metrics = model.metrics
    found = [(_datasets(metrics), metrics)]
    other = metrics.get("other_sources")
    if isinstance(other, Mapping):
        found.append((source_name(_OWN), other))
    return [(name, figures) for name, figures in found if measured(figures)]


def measured(metrics: Mapping[str, Any], name: str = "") -> str:
    """How good a model is on test videos, as its file says; empty where it does not say.

    Parameters:
        name: of what it was measured on, see `measurements`.

    >>> figures = {"accuracy": {"value": 0.5}, "macro-F1": {"value": 0.4}}
    >>> measured({"videos": 9, "overall": figures}, "UCF101")
    'On 9 test videos from UCF101 that it had not seen: accuracy 50 %, macro-F1 0.40.'
    """
    try:
        accuracy, f1 = (float(metrics["overall"][n]["value"]) for n in ("accuracy", "macro-F1"))
        videos = int(metrics["videos"])
    except (KeyError, TypeError, ValueError):
        return ""
    origin = f" from {name}" if name else ""
    return (
        f"On {videos} test videos{origin} that it had not seen: "
        f"accuracy {100 * accuracy:.0f} %, macro-F1 {f1:.2f}."
    )


def trained_on(model: Model, action: str) -> str:
    """What a class was learned from, as in "85 clips: UCF101, still pictures"; empty: not said."""
    clips = _mapping(_mapping(model.training.get("clips")).get("train")).get(action)
    sources = _mapping(model.training.get("sources")).get(action) or ()
    names = ", ".join(map(source_name, sources))
    return ": ".join(part for part in (f"{clips} clips" if clips else "", names) if part)


def measured_on(model: Model, action: str) -> str:
    """What a class was measured on, as in "38 videos from UCF101, 12 from other sources"."""
    found: list[str] = []
    for name, figures in measurements(model):
        for row in rows_per_class(figures):
            if row.get("class") == action:
                videos = f"{row.get('videos')}{'' if found else ' videos'}"
                source = source_name(row.get("dataset"))
                found.append(f"{videos} from {source}" if name else videos)
    return ", ".join(found)


def class_table(model: Model, names: Sequence[str]) -> pd.DataFrame:
    """A row for each class, with what it was trained and measured on where the file says that."""
    rows = [(name, trained_on(model, name), measured_on(model, name)) for name in names]
    table = pd.DataFrame(rows, columns=["Action", "Trained on", "Measured on"])
    return table.loc[:, table.ne("").any()]


def rows_per_class(metrics: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The figures of each class that has test videos."""
    return [row for row in metrics.get("per_class") or [] if isinstance(row, Mapping)]


def source_name(source: Any) -> str:
    """Where clips come from, for people."""
    return _SOURCES.get(source, str(source))


def _datasets(metrics: Mapping[str, Any]) -> str:
    found = dict.fromkeys(str(row.get("dataset") or _OWN) for row in rows_per_class(metrics))
    names = sorted(found, key=lambda name: name == _OWN)  # in the order of the rows
    return "" if names == [_OWN] else listed(list(map(source_name, names)))


def listed(names: Sequence[str]) -> str:
    """Names in a sentence.

    >>> listed(["UCF101", "HMDB51"]), listed(["a", "b", "c"])
    ('UCF101 and HMDB51', 'a, b and c')
    """
    return " and ".join([*([", ".join(names[:-1])] if names[1:] else []), *names[-1:]])


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
