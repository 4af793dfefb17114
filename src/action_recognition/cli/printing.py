"""Printing that never fails: what the encoding of a terminal or file lacks is escaped."""

from __future__ import annotations

import io
import sys


def escape_what_cannot_be_shown() -> None:
    """Lets stdout and stderr write "\\u8dd1" for a character that their encoding does not have."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def json_line(value: object) -> str:
    """One line of JSON for stdout.

    JSON has escapes of its own: those of `escape_what_cannot_be_shown` would not all be valid.
    """
    from action_recognition.recognition.formats import dump_json

    return dump_json(value, encoding=getattr(sys.stdout, "encoding", None) or "utf-8")
