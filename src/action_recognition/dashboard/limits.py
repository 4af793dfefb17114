"""What a model cannot do, in words, read off its file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from action_recognition.dashboard.knowledge import Knowledge, count
from action_recognition.models.model_file import Model

_WEAK = 0.65  # F1 below which a class is named as weak
_FEW = 30  # test videos below which a class is hardly measured


def limits(model: Model) -> list[str]:
    """Sentences for people, the most important first."""
    knowledge, frames = Knowledge.of(model.classes), model.preprocessing
    said = [
        f"It knows {count(knowledge.total)} classes and nothing else. Each answer is one of them"
        + (", or none of these." if model.novelty is not None else ", whatever a video shows.")
    ]
    if knowledge.missing:
        said.append(
            f"Of the project's ten actions it does not know: {', '.join(knowledge.missing)}."
        )
    said += _measured(model.metrics)
    said.append(
        f"It looks at up to {model.clips} clips of {frames.frames} frames, {frames.span_s:.1f} s "
        f"each, in pictures of {frames.size} pixels. What is shorter than {frames.interval_s:g} s, "
        "small in the picture or between the clips it can miss; the timeline has no gaps."
    )
    said.append("One answer stands for the whole video: for several actions, see its timeline.")
    said.append(_learned(model.training))
    return [sentence for sentence in said if sentence]


def _measured(metrics: Mapping[str, Any]) -> list[str]:
    rows = [r for r in metrics.get("per_class") or [] if isinstance(r, Mapping)]
    said = []
    weak = [f"{r['class']} ({r['f1']:.2f})" for r in rows if r["f1"] < _WEAK]
    if weak:
        said.append(f"It is weak, with an F1 below {_WEAK:g}, on: {', '.join(weak)}.")
    if rows and max(r["videos"] for r in rows) < _FEW:
        said.append(
            f"No class was measured on {_FEW} videos or more: the figures of single classes are "
            "rough."
        )
    rejection = metrics.get("rejection") or {}
    if rejection.get("refused") is not None:
        said.append(
            f"Of videos that show none of its classes it lets {1 - rejection['refused']:.0%} "
            "pass as one of them."
        )
    elif rows:
        said.append(
            "How many videos of other actions it takes for one of its classes is not in its record."
        )
    return said


def _learned(training: Mapping[str, Any]) -> str:
    clips = training.get("clips")
    sides = clips.get("train") if isinstance(clips, Mapping) else None
    if not isinstance(sides, Mapping) or not sides:
        return ""
    background = set(training.get("background") or ())
    learned = [n for name, n in sides.items() if name not in background]
    return (
        f"It has learned from {sum(learned)} clips, {min(learned)} to {max(learned)} of a class: "
        "other cameras, places and people can look foreign to it."
    )
