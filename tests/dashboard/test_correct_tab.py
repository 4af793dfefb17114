"""The tab Correct: rows, the project file, and a training in a process of its own."""

from __future__ import annotations

import gc
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("streamlit")

from streamlit.testing.v1 import AppTest
from visit import count_downloads, open_tab, predict, shown_text, upload

from action_recognition.dashboard.pages.details import CORRECT
from action_recognition.dashboard.session import Upload
from action_recognition.dashboard.settings import TRAINING_VARIABLE
from action_recognition.dashboard.teaching import (
    ACTION,
    END,
    NONE_OF_THESE,
    RIGHT,
    START,
    Row,
    Teaching,
    edited,
    rows_of,
    segments_of,
)
from action_recognition.datasets.corrections import CorrectedSegment, load_corrections
from action_recognition.errors import DataError
from action_recognition.models.model_file import find_model
from action_recognition.recognition.segmentation import Segment
from action_recognition.video.limits import DEFAULT_LIMITS
from video_maker import MadeVideo

MakeVideo = Callable[..., MadeVideo]
FOUND = [
    Segment(0.0, 2.001, "Walk", "Walk", 0.9, 0.9),
    Segment(2.001, 5.0, None, "Run", 0.4, 0.2),
    Segment(5.0, 9.0, "Run", "Run", 0.9, 0.9),
]


def test_edits_become_segments() -> None:
    edits = {
        "edited_rows": {0: {RIGHT: True}, 1: {ACTION: "Juggling", END: 4.5}, 2: {}},
        "added_rows": [{START: 9.5, END: 10.0, ACTION: NONE_OF_THESE}],
        "deleted_rows": [2],
    }
    rows = edited(rows_of(FOUND), edits)
    assert segments_of(rows, 3) == [
        CorrectedSegment(3, 0.0, 2.0, "Walk", "confirmed"),
        CorrectedSegment(3, 2.0, 4.5, "Juggling", "corrected"),
        CorrectedSegment(3, 9.5, 10.0, None, "added"),
    ]
    nothing: dict[str, Any] = {"edited_rows": {}, "added_rows": [], "deleted_rows": []}
    assert edited(rows, nothing) == rows
    assert segments_of(rows_of(FOUND), 0) == []


@pytest.mark.parametrize("row", [(None, 1.0), (1.0, None), (2.0, 2.0), (-1.0, 2.0)])
def test_a_row_without_sense_is_named(row: tuple[float | None, float | None]) -> None:
    with pytest.raises(DataError, match=r"^row 2: it needs a start, and an end after it"):
        segments_of([*rows_of(FOUND[:1]), Row(*row, "Walk", False, None)], 0)


@pytest.mark.slow
def test_corrections_are_kept_and_downloaded(
    page: AppTest, make_video: MakeVideo, monkeypatch: pytest.MonkeyPatch
) -> None:
    offered = count_downloads(monkeypatch)
    predict(upload(page, "c.mp4", make_video("c.mp4", seconds=3).path.read_bytes()))
    open_tab(page, CORRECT)
    assert not page.exception
    assert "0 corrected, 0 added, 0 confirmed." in shown_text(page)
    (button,) = [b for b in page.button if b.label == "All others are right"]
    button.click().run()
    assert not page.exception
    open_tab(page, "Frames")
    open_tab(page, CORRECT)
    project = json.loads(str(offered["c-corrections.json"]))
    assert [v["name"] for v in project["videos"]] == ["c.mp4"]
    assert {s["kind"] for s in project["segments"]} == {"confirmed"}
    assert project["segments"][-1]["end_s"] == 3.0
    page.text_input[0].set_value("  Juggling ").run()
    assert not page.exception
    assert "Juggling" in page.dataframe[0].proto.columns


@pytest.mark.slow
@pytest.mark.parametrize("allowed", ["on", "off"])
def test_training_is_offered_where_the_operator_allows_it(
    page: AppTest, make_video: MakeVideo, monkeypatch: pytest.MonkeyPatch, allowed: str
) -> None:
    monkeypatch.setenv(TRAINING_VARIABLE, allowed)
    predict(upload(page, "c.mp4", make_video("c.mp4", seconds=1).path.read_bytes()))
    open_tab(page, CORRECT)
    labels = [b.label for b in page.button]
    assert ("Train on my corrections" in labels) == (allowed == "on")


def teaching_of(model: Path, found: list[Segment], content: bytes) -> tuple[Teaching, Upload]:
    teaching, file = Teaching(model), Upload.of("../my film.mp4", content)
    teaching.tables[file.digest] = [r._replace(action="Waving") for r in rows_of(found)]
    return teaching, file


def finish(teaching: Teaching) -> None:
    while teaching.running:
        time.sleep(0.05)


@pytest.mark.slow
def test_a_training_runs_and_its_folder_goes_with_the_visit(
    make_video: MakeVideo,
) -> None:
    content = make_video("c.mp4", seconds=4).path.read_bytes()
    shipped = find_model("shipped")  # it has its graphs, which take half a minute to export
    teaching, file = teaching_of(shipped, FOUND[:2], content)
    assert teaching.exit_code is None
    assert teaching.project(file, "0" * 64).videos[0].path == "my film.mp4"
    teaching.train(file, "0" * 64, DEFAULT_LIMITS)
    finish(teaching)
    folder = teaching.model_path.parent
    assert teaching.exit_code == 0, teaching.lines
    assert teaching.owns(teaching.model_path)
    assert not teaching.owns(shipped)
    assert any("corrected or added" in line for line in teaching.lines)
    assert folder.stat().st_mode & 0o077 == 0
    assert len(load_corrections(folder / "project.json").segments) == 2
    del teaching
    gc.collect()
    assert not folder.exists()


@pytest.mark.slow
def test_a_training_can_be_stopped(make_video: MakeVideo, tiny_model_path: Path) -> None:
    content = make_video("c.mp4", seconds=10).path.read_bytes()
    teaching, file = teaching_of(tiny_model_path, FOUND, content)
    teaching.train(file, "0" * 64, DEFAULT_LIMITS)
    assert teaching.running
    teaching.stop()
    assert not teaching.running
    assert teaching.exit_code not in (0, None)
    assert not teaching.model_path.exists()
