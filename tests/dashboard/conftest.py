"""The page Recognize with a tiny model."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("streamlit")

from streamlit.testing.v1 import AppTest
from visit import CLASSES, open_page

from action_recognition.dashboard.settings import MODEL_VARIABLE
from action_recognition.models.model_file import Model, save_model


@pytest.fixture
def page(tiny_model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    """Just opened, with a model of `CLASSES` that is never unsure."""
    path = tmp_path / "tiny.h5"
    save_model(replace(tiny_model, classes=CLASSES, temperature=0.3), path)
    monkeypatch.setenv(MODEL_VARIABLE, str(path))
    return open_page()
