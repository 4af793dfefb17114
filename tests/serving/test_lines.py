"""A timeline that comes line by line."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastapi")
pytest.importorskip("httpx")

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # Starlette would rather have another client than httpx
    from fastapi.testclient import TestClient

from action_recognition.errors import VideoError
from action_recognition.recognition.recognizer import Recognizer
from action_recognition.recognition.segmentation import Segment
from action_recognition.serving.app import create_app
from action_recognition.serving.settings import Settings
from video_maker import MadeVideo

URL = "/v1/timeline?step_s=0.5&dwell_s=0"
LINES = {"Accept": "application/x-ndjson"}


@pytest.fixture
def recognizer(tiny_model_path: Path) -> Recognizer:
    return Recognizer.load(tiny_model_path)


@pytest.fixture
def client(recognizer: Recognizer) -> Iterator[TestClient]:
    with TestClient(
        create_app(recognizer, Settings()),
        base_url="http://127.0.0.1:8000",
        raise_server_exceptions=False,
    ) as client:
        yield client
        assert client.get("/healthz").json()["waiting"] == 0  # each place was given back


def test_the_lines_are_the_segments(
    client: TestClient, make_video: Callable[..., MadeVideo]
) -> None:
    upload = {"file": make_video(seconds=3).path.read_bytes()}
    answer = client.post(URL, files=upload, headers=LINES)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/x-ndjson"
    assert "content-length" not in answer.headers
    assert answer.headers["x-content-type-options"] == "nosniff"
    lines = [json.loads(line) for line in answer.text.splitlines()]
    assert lines == client.post(URL, files=upload).json()["segments"]


def test_what_fails_before_the_first_line_is_answered_as_anywhere(client: TestClient) -> None:
    answer = client.post(URL, files={"file": ("n.mp4", b"no video")}, headers=LINES)
    assert answer.status_code == 422
    assert answer.json()["error"].startswith("n.mp4: it is not a video file")
    answer = client.post(URL, content=b"x", headers=LINES)
    assert answer.status_code == 415


def test_what_fails_later_is_said_in_the_last_line(
    client: TestClient, recognizer: Recognizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any, **__: Any) -> Iterator[Segment]:
        yield Segment(0, 2, "Run", "Run", 0.9, 1.0)
        raise VideoError("a.mp4", "it is damaged")

    monkeypatch.setattr(recognizer, "timeline", broken)
    answer = client.post(URL, files={"file": ("a.mp4", b"x")}, headers=LINES)
    first, last = answer.text.splitlines()
    assert json.loads(first)["action"] == "Run"
    assert json.loads(last) == {"error": "a.mp4: it is damaged"}
