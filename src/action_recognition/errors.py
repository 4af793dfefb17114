"""The errors that callers can meet. Each message is one sentence that can be shown to users."""

from __future__ import annotations

from unicodedata import category


def one_line(text: str) -> str:
    r"""The text with control characters escaped: names of files can hold any.

    They would begin a new line, move the cursor, or turn the direction of writing.

    >>> print(one_line("a\nb\x1b[31m"))
    a\nb\u001b[31m
    """
    return text if text.isprintable() else "".join(map(_shown, text))


def _shown(character: str) -> str:
    # Cc, Cf, Zl, Zp of Unicode: control and formatting characters, separators of lines. Lone
    # surrogates (Cs), bytes that are no text, are left to what writes them.
    if category(character) not in ("Cc", "Cf", "Zl", "Zp"):
        return character
    return {"\n": "\\n", "\t": " ", "\r": "\\r"}.get(character, f"\\u{ord(character):04x}")


class ActionRecognitionError(Exception):
    """Base class of every error that this package raises on purpose.

    Its message is one line, whatever names it holds.
    """

    def __str__(self) -> str:
        return one_line(super().__str__())


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
