"""From what somebody types to the names of actions that a model knows."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence

from action_recognition.actions import label_for_folder
from action_recognition.errors import UsageError
from action_recognition.recognition.segmentation import Segment

_NEAR = 5  # names that are offered instead


def choose_actions(
    wanted: Sequence[str], classes: Sequence[str], others: Mapping[str, Sequence[str]] | None = None
) -> tuple[str, ...]:
    """The classes that are meant, whatever their case; "falling_on_floor" names one, too.

    Parameters:
        classes: names that the model knows.
        others: names that other models know, by what those are called.

    Raises:
        UsageError: one is not known; the sentence offers names that are near.

    >>> choose_actions(["falling on floor", "hit"], ["Falling on Floor", "Hitting"])
    ('Falling on Floor', 'Hitting')
    """
    known = {_plain(name): name for name in classes}
    chosen: dict[str, None] = {}
    for name in wanted:
        found = known.get(_plain(name)) or known.get(_plain(label_for_folder(name.strip())))
        if found is None:
            raise UsageError(_unknown(name, known, others or {}))
        chosen[found] = None
    return tuple(chosen)


def is_wanted(segment: Segment, actions: Sequence[str], min_probability: float) -> bool:
    """Whether a segment shows one of some actions (none given: any), as probably as that."""
    return (
        segment.action is not None
        and (not actions or segment.action in actions)
        and segment.probability >= min_probability
    )


def near(name: str, known: Mapping[str, str]) -> list[str]:
    """Names that are like it, the nearest first: those that hold it, then those spelt like it.

    Parameters:
        known: names by themselves in small letters.
    """
    plain = _plain(name)
    holding = [key for key in known if plain and plain in key]
    spelt = difflib.get_close_matches(plain, known, _NEAR, cutoff=0.6)
    return [known[key] for key in dict.fromkeys(holding + spelt)][:_NEAR]


def _unknown(name: str, known: Mapping[str, str], others: Mapping[str, Sequence[str]]) -> str:
    for model, names in others.items():
        of_other = {_plain(n): n for n in names}
        if _plain(name) in of_other:
            there = of_other[_plain(name)]
            return f"--action {name!r}: not of this model; --model {model} knows {there!r}"
    told = near(name, known)
    if not told and len(known) <= 2 * _NEAR:
        return f"--action {name!r}: the model knows only {', '.join(known.values())}"
    ending = f"; near to it: {', '.join(told)}" if told else ""
    return f"--action {name!r}: the model knows no such action{ending}"


def _plain(name: str) -> str:
    return " ".join(name.replace("_", " ").replace("-", " ").casefold().split())
