"""Answers as JSON and CSV."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace

from action_recognition.recognition.formats import to_csv, to_json
from action_recognition.recognition.recognizer import Prediction, Timings
from action_recognition.video import VideoInfo

INFO = VideoInfo(2.0, 25.0, 64, 48, "h264", "mov", 0, False)
FIRST = Prediction(
    "Kuchen, süß.mp4",
    (("Walk", 0.75), ("Run", 0.25)),
    ((0.0, 1.5),),
    INFO,
    Timings(0.1, 0.2, 0.3),
    is_known=True,
)
SECOND = replace(FIRST, file="=1+1.avi", ranked=(("Run", 0.6), ("Walk", 0.4)), is_known=False)


def test_json_is_that_of_the_prediction() -> None:
    assert json.loads(to_json(FIRST)) == FIRST.to_dict()
    assert "süß" in to_json(FIRST)


def test_csv_has_a_row_a_video_and_a_column_an_action() -> None:
    rows = list(csv.DictReader(io.StringIO(to_csv([FIRST, SECOND]))))
    assert [r["file"] for r in rows] == ["Kuchen, süß.mp4", "'=1+1.avi"]
    assert [r["action"] for r in rows] == ["Walk", "Run"]
    assert [r["known"] for r in rows] == ["true", "false"]
    assert [float(r["Run"]) for r in rows] == [0.25, 0.6]
    assert list(rows[0])[-2:] == ["Run", "Walk"]
    assert rows[0]["elapsed_s"] == "0.6"


def test_csv_of_nothing_and_of_a_model_without_the_rule() -> None:
    assert to_csv([]).count("\n") == 1
    (row,) = csv.DictReader(io.StringIO(to_csv([replace(FIRST, is_known=None)])))
    assert row["known"] == ""
