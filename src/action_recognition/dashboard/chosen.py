"""The model that answers: the operator's, or the one that a visitor chose among the operator's."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from action_recognition.dashboard import failures
from action_recognition.dashboard.settings import Settings
from action_recognition.errors import ModelFileError
from action_recognition.recognition.recognizer import Recognizer

_CHOICE = "action_recognition_model"
_MAX_LOADED = 3  # some 30 MB each

ModelKey = tuple[str, int, int]  # path, time of change in ns, bytes: another file, another key


def loaded() -> tuple[ModelKey, Recognizer]:
    """The model; where there is none, the page says why and ends."""
    try:
        return load()
    except ModelFileError as error:
        failures.show(error)
        st.stop()


def load() -> tuple[ModelKey, Recognizer]:
    """The model that this visitor uses. Raises ModelFileError where there is none."""
    key = _key(current())
    return key, _load(key)


def current() -> Path:
    """The path of the model that this visitor uses."""
    chosen: Path | None = st.session_state.get(_CHOICE)
    return Settings.read().model if chosen is None else chosen


def choose(path: Path) -> None:
    """Makes this visitor use another model, on all pages."""
    st.session_state[_CHOICE] = path


def check(path: Path) -> None:
    """Raises ModelFileError where a file is no model that can be used."""
    _load(_key(path))


def choices() -> list[Path]:
    """The operator's model, and the model files of the folder, by name; links out of it are not."""
    settings = Settings.read()
    found = [settings.model]
    try:
        folder = settings.models.resolve()
        files = sorted(p for p in settings.models.iterdir() if p.suffix == ".h5" and p.is_file())
        inside = [p for p in files if p.resolve().is_relative_to(folder)]
    except OSError:
        inside = []
    known = settings.model.resolve()
    return found + [p for p in inside if p.resolve() != known]


def _key(path: Path) -> ModelKey:
    try:
        facts = path.stat()
    except (OSError, ValueError):
        raise ModelFileError(f"{path.name}: there is no such model file") from None
    return str(path), facts.st_mtime_ns, facts.st_size


@st.cache_resource(show_spinner="Loading the model …", max_entries=_MAX_LOADED)
def _load(key: ModelKey) -> Recognizer:
    return Recognizer.load(key[0])
