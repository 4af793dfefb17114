"""What visitors' files may cost, and where they are decoded: in processes of their own on Linux."""

from __future__ import annotations

import io
import threading
from dataclasses import replace

from action_recognition.dashboard.settings import Settings
from action_recognition.recognition.recognizer import Recognizer
from action_recognition.video.isolated import can_isolate, isolated_preview
from action_recognition.video.limits import Limits
from action_recognition.video.preview import Preview, browser_preview

# One prediction or preview; the whole of a long video may take what the operator allows.
_QUICK_CPU_S, _QUICK_WALL_S = 60.0, 120.0
_MAKING_CPU_S, _MAKING_WALL_S = 300.0, 600.0  # a cut-out, an annotated film

# Each takes a core, and may take as much memory as one video may.
_PREVIEWS = threading.BoundedSemaphore(2)


def load_recognizer(path: str) -> Recognizer:
    """The model of a file, for visitors' videos.

    Raises:
        ModelFileError: the file is not a model file.
    """
    return Recognizer.load(path, limits=Settings.read().limits, untrusted=can_isolate())


def for_one_answer(recognizer: Recognizer) -> Recognizer:
    """The same model, within what one answer may cost: others are waiting."""
    return recognizer.within(_quick(recognizer.limits))


def for_one_clip() -> Limits:
    """What a clip of a visitor's own classes may cost."""
    return _quick(Settings.read().limits)


def for_making(recognizer: Recognizer) -> Recognizer:
    """The same model, within what one file that a visitor takes away may cost."""
    limits = recognizer.limits
    return recognizer.within(
        replace(
            limits,
            cpu_s=min(limits.cpu_s, _MAKING_CPU_S),
            wall_s=min(limits.wall_s, _MAKING_WALL_S),
        )
    )


def preview(data: bytes, *, name: str, start_s: float = 0.0) -> Preview:
    """What the browser plays of a visitor's file; a few are made at once, the others wait.

    Raises:
        VideoError: the file cannot be read.
    """
    make = isolated_preview if can_isolate() else browser_preview
    limits = _quick(Settings.read().limits)
    with _PREVIEWS:
        return make(io.BytesIO(data), name=name, start_s=start_s, limits=limits)


def _quick(limits: Limits) -> Limits:
    return replace(
        limits, cpu_s=min(limits.cpu_s, _QUICK_CPU_S), wall_s=min(limits.wall_s, _QUICK_WALL_S)
    )
