"""The errors that callers can meet. Each message is one sentence that can be shown to users."""

from __future__ import annotations


class ActionRecognitionError(Exception):
    """Base class of every error that this package raises on purpose."""


class VideoError(ActionRecognitionError):
    """A video cannot be read. `name` is the file name, `reason` says why."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"{name}: {reason}")
        self.name = name
        self.reason = reason

    def __reduce__(self) -> tuple[type, tuple[str, str]]:
        # Exceptions pickle as type(*args); worker processes send this one back to their parent.
        return (VideoError, (self.name, self.reason))


class ModelFileError(ActionRecognitionError):
    """A model file is missing, damaged, not a model file at all, or unsuitable for its use."""


class DataError(ActionRecognitionError):
    """A manifest, a folder of clips, or a split cannot be used as it is."""


class UsageError(ActionRecognitionError, ValueError):
    """An argument or option has an invalid value."""


class TrainingError(ActionRecognitionError):
    """A training cannot go on: it has diverged, or memory or disk space has run out."""
