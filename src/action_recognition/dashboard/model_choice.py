"""The model that answers: the operator's, or the one that a visitor chose among the operator's."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from action_recognition.dashboard import error_boxes
from action_recognition.dashboard.settings import Settings
from action_recognition.dashboard.strangers import load_recognizer
from action_recognition.errors import ModelFileError
from action_recognition.models.model_file import KINETICS, SHIPPED, find_model
from action_recognition.recognition.recognizer import Recognizer

_CHOICE = "action_recognition_model"
_MAX_LOADED = 4  # some 15 MB each

ModelKey = tuple[str, int, int]  # path, time of change in ns, bytes: another file, another key


def loaded() -> tuple[ModelKey, Recognizer]:
    """The model; where there is none, the page says why and ends."""
    try:
        return load()
    except ModelFileError as error:
        error_boxes.show(error)
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
    """What a visitor can choose: the operator's models, those of the package, their own.

    Links that lead out of the folder are left out, and so is a file that is named twice.
    """
    settings = Settings.read()
    found = [settings.model, *(p for p in map(find_model, (SHIPPED, KINETICS)) if p.is_file())]
    if settings.models is not None:
        found += _models_in(settings.models)
    found.append(current())  # made in this visit, of corrections
    different: dict[Path, Path] = {}
    for path in found:
        different.setdefault(path.resolve(), path)
    return list(different.values())


def label(path: Path) -> str:
    """A model file's name as a choice; for those of the package, with what it is for."""
    about = {
        find_model(SHIPPED): "the project's actions",
        find_model(KINETICS): "600 everyday actions",
    }
    return f"{path.name} ({about[path]})" if path in about else path.name


def everyday() -> tuple[ModelKey, Recognizer]:
    """The model of 600 everyday actions. Raises ModelFileError where its file cannot be used."""
    key = _key(find_model(KINETICS))
    return key, _load(key)


def _models_in(folder: Path) -> list[Path]:
    try:
        files = sorted(p for p in folder.iterdir() if p.suffix == ".h5" and p.is_file())
        return [p for p in files if p.resolve().is_relative_to(folder.resolve())]
    except OSError:
        return []


def _key(path: Path) -> ModelKey:
    try:
        facts = path.stat()
    except (OSError, ValueError):
        raise ModelFileError(f"{path.name}: there is no such model file") from None
    return str(path), facts.st_mtime_ns, facts.st_size


@st.cache_resource(show_spinner="Loading the model …", max_entries=_MAX_LOADED)
def _load(key: ModelKey) -> Recognizer:
    return load_recognizer(key[0])
