"""What every exported file says of itself: names, times, thresholds, origin."""

from __future__ import annotations

from typing import Any

from action_recognition.models.model_file import Model

KEY = "action_recognition"  # under which each format keeps it, as JSON
CLIP, STREAM = "clip", "stream"
LICENCE = (
    "MIT; the network's weights derive from MoViNet-A0 (Apache-2.0) and from clips whose licences "
    "the project's NOTICE lists"
)


def metadata(model: Model, form: str) -> dict[str, Any]:
    """Plain values, ready for JSON.

    Parameters:
        form: "clip" or "stream".

    Returns:
        `classes`: names in the order of `probabilities`; `background`: of the logits after them;
        `interval_s`: seconds from one frame to the next; `size`, `max_aspect`: what the graph makes
        of a frame, see `Preprocessing`; `window`: frames that an answer covers; `temperature` and
        `open_set`: what the graph applies, see `Model`; `licence`; `training`: its data and date.
    """
    settings = model.preprocessing
    moment = form == STREAM
    temperature = (moment and model.window_temperature) or model.temperature
    rule = (moment and model.window_open_set) or model.open_set
    return {
        "form": form,
        "classes": list(model.classes),
        "background": list(model.background),
        "interval_s": settings.interval_s,
        "size": settings.size,
        "max_aspect": settings.max_aspect,
        "window": model.architecture.window,
        "temperature": temperature,
        "open_set": rule.to_dict() if rule else None,
        "licence": LICENCE,
        "training": {key: model.training[key] for key in _TOLD if key in model.training},
    }


_TOLD = ("data", "date", "note")
