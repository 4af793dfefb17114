"""`action-recognition predict`: output, several files, bad files, exit codes."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from action_recognition.cli import main
from video_maker import MadeVideo

MakeVideo = Callable[..., MadeVideo]


def test_no_command_prints_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    out = capsys.readouterr().out
    assert all(name in out for name in ("predict", "train", "evaluate", "data"))


def test_prints_the_action(
    make_video: MakeVideo, tiny_model_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    video = make_video("a.mp4").path
    assert main(["predict", str(video), "--model", str(tiny_model_path), "--top", "2"]) == 0
    out = capsys.readouterr().out
    assert out.count("%") == 2
    assert any(name in out for name in ("Jumping", "Reading", "Swimming"))


def test_json_has_the_promised_keys(
    make_video: MakeVideo, tiny_model_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = [str(make_video("a.mp4", seconds=1.0).path), str(make_video("b.avi").path)]
    assert main(["predict", *files, "--json", "--model", str(tiny_model_path)]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["file"] for line in lines] == files
    for line in lines:
        assert {"action", "probability", "probabilities", "duration_s", "elapsed_s"} <= set(line)
        assert set(line["probabilities"]) == {"Jumping", "Reading", "Swimming"}
        assert line["probability"] == max(line["probabilities"].values())
        assert line["probability"] == line["probabilities"][line["action"]]
        assert sum(line["probabilities"].values()) == pytest.approx(1, abs=1e-4)
    assert lines[0]["duration_s"] == pytest.approx(1.0, abs=0.05)


def test_one_bad_file_does_not_stop_the_others(
    make_video: MakeVideo,
    tiny_model_path: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    bad = tmp_path / "bad.mp4"
    bad.write_text("no video")
    files = [make_video("a.mp4").path, bad, make_video("b.mp4").path]
    code = main(["predict", *map(str, files), "--json", "--model", str(tiny_model_path)])
    captured = capsys.readouterr()
    assert code == 1
    assert [Path(json.loads(x)["file"]).name for x in captured.out.splitlines()] == [
        "a.mp4",
        "b.mp4",
    ]
    assert captured.err.count("\n") == 1
    assert "bad.mp4: it is not a video file" in captured.err


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("missing.mp4", None, "there is no such file"),
        ("empty.mp4", b"", "the file is empty"),
        ("text.mp4", b"hello, this is no video", "it is not a video file"),
    ],
)
def test_a_single_bad_file_exits_with_2(
    name: str,
    content: bytes | None,
    reason: str,
    tmp_path: Path,
    tiny_model_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    assert main(["predict", str(tmp_path / name), "--model", str(tiny_model_path)]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith(f"action-recognition: {name}: {reason}")
    assert captured.err.count("\n") == 1


def test_a_bad_model_is_one_sentence(
    make_video: MakeVideo, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "model.h5").write_text("no model")
    code = main(["predict", str(make_video().path), "--model", str(tmp_path / "model.h5")])
    assert code == 2
    assert capsys.readouterr().err.startswith(
        "action-recognition: model.h5: it is not an HDF5 file"
    )


@pytest.mark.parametrize("option", ["--top", "--clips"])
def test_numbers_below_one_are_refused(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["predict", "a.mp4", option, "0"]) == 2
    assert f"{option} 0: must be at least 1" in capsys.readouterr().err


def test_predicting_imports_no_training_library(
    make_video: MakeVideo, tiny_model_path: Path
) -> None:
    """`pip install action-recognition` without extras is enough to recognise."""
    code = (
        "import sys; from action_recognition.cli import main;"
        f"code = main(['predict', {str(make_video().path)!r}, '--model', "
        f"{str(tiny_model_path)!r}]);"
        "print(sorted({m.split('.')[0] for m in sys.modules}), file=sys.stderr);"
        "sys.exit(code)"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True
    )
    for library in ("lightning", "torchmetrics", "sklearn", "matplotlib", "streamlit", "pandas"):
        assert f"'{library}'" not in result.stderr


def test_a_missing_extra_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in [m for m in sys.modules if m.startswith("action_recognition.training.fit")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "lightning", None)
    code = main(["train", "--data", str(tmp_path), "--output", str(tmp_path / "m.h5")])
    assert code == 2
    assert "pip install 'action-recognition[train]'" in capsys.readouterr().err
