"""`correct` on the command line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from action_recognition.cli import main
from action_recognition.datasets.corrections import (
    CorrectedSegment,
    CorrectedVideo,
    Corrections,
    digest_of,
    save_corrections,
)
from action_recognition.models.model_file import load_model
from video_maker import MadeVideo

MakeVideo = Callable[..., MadeVideo]


@pytest.fixture
def project(make_video: MakeVideo, tmp_path: Path) -> Path:
    videos = [make_video(f"{k}.mp4", seconds=2 + k).path for k in range(2)]
    segments = [
        CorrectedSegment(k, at_s, at_s + 1, action, "added" if at_s else "confirmed")
        for k in range(2)
        for at_s, action in ((0.0, "Reading"), (1.0, "Waving"))
    ]
    known = tuple(CorrectedVideo(v.name, v.name, digest_of(v)) for v in videos)
    path = tmp_path / "project.json"
    save_corrections(Corrections(known, tuple(segments), "0" * 64), path)
    return path


@pytest.mark.slow
def test_a_model_is_written_and_measured(
    project: Path, tiny_model_path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "my.h5"
    command = ["correct", str(project), "--output", str(output), "--start", str(tiny_model_path)]
    assert main(command) == 0
    said = capsys.readouterr()
    lines = said.out.splitlines()
    assert lines[0] == "4 segments of 2 videos: 2 corrected or added, 2 confirmed"
    assert lines[1] == "seen: 1 of 4 segments"
    assert "new actions: Waving" in lines
    assert "| held back          | segments | tiny.h5 | my.h5   |" in lines
    assert lines[-1] == f"written: {output}"
    assert "the answers of another model than tiny.h5" in said.err
    model = load_model(output)
    assert model.classes == ("Jumping", "Reading", "Swimming", "Waving")
    assert model.training["corrections"]["new_actions"] == ["Waving"]
    assert model.training["corrections"]["corrected"]["segments"] == 2


def test_what_cannot_be_used_is_said_in_a_sentence(
    project: Path, tiny_model_path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "my.h5"
    (tmp_path / "1.mp4").unlink()
    command = ["correct", str(project), "--output", str(output), "--start", str(tiny_model_path)]
    assert main(command) == 2
    assert "1.mp4: the video is not there; --videos names its folder" in capsys.readouterr().err
    assert not output.exists()
