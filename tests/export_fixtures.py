"""A tiny model in every exported form, made once: exporting takes its time."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import onnx
import pytest

from action_recognition.clips import Preprocessing
from action_recognition.exports.compare import Compared, compare
from action_recognition.exports.export import FORMS, SUFFIXES
from action_recognition.exports.onnx_form import onnx_model
from action_recognition.models.model_file import Model
from action_recognition.recognition.recognizer import Recognizer
from export_maker import RULE, moving
from tiny_network import build_tiny_model


@pytest.fixture(scope="session")
def export_source() -> Model:
    """Two classes, one of the background, and everything that can shape an answer."""
    tiny = build_tiny_model(Preprocessing(interval_s=0.1, size=36), pretrained=5)
    return replace(
        tiny, classes=tiny.classes[:2], background=tiny.classes[2:], temperature=0.7,
        open_set=RULE, window_temperature=1.3, window_open_set=replace(RULE, threshold=-0.5),
        training={"data": "abc", "date": "2026-11-28", "settings": {}},
    )  # fmt: skip


@pytest.fixture(scope="session")
def export_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where `compared` leaves the files."""
    return tmp_path_factory.mktemp("exports")


@pytest.fixture(scope="session")
def floats(export_source: Model) -> dict[str, onnx.ModelProto]:
    """Its ONNX models by their form, of which the files of ONNX, OpenVINO and int8 are made."""
    return {form: onnx_model(export_source, form) for form in FORMS}


@pytest.fixture(scope="session")
def compared(
    export_source: Model, floats: dict[str, onnx.ModelProto], export_folder: Path
) -> list[Compared]:
    """What `compare` finds of all forms, for batches, lengths and pieces."""
    clips = [moving(1, 12, 36, 36)[0], moving(2, 7, 36, 36)[1]]
    recognizer = Recognizer(export_source, device="cpu")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("action_recognition.exports.onnx_form.onnx_model", lambda _, f: floats[f])
        return list(compare(recognizer, clips, export_folder, batches=(1, 3), lengths=(1, 7, 20)))


@pytest.fixture(scope="session")
def clip_files(compared: list[Compared], export_folder: Path) -> dict[str, Path]:
    """A clip in each format, by the format and its suffix."""
    assert compared
    return {
        f"{to}{suffix}": export_folder / f"clip{suffix}"
        for to, suffixes in SUFFIXES.items()
        for suffix in suffixes
    }
