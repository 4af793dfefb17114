"""What a model cannot do, in words, read off its file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from action_recognition.clips import STRETCHES, WHOLE_FRAMES
from action_recognition.dashboard.model_summary import (
    ModelSummary,
    actions,
    count,
    measurements,
    rows_per_class,
)
from action_recognition.models.model_file import Model

_WEAK = 0.65  # F1 below which a class is named as weak
_FEW = 30  # test videos below which a class is hardly measured


def limits(model: Model) -> list[str]:
    """Sentences for people, the most important first."""
    summary = ModelSummary.of(model.classes)
    said = [
        f"It knows {actions(summary.total)} and nothing else. Each answer is one of them"
        + (", or none of them." if model.open_set is not None else ", whatever a video shows.")
    ]
    if summary.known and summary.missing:
        said.append(f"Of the project's ten actions it does not know: {', '.join(summary.missing)}.")
    for name, metrics in measurements(model):
        said += _weak(metrics, name)
    said += _unknown(model.metrics)
    said.append(_seen(model))
    said.append("One answer covers the whole video; for several actions, see its timeline.")
    said.append(_learned(model))
    return [sentence for sentence in said if sentence]


def _weak(metrics: Mapping[str, Any], name: str) -> list[str]:
    rows, said = rows_per_class(metrics), []
    origin = f" from {name}" if name else ""
    weak = [f"{r['class']} ({r['f1']:.2f})" for r in rows if r["f1"] < _WEAK]
    if weak:
        said.append(f"On test videos{origin} its F1 is below {_WEAK:g} for: {', '.join(weak)}.")
    if rows and max(r["videos"] for r in rows) < _FEW:
        said.append(
            f"No class was measured on {_FEW} or more videos{origin}: the figures of single "
            "classes are only rough."
        )
    return said


def _unknown(metrics: Mapping[str, Any]) -> list[str]:
    refused = (metrics.get("open_set") or {}).get("refused")
    if refused is not None:
        passed = f"{100 * (1 - refused):.0f} %"
        return [f"It takes {passed} of the videos that show none of its actions for one of them."]
    if rows_per_class(metrics):
        return ["Its record does not say how many videos of other actions it mistakes for its own."]
    return []


def _seen(model: Model) -> str:
    p, window = model.preprocessing, model.architecture.window
    whole_s, stretch_s = WHOLE_FRAMES * p.interval_s, min(window, WHOLE_FRAMES) * p.interval_s
    return (
        f"It looks at a frame every {p.interval_s:g} s, scaled to {p.size} pixels: at all of them "
        f"in a video of up to {whole_s:g} s, and in a longer one at {count(STRETCHES)} stretches "
        f"of {stretch_s:.1f} s. It can miss what is briefer, small in the frame, or "
        "between the stretches; the timeline has no gaps."
    )


def _learned(model: Model) -> str:
    clips = model.training.get("clips")
    train = clips.get("train") if isinstance(clips, Mapping) else None
    if not isinstance(train, Mapping):
        return ""
    learned = [n for name, n in train.items() if name in model.classes]
    if not learned:
        return ""
    return (
        f"It was trained on {sum(learned)} clips of its actions, {min(learned)} to {max(learned)} "
        "of each: with other cameras, places and people it makes more mistakes."
    )
