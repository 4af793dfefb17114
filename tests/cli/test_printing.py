"""Names that a terminal or a redirect cannot show never lose an answer."""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from action_recognition.cli import main
from action_recognition.cli.printing import escape_what_cannot_be_shown, json_line
from action_recognition.models.model_file import Model, save_model
from video_maker import MadeVideo

MakeVideo = Callable[..., MadeVideo]
ENCODINGS = ["utf-8", "ascii", "cp1252", "shift_jis", "utf-16"]
NAMES = ["跑步 1.mp4", "é.mp4", "😀.mp4", os.fsdecode(b"caf\xe9.mp4"), "plain.mp4"]
CLASSES = (
    "跑",
    "😀",
    os.fsdecode(b"na\xefve"),
)  # of a model; the last from a folder of such a name


class Streams:
    """stdout and stderr as they are in a pipe, in some encoding."""

    def __init__(self, patch: pytest.MonkeyPatch, encoding: str) -> None:
        self._encoding, self._pipes = encoding, {}
        for name in ("stdout", "stderr"):
            self._pipes[name] = io.BytesIO()
            pipe = io.TextIOWrapper(self._pipes[name], encoding=encoding, write_through=True)
            patch.setattr(sys, name, pipe)

    def text(self, name: str = "stdout") -> str:
        return self._pipes[name].getvalue().decode(self._encoding)


@pytest.fixture
def videos(make_video: MakeVideo) -> list[str]:
    return [str(make_video(name, seconds=1).path) for name in NAMES]


@pytest.fixture
def model(tiny_model: Model, tmp_path: Path) -> str:
    save_model(replace(tiny_model, classes=CLASSES), tmp_path / "m.h5")
    return str(tmp_path / "m.h5")


@pytest.mark.slow
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_predict_answers_for_every_file(
    encoding: str, videos: list[str], model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    streams = Streams(monkeypatch, encoding)
    assert main(["predict", "--json", "--model", model, *videos]) == 0
    found = [json.loads(line) for line in streams.text().splitlines()]
    assert [answer["file"] for answer in found] == videos
    assert {frozenset(answer["probabilities"]) for answer in found} == {frozenset(CLASSES)}
    streams = Streams(monkeypatch, encoding)
    assert main(["predict", "--model", model, *videos]) == 0
    lines = streams.text().splitlines()
    assert len(lines) == len(videos)
    assert "plain.mp4: " in lines[-1]


@pytest.mark.slow
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_what_is_wrong_with_a_file_is_said(
    encoding: str, model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = [tmp_path / name for name in NAMES]
    for file in files:
        file.write_bytes(b"no video")
    streams = Streams(monkeypatch, encoding)
    assert main(["predict", "--model", model, *map(str, files)]) == 1
    lines = streams.text("stderr").splitlines()
    assert len(lines) == len(files)
    assert all("not a video file" in line for line in lines)


@pytest.mark.slow
@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("form", ["--json", "--csv", "--vtt", None])
def test_timeline_in_every_form(
    form: str | None, encoding: str, videos: list[str], model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    streams = Streams(monkeypatch, encoding)
    options = [form] if form else []
    assert main(["timeline", "--model", model, videos[0], *options]) == 0
    lines = streams.text().splitlines()
    assert lines
    if form == "--json":
        assert {json.loads(line)["nearest_action"] for line in lines} <= set(CLASSES)


def test_errors_of_usage_are_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    streams = Streams(monkeypatch, "cp1252")
    with pytest.raises(SystemExit):
        main(["predict", "x.mp4", "--device", "跑"])
    assert r"\u8dd1" in streams.text("stderr")


def test_streams_of_other_kinds_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    for stream in (None, io.StringIO()):  # no console at all, and a buffer of a program
        monkeypatch.setattr(sys, "stdout", stream)
        monkeypatch.setattr(sys, "stderr", stream)
        escape_what_cannot_be_shown()
        assert json_line({"a": "跑"}) == '{"a": "跑"}'
