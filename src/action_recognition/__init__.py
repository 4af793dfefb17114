"""Recognises which human action a video shows."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from action_recognition.actions import ACTIONS, Action
from action_recognition.errors import ActionRecognitionError, ModelFileError, VideoError

if TYPE_CHECKING:
    from action_recognition.recognition.recognizer import Recognizer
    from action_recognition.recognition.results import Prediction
    from action_recognition.recognition.segmentation import Segment

__version__ = "0.1.0"  # the only place; pyproject.toml reads it from here

__all__ = [
    "ACTIONS",
    "Action",
    "ActionRecognitionError",
    "ModelFileError",
    "Prediction",
    "Recognizer",
    "Segment",
    "VideoError",
]

# Imported when they are asked for: PyTorch takes a second, which the dashboard's first page and
# `--help` need not wait for.
_LATER = {
    "Prediction": "recognition.results",
    "Recognizer": "recognition.recognizer",
    "Segment": "recognition.segmentation",
}


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_LATER[name]}"), name)
