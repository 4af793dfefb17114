"""Names that a terminal or a redirect cannot show never lose an answer."""

from __future__ import annotations

import errno
import io
import json
import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from action_recognition.cli import main
from action_recognition.cli.printing import json_line, prepare_streams
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
        prepare_streams()
        assert json_line({"a": "跑"}) == '{"a": "跑"}'


@pytest.mark.parametrize("name", ["a\nb.mp4", "\x1b[31mred.mp4", "\u202egpm.mp4", "a\r.mp4"])
def test_names_with_control_characters_take_one_line(
    tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / name).write_text("no video")
    assert main(["predict", str(tmp_path / name)]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert said[:-1].isprintable()


def run_to(target: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The command line with stdout redirected as a shell does it."""
    command = shlex.join([sys.executable, "-m", "action_recognition", *arguments])
    return subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command} {target}"],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False,
    )  # fmt: skip


@pytest.mark.slow
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize(
    ("target", "code", "said"),
    [(">/dev/full", 2, "No space left"), (">&-", 2, "Bad file"), ("2>&-", 0, ""),
     ("| head -c 0", 1, "")],
)  # fmt: skip
@pytest.mark.parametrize("command", ["predict", "timeline"])
def test_output_that_cannot_be_written(
    make_video, tiny_model_path: Path, command: str, target: str, code: int, said: str
) -> None:
    path = make_video(seconds=1).path
    done = run_to(target, command, "--model", str(tiny_model_path), str(path), "--json")
    assert done.returncode == code
    assert said in done.stderr
    assert done.stderr.count("\n") <= 1


@pytest.mark.slow
def test_report_on_a_full_disk_leaves_no_half_file(
    make_video, tiny_model_path: Path, tmp_path: Path, monkeypatch, capsys
) -> None:
    data = tmp_path / "data" / "Jumping"
    data.mkdir(parents=True)
    for number in range(3):
        make_video(data / f"v_g{number:02}_c01.mp4", seconds=0.5)

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    report = tmp_path / "report"
    arguments = ["evaluate", str(tiny_model_path), "--data", str(data.parent), "--split", "train"]
    assert main([*arguments, "--report", str(report)]) == 2
    error = f"{report / 'report.md'}: it cannot be written or read (No space left on device)"
    assert error in capsys.readouterr().err
    assert not report.exists()
