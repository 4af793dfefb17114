"""Printing whatever names hold, and to whatever stdout is."""

from __future__ import annotations

import io
import os
import sys


def prepare_streams() -> None:
    """Lets stdout and stderr write "\\u8dd1" for a character that their encoding does not have.

    Where one of them is closed, its place is taken: else, the next file that is opened would get
    what is printed. What is written to a closed stdout is an error, as it is with other programs.
    """
    if sys.stdout is None:
        sys.stdout = os.fdopen(os.open(os.devnull, os.O_RDONLY), "w")
    if sys.stderr is None:
        sys.stderr = os.fdopen(os.open(os.devnull, os.O_WRONLY), "w")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def json_line(value: object) -> str:
    """One line of JSON for stdout.

    JSON has escapes of its own: those of `prepare_streams` would not all be valid.
    """
    from action_recognition.recognition.formats import dump_json

    return dump_json(value, encoding=getattr(sys.stdout, "encoding", None) or "utf-8")
