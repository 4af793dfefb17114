"""Failures: a user reads one sentence, the log gets the traceback."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from action_recognition.dashboard.formatting import file_name, plain
from action_recognition.errors import ActionRecognitionError, VideoError

UNEXPECTED = (
    "Something went wrong here that should not. The details are in the server's log; "
    "please try again, or try another video."
)

_log = logging.getLogger(__name__)


def show(error: ActionRecognitionError, *, name: str | None = None) -> None:
    """Shows an error as a box; `name` is the upload's, where the error is about a video."""
    if isinstance(error, VideoError):
        st.error(f"{file_name(name or error.name)}: {plain(error.reason)}")
    else:
        st.error(plain(str(error)))


@contextmanager
def shown() -> Iterator[None]:
    """Whatever is raised inside becomes an error box. Streamlit's own signals pass through."""
    try:
        yield
    except ActionRecognitionError as error:
        show(error)
    except Exception:  # the last resort: no traceback may reach a user
        _log.exception("unexpected failure in the dashboard")
        st.error(UNEXPECTED)
