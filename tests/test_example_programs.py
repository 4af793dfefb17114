"""Every program in examples/ runs as its docstring says."""

from __future__ import annotations

import csv
import io
import runpy
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from action_recognition.evaluation import evaluate
from action_recognition.models.model_file import load_model
from motion import write_motion_data
from video_maker import MadeVideo

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
MOST_LINES = 40

Run = Callable[..., str]
Make = Callable[..., MadeVideo]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """`run(name, argument, ...)` runs a program to its end; returns what it printed."""

    def run(name: str, *arguments: str | Path) -> str:
        monkeypatch.setattr(sys, "argv", [name, *map(str, arguments)])
        runpy.run_path(str(EXAMPLES / name), run_name="__main__")
        return capsys.readouterr().out

    return run


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.name)
def test_short_and_says_how_to_run_it(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= MOST_LINES
    assert f"\npython examples/{path.name} " in text.split('"""')[1]


def test_predict_file(run: Run, make_video: Make, tiny_model_path: Path) -> None:
    out = run("predict_file.py", make_video().path, "--model", tiny_model_path)
    assert "a known action: 100.0%" in out
    assert all(name in out for name in ("Jumping", "Reading", "Swimming"))


def test_search_folder(
    run: Run, make_video: Make, tiny_model_path: Path, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    (tmp_path / "videos" / "more").mkdir(parents=True)
    videos = [make_video(f"videos/{name}").path for name in ("a.mp4", "more/b.mp4")]
    (tmp_path / "videos" / "notes.txt").write_text("no video", encoding="utf-8")
    found = []
    for action in load_model(tiny_model_path).classes:
        out = run("search_folder.py", tmp_path / "videos", action, "--model", tiny_model_path)
        found += list(csv.DictReader(io.StringIO(out)))
    assert {row["file"] for row in found} == {str(path) for path in videos}
    assert all(float(row["start_s"]) < float(row["end_s"]) <= 2.0 for row in found)
    assert all(0 < float(row["probability"]) <= 1 for row in found)
    with pytest.raises(SystemExit):
        run("search_folder.py", tmp_path / "videos", "Flying", "--model", tiny_model_path)
    assert "Jumping, Reading, Swimming" in capsys.readouterr().err


def test_watch_camera(run: Run, make_video: Make, tiny_model_path: Path) -> None:
    out = run("watch_camera.py", make_video(seconds=3).path, "--model", tiny_model_path)
    times = [float(line.split()[0]) for line in out.splitlines()]
    assert times == pytest.approx([0.15, 1.15, 2.15], abs=0.06)


@pytest.mark.slow
def test_train_own_classes_then_evaluate(run: Run, tiny_model_path: Path, tmp_path: Path) -> None:
    clips = write_motion_data(tmp_path / "clips", per_class=6)
    video = clips / "growing" / "growing_000.mp4"
    output, report = tmp_path / "own.h5", tmp_path / "report"
    out = run("train_own_classes.py", clips, output, video, "--init", tiny_model_path)
    assert load_model(output).classes == ("Growing", "Moving left", "Moving right")
    assert out.splitlines()[-1].count("Moving") == 2
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(evaluate, "BOOTSTRAP_SAMPLES", 5)
        out = run("evaluate_model.py", output, clips, report)
    assert "macro-F1" in out
    assert "Moving left" in out
    assert {path.name for path in report.iterdir()} >= {"report.md", "report.json"}
