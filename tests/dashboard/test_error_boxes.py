"""Bad videos, bad models and failures: one sentence each, and the page goes on."""

from __future__ import annotations

import io
import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

pytest.importorskip("streamlit")

from streamlit.testing.v1 import AppTest
from visit import CLASSES, open_page, predict, shown_text, upload

from action_recognition.dashboard.error_boxes import UNEXPECTED
from action_recognition.dashboard.settings import MODEL_VARIABLE
from action_recognition.errors import VideoError
from action_recognition.models.model_file import Model, save_model
from action_recognition.recognition.recognizer import Recognizer
from video_maker import MadeVideo

pytestmark = pytest.mark.slow  # the whole file: some seconds

MakeVideo = Callable[..., MadeVideo]


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["empty", "text", "truncated", "sound only"])
def test_a_bad_upload_then_a_good_one(page: AppTest, make_video: MakeVideo, kind: str) -> None:
    good = make_video("good.mp4", seconds=2).path.read_bytes()
    bad = {
        "empty": b"",
        "text": b"This is no video. " * 50,
        "truncated": good[: len(good) // 2],
        "sound only": _sound_only(),
    }[kind]
    upload(page, "bad *clip*.mp4", bad)
    (error,) = page.error
    assert error.value.startswith("`bad *clip*.mp4`: ")
    assert "Traceback" not in error.value
    assert not page.exception
    assert not page.header
    predict(upload(page, "good.mp4", good))
    assert not page.error
    assert page.header[0].value in CLASSES


@pytest.mark.slow
def test_an_error_that_only_predict_meets(
    page: AppTest, make_video: MakeVideo, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **settings: Any) -> None:
        raise VideoError(settings["name"], "the file ends at 2_000 s")

    content = make_video("clip.mp4").path.read_bytes()
    with monkeypatch.context() as broken:
        broken.setattr(Recognizer, "predict", fail)
        predict(upload(page, "$a$ [b](c) :smile:.mp4", content))
    assert [e.value for e in page.error] == ["`$a$ [b](c) :smile:.mp4`: the file ends at 2\\_000 s"]
    assert not page.header
    page.run()
    assert len(page.error) == 1  # it stays until another video comes
    predict(upload(page, "good.mp4", make_video("good.mp4", seconds=1).path.read_bytes()))
    assert not page.error
    assert page.header[0].value in CLASSES


def test_no_model(make_video: MakeVideo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(MODEL_VARIABLE, str(tmp_path / "none.h5"))
    page = open_page()
    assert [e.value for e in page.error] == ["none.h5: there is no such model file"]
    assert not page.file_uploader
    assert not page.exception


@pytest.mark.parametrize("content", [b"", b"not HDF5 at all", b"\x89HDF\r\n\x1a\n" + b"\0" * 90])
def test_a_damaged_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    path = tmp_path / "bad_model.h5"
    path.write_bytes(content)
    monkeypatch.setenv(MODEL_VARIABLE, str(path))
    page = open_page()
    (error,) = page.error
    assert "bad\\_model.h5" in error.value
    assert not page.file_uploader
    assert not page.exception


def test_a_replaced_model_is_loaded(page: AppTest, tiny_model: Model, tmp_path: Path) -> None:
    names = ("Talking", "Dancing", "Drinking")
    save_model(replace(tiny_model, classes=names), tmp_path / "tiny.h5")
    assert "three of the project's ten actions" in shown_text(page.run())


@pytest.mark.slow
def test_an_unexpected_failure_is_one_sentence_and_a_log_entry(
    page: AppTest,
    make_video: MakeVideo,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("secret detail")

    upload(page, "clip.mp4", make_video("clip.mp4").path.read_bytes())
    with monkeypatch.context() as broken, caplog.at_level(logging.ERROR):
        broken.setattr(Recognizer, "predict", fail)
        predict(page)
    assert [e.value for e in page.error] == [UNEXPECTED]
    assert not page.exception
    assert "secret detail" in caplog.text
    predict(page)
    assert page.header[0].value in CLASSES


def _sound_only() -> bytes:
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as out:
        stream = out.add_stream("aac", rate=48000)
        frame = av.AudioFrame.from_ndarray(
            np.zeros((1, 48000), dtype=np.float32), format="fltp", layout="mono"
        )
        frame.sample_rate = 48000
        out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return file.getvalue()
