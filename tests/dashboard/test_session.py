"""What one visit remembers: nothing is computed twice, mixed up, shared or left behind."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip("streamlit")

from streamlit.testing.v1 import AppTest
from visit import (
    count_calls,
    count_downloads,
    open_page,
    open_tab,
    predict,
    shown_text,
    upload,
)

from action_recognition.dashboard.pages.details import DETAILS
from action_recognition.recognition.recognizer import Recognizer
from video_maker import MadeVideo, time_grey

pytestmark = pytest.mark.slow  # the whole file: some seconds

MakeVideo = Callable[..., MadeVideo]


@pytest.mark.slow
def test_the_model_is_loaded_once(
    page: AppTest, make_video: MakeVideo, monkeypatch: pytest.MonkeyPatch
) -> None:
    loads = count_calls(monkeypatch, Recognizer, "load")
    for seconds in (1, 2, 3):
        upload(page, "clip.mp4", make_video(f"{seconds}.mp4", seconds=seconds).path.read_bytes())
        predict(page)
    open_page()
    assert loads == []  # the fixture's own run had loaded it


@pytest.mark.slow
def test_one_upload_is_recognised_once(
    page: AppTest, make_video: MakeVideo, monkeypatch: pytest.MonkeyPatch
) -> None:
    predictions = count_calls(monkeypatch, Recognizer, "predict")
    content = make_video("clip.mp4").path.read_bytes()
    other = make_video("other.mp4", seconds=1).path.read_bytes()
    for name, data in (("a.mp4", content), ("b.mp4", other), ("again.mp4", content)):
        upload(page, name, data)
        predict(page)
        predict(page)
    assert predictions == ["a.mp4", "b.mp4"]


@pytest.mark.slow
def test_the_same_content_under_another_name_has_that_name(
    page: AppTest, make_video: MakeVideo, monkeypatch: pytest.MonkeyPatch
) -> None:
    offered = count_downloads(monkeypatch)
    predictions = count_calls(monkeypatch, Recognizer, "predict")
    content = make_video("clip.mp4", seconds=1).path.read_bytes()
    for name in ("first.mp4", "second.mp4"):
        predict(upload(page, name, content))
        open_tab(page, DETAILS)
        stem = name.removesuffix(".mp4")
        assert json.loads(offered[f"{stem}.json"])["file"] == name
        assert str(offered[f"{stem}.csv"]).splitlines()[1].startswith(f"{name},")
    assert len(predictions) == 1


@pytest.mark.slow
def test_two_uploads_of_one_name_do_not_mix(page: AppTest, make_video: MakeVideo) -> None:
    first = make_video("first.mp4", seconds=2).path.read_bytes()
    second = make_video("second.avi", seconds=3, size=(96, 64), pattern=time_grey).path.read_bytes()
    predict(upload(page, "clip.mp4", first))
    assert "2.0 s · 64 x 48" in shown_text(page)
    upload(page, "clip.mp4", second)
    assert not page.header  # the first answer is gone
    predict(page)
    assert "3.0 s · 96 x 64" in shown_text(page)
    upload(page, "clip.mp4", first)
    assert "2.0 s · 64 x 48" in shown_text(page)  # remembered


def test_sessions_do_not_see_each_other(page: AppTest, make_video: MakeVideo) -> None:
    content = make_video("clip.mp4").path.read_bytes()
    predict(upload(page, "clip.mp4", content))
    other = open_page()
    assert not other.get("video")
    assert not upload(other, "clip.mp4", content).header


def test_no_file_is_left_behind(
    page: AppTest, make_video: MakeVideo, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    content = make_video("clip.avi").path.read_bytes()
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    predict(upload(page, "clip.avi", content))
    assert list(scratch.iterdir()) == []
