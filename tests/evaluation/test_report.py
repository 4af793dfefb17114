"""An evaluation as files."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from matplotlib.image import imread

from action_recognition.evaluation.calibration import measure_reliability
from action_recognition.evaluation.evaluate import ClassFigures, Evaluation, Interval
from action_recognition.evaluation.report import write_report

SCORES = np.array([[0.9, 0.1], [0.35, 0.65], [0.8, 0.2]])


def evaluation(*classes: str) -> Evaluation:
    return Evaluation(
        split="test",
        classes=classes,
        overall={"accuracy": Interval(2 / 3, 0.5, 1.0)},
        per_class=(ClassFigures(classes[0], "HMDB51", 0.5, 1.0, 2 / 3, 1),),
        confusion=np.array([[1, 0], [1, 1]]),
        videos=3,
        groups=3,
        refused=(),
        seconds_per_video=0.1,
        reliability=measure_reliability(SCORES, np.array([0, 1, 1])),
    )


def test_write_report(tmp_path: Path) -> None:
    measured = evaluation("Jump", "Run")
    paths = write_report(measured, tmp_path / "new" / "report", title="Test split")
    names = ["report.md", "report.json", "confusion.png", "reliability.png"]
    assert [p.name for p in paths] == names
    assert sorted(paths) == sorted((tmp_path / "new" / "report").iterdir())
    text = paths[0].read_text(encoding="utf-8")
    assert text.startswith("# Test split\n\n3 videos")
    assert measured.to_markdown() in text
    assert "](confusion.png)" in text
    assert "](reliability.png)" in text
    assert json.loads(paths[1].read_text(encoding="utf-8")) == measured.to_dict()
    for path in paths[2:]:
        picture = imread(path)
        assert min(picture.shape[:2]) > 300
        assert picture[:, :, :3].std() > 0.05  # something is drawn


def test_names_that_are_no_text_are_escaped(tmp_path: Path) -> None:
    measured = evaluation("na\udcefve", "\udcff\udcfe")  # folders of Latin-1 names
    paths = write_report(measured, tmp_path, title="caf\udce9.h5")
    text = paths[0].read_text(encoding="utf-8")
    assert text.startswith("# caf\\udce9.h5\n")
    assert "| na\\udcefve |" in text
    stored = json.loads(paths[1].read_text(encoding="utf-8"))
    assert stored["per_class"][0]["class"] == "na\udcefve"
    assert imread(paths[2]).size
