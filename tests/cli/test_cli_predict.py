"""`action-recognition predict`: output, several files, bad files, exit codes."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from action_recognition.cli import main
from action_recognition.models.model_file import Model, save_model
from action_recognition.models.open_set import OpenSetRule
from action_recognition.recognition.recognizer import Recognizer
from action_recognition.recognition.wording import percent
from video_maker import MadeVideo

pytestmark = pytest.mark.slow  # the whole file: some seconds

MakeVideo = Callable[..., MadeVideo]


def test_no_command_prints_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    out = capsys.readouterr().out
    assert all(name in out for name in ("predict", "train", "evaluate", "data"))


@pytest.fixture
def model_with(tiny_model: Model, tmp_path: Path) -> Callable[..., str]:
    """Path of a file of the tiny model with some of its settings changed."""

    def save(name: str, **change: object) -> str:
        save_model(replace(tiny_model, **change), tmp_path / name)  # type: ignore[arg-type]
        return str(tmp_path / name)

    return save


NEVER_KNOWN = OpenSetRule(energy=1.0, odds=0.0, threshold=1e6, slope=1.0)
SHARE = r"(Jumping|Reading|Swimming) \d+\.\d %"


@pytest.mark.parametrize(
    ("change", "options", "sentence"),
    [
        ({"temperature": 0.01}, [], SHARE),
        ({"temperature": 0.01}, ["--top", "2"], f"{SHARE}, {SHARE}"),
        ({"temperature": 0.01}, ["--top", "9"], f"{SHARE}, {SHARE}, {SHARE}"),
        ({"temperature": 100}, [], f"unsure: {SHARE}, {SHARE}"),  # the first two at least
        ({"temperature": 100}, ["--top", "3"], f"unsure: {SHARE}, {SHARE}, {SHARE}"),
        ({"open_set": NEVER_KNOWN}, [], rf"none of the known actions \(nearest: {SHARE}\)"),
        (
            {"open_set": NEVER_KNOWN, "temperature": 100},  # unsure of what it is not
            ["--top", "2"],
            rf"none of the known actions \(nearest: {SHARE}, {SHARE}\)",
        ),
    ],
)
def test_one_sentence_about_a_video(
    make_video: MakeVideo,
    model_with: Callable[..., str],
    capsys: pytest.CaptureFixture[str],
    change: dict[str, object],
    options: list[str],
    sentence: str,
) -> None:
    model, video = model_with("m.h5", **change), str(make_video("a.mp4", seconds=0.5).path)
    assert main(["predict", video, "--model", model, *options]) == 0
    captured = capsys.readouterr()
    assert re.fullmatch(sentence + "\n", captured.out)
    assert captured.err == ""
    other = str(make_video("b.mp4", seconds=0.5).path)
    assert main(["predict", video, other, "--model", model, *options]) == 0
    lines = "".join(f"{re.escape(name)}: {sentence}\n" for name in (video, other))
    assert re.fullmatch(lines, capsys.readouterr().out)


def test_otherwise_asks_a_second_model_where_the_first_says_none(
    make_video: MakeVideo,
    model_with: Callable[..., str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    video = str(make_video("a.mp4", seconds=0.5).path)
    none = model_with("none.h5", open_set=NEVER_KNOWN)
    other = model_with("other.h5", classes=("Flying", "Diving", "Sailing"))
    command = ["predict", video, "--model", none, "--otherwise", other]
    expected = Recognizer.load(other).predict(video)
    assert main(command) == 0
    assert re.fullmatch(
        rf"none of the known actions \(nearest: {SHARE}\); {re.escape(other)}: "
        f"{expected.action} {percent(expected.probability)}\n",
        capsys.readouterr().out,
    )
    assert main([*command, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["action"] is None
    assert found["otherwise"] == {**expected.verdict(), "model": other}


def test_otherwise_is_not_asked_where_the_first_knows(
    make_video: MakeVideo,
    tiny_model_path: Path,
    model_with: Callable[..., str],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    other = model_with("other.h5", classes=("Flying", "Diving", "Sailing"))
    monkeypatch.setattr(Recognizer, "predict", None)  # by which it would be asked
    video = str(make_video("a.mp4", seconds=0.5).path)
    command = ["predict", video, "--model", str(tiny_model_path), "--otherwise", other, "--json"]
    assert main(command) == 0
    assert "otherwise" not in json.loads(capsys.readouterr().out)
    assert main([*command, "--otherwise", "gone.h5"]) == 2
    assert "gone.h5: there is no such model file" in capsys.readouterr().err


def test_json_has_the_promised_keys(
    make_video: MakeVideo, tiny_model_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = [str(make_video("a.mp4", seconds=1.0).path), str(make_video("b.avi").path)]
    assert main(["predict", *files, "--json", "--model", str(tiny_model_path)]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["file"] for line in lines] == files
    recognizer = Recognizer.load(tiny_model_path)
    for file, line in zip(files, lines, strict=True):
        expected = recognizer.predict(file).to_dict()
        times = ("elapsed_s", "timings_s", "file")
        assert set(line) == set(expected)
        assert {k: v for k, v in line.items() if k not in times} == {
            k: v for k, v in expected.items() if k not in times
        }


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
        "action-recognition: model.h5: it is not a model file"
    )


def test_numbers_below_one_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["predict", "a.mp4", "--top", "0"]) == 2
    assert "--top 0: must be at least 1" in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--fast", "--clips"])
def test_options_that_have_gone(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["predict", "a.mp4", option])
    assert stop.value.code == 2
    assert f"unrecognized arguments: {option}" in capsys.readouterr().err


@pytest.mark.slow
def test_a_missing_extra_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in [m for m in sys.modules if m.startswith("action_recognition.training.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "lightning", None)
    code = main(["train", "--data", str(tmp_path), "--output", str(tmp_path / "m.h5")])
    assert code == 2
    assert "pip install 'action-recognition[train]'" in capsys.readouterr().err
