"""Files, folders and patterns that name videos."""

from __future__ import annotations

from pathlib import Path

import pytest

from action_recognition.cli.paths import video_files
from action_recognition.errors import UsageError


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("b.mp4", "a.avi", "notes.txt", "[x].mp4", "in/c.MKV", "in/.d.mp4", ".e/f.mp4"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("names", "files"),
    [
        (["b.mp4", "gone.mp4"], ["b.mp4", "gone.mp4"]),
        (["."], ["./[x].mp4", "./a.avi", "./b.mp4", "./in/c.MKV"]),
        (["in", "b.mp4", "b.mp4"], ["in/c.MKV", "b.mp4", "b.mp4"]),
        (["*.mp4"], ["[x].mp4", "b.mp4"]),
        (["*.txt"], ["notes.txt"]),  # what is named is tried
        (["[x].mp4"], ["[x].mp4"]),  # a file of this name, and no pattern
        (["**/*.MKV"], ["in/c.MKV"]),
        (["i*"], ["in/c.MKV"]),
        (["nul\0"], ["nul\0"]),
    ],
)
def test_what_names_stand_for(here: Path, names: list[str], files: list[str]) -> None:
    assert [file.replace("\\", "/") for file in video_files(names)] == files


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("empty", "empty: there are no videos in this folder"),
        ("*.webm", "*.webm: no file has a name like this"),
    ],
)
def test_nothing_is_told(here: Path, name: str, sentence: str) -> None:
    with pytest.raises(UsageError) as told:
        video_files([name])
    assert str(told.value) == sentence
