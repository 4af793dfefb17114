"""`find` on the command line."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from action_recognition.cli import main
from action_recognition.models.model_file import Model, find_model, save_model
from action_recognition.models.open_set import OpenSetRule
from action_recognition.recognition.formats import answer
from action_recognition.recognition.recognizer import Recognizer
from video_maker import MadeVideo

pytestmark = pytest.mark.slow  # the whole file: some seconds

MakeVideo = Callable[..., MadeVideo]
Capture = pytest.CaptureFixture[str]


@pytest.fixture
def films(make_video: MakeVideo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ACTION_RECOGNITION_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "films"
    (folder / "sub").mkdir(parents=True)
    (folder / "notes.txt").write_text("no video", encoding="utf-8")
    for name in ("films/a.mp4", "films/sub/b.mp4"):
        make_video(name, seconds=0.6)
    return folder


@pytest.fixture
def command(films: Path, tiny_model_path: Path) -> list[str]:
    return ["find", str(films), "--model", str(tiny_model_path)]


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The videos that were gone through."""
    gone: list[str] = []
    original = Recognizer.timeline

    def counting(self: Recognizer, *arguments: object, **settings: object) -> object:
        gone.append(str(settings["name"]))
        return original(self, *arguments, **settings)  # type: ignore[arg-type]

    monkeypatch.setattr(Recognizer, "timeline", counting)
    return gone


def test_a_line_for_each_moment(command: list[str], films: Path, capsys: Capture) -> None:
    assert main(command) == 0
    lines = capsys.readouterr().out.splitlines()
    (segment,) = Recognizer.load(command[3]).timeline(films / "a.mp4")
    assert lines == [f"{films}/{name}  0:00.0 to 0:00.6  {answer(segment)}" for name in
                     ("a.mp4", "sub/b.mp4")]  # fmt: skip


def test_a_second_search_looks_only_at_what_is_new_or_changed(
    command: list[str], films: Path, make_video: MakeVideo, loads: list[str], capsys: Capture
) -> None:
    assert main(command) == 0
    first = capsys.readouterr().out
    assert loads == ["a.mp4", "b.mp4"]
    assert main(command) == 0
    assert capsys.readouterr().out == first
    assert main([*command, "--min-probability", "0.99", "--html", str(films / "x.html")]) == 0
    assert len(loads) == 2
    make_video("films/c.mp4", seconds=0.4)
    make_video("films/a.mp4", seconds=0.4)
    assert main(command) == 0
    assert sorted(loads[2:]) == ["a.mp4", "c.mp4"]
    assert main([*command, "--dwell", "5"]) == 0
    assert main([*command, "--no-index"]) == 0
    assert len(loads) == 2 + 2 + 3 + 3
    assert not [p for p in films.rglob("*") if "sqlite" in p.name]


def test_another_index(command: list[str], loads: list[str], tmp_path: Path) -> None:
    index = tmp_path / "mine" / "index"
    assert main([*command, "--index", str(index)]) == 0
    assert index.is_file()
    assert not (tmp_path / "cache").exists()
    assert main([*command, "--index", str(index)]) == 0
    assert len(loads) == 2


def test_what_was_done_before_an_interruption_is_kept(
    command: list[str], monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    original = Recognizer.timeline

    def interrupted(self: Recognizer, *arguments: object, **settings: object) -> object:
        if settings["name"] == "b.mp4":
            raise KeyboardInterrupt
        return original(self, *arguments, **settings)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(Recognizer, "timeline", interrupted)
        assert main(command) == 130
    captured = capsys.readouterr()
    assert "go on with: action-recognition find" in captured.err
    assert len(captured.out.splitlines()) == 1
    again: list[str] = []
    monkeypatch.setattr(
        Recognizer, "timeline", lambda *a, **s: again.append(s["name"]) or original(*a, **s)
    )
    assert main(command) == 0
    assert again == ["b.mp4"]


def test_known_videos_need_no_network(films: Path) -> None:
    program = (
        "import sys; from action_recognition.cli import main; code = main(sys.argv[1:]);"
        "print(code, sorted({'onnxruntime', 'torch', 'PIL'} & set(sys.modules)))"
    )
    command = [sys.executable, "-c", program, "find", films, "--model", find_model(None), "--none",
               "--action", "smoking", "--html", films / "x.html"]  # fmt: skip
    ends = [subprocess.run(command, capture_output=True, text=True) for _ in range(2)]
    assert [end.stderr for end in ends] == ["", ""]
    first, second = (end.stdout.splitlines() for end in ends)
    assert second[-1] == "0 []"
    assert second[:-1] == first[:-1]


def test_json_and_csv_agree(command: list[str], capsys: Capture) -> None:
    assert main([*command, "--json"]) == 0
    objects = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert main([*command, "--csv"]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert list(rows[0]) == list(objects[0])
    assert [r["file"] for r in rows] == [o["file"] for o in objects]
    assert [float(r["start_s"]) for r in rows] == [o["start_s"] for o in objects]
    assert [r["action"] for r in rows] == [o["action"] for o in objects]


def test_csv_holds_no_formula(
    command: list[str], films: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    (films / "=1+1.mp4").write_bytes((films / "a.mp4").read_bytes())
    monkeypatch.chdir(films)
    assert main(["find", "=1+1.mp4", *command[2:], "--csv"]) == 0
    assert capsys.readouterr().out.splitlines()[1].startswith("'=1+1.mp4,")


def test_actions_and_probabilities_are_chosen(
    command: list[str], tiny_model: Model, capsys: Capture
) -> None:
    assert main([*command, "--json"]) == 0
    found = json.loads(capsys.readouterr().out.splitlines()[0])
    action, others = found["action"], [c for c in tiny_model.classes if c != found["action"]]
    assert main([*command, "--action", action.upper()]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 2
    assert main([*command, "--action", others[0], "--action", others[1]]) == 0
    assert capsys.readouterr().out == ""
    more = str(min(1.0, found["probability"] + 0.01))
    assert main([*command, "--min-probability", more]) == 0
    assert capsys.readouterr().out == ""


def test_unknown_actions_are_one_sentence(command: list[str], capsys: Capture) -> None:
    assert main([*command, "--action", "jumpin"]) == 2
    assert "near to it: Jumping" in capsys.readouterr().err
    assert main([*command, "--action", "surfing water"]) == 2
    assert "--model kinetics600 knows 'surfing water'" in capsys.readouterr().err


def test_what_is_not_known_is_listed_only_where_asked(
    command: list[str], tiny_model: Model, capsys: Capture
) -> None:
    rule = OpenSetRule(energy=1.0, odds=0.0, threshold=1e6, slope=1.0)
    save_model(replace(tiny_model, open_set=rule), command[3])
    assert main(command) == 0
    assert capsys.readouterr().out == ""
    assert main([*command, "--none"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("  ")[2] for line in lines] == ["none of the known actions"] * 2


def test_exit_codes(command: list[str], films: Path, loads: list[str], capsys: Capture) -> None:
    bad = films / "bad.mp4"
    bad.write_bytes(b"no video" * 9)
    sentence = "action-recognition: bad.mp4: it is not a video file"
    assert main(["find", str(bad), *command[2:]]) == 2
    assert capsys.readouterr().err.startswith(sentence)
    assert main(command) == 1
    captured = capsys.readouterr()
    assert captured.err.startswith(sentence)  # from the index
    assert len(captured.out.splitlines()) == 2
    assert loads == ["bad.mp4", "a.mp4", "b.mp4"]
    assert main(["find", str(films / "gone.mp4"), *command[2:]]) == 2
    assert "there is no such file" in capsys.readouterr().err
    assert main(["find", str(films / "notes.txt"), *command[2:]]) == 2
    assert main([*command[:3], str(films / "gone.h5")]) == 2
    assert "gone.h5: there is no such model file" in capsys.readouterr().err
    for wrong in (["--min-probability", "2"], ["--step", "0"], ["--index", "x", "--no-index"]):
        assert main([*command, *wrong]) == 2


def test_archives_and_subtitles(
    command: list[str], films: Path, loads: list[str], tmp_path: Path, capsys: Capture
) -> None:
    archive = tmp_path / "x.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.write(films / "a.mp4", "in/a.mp4")
        file.write(films / "notes.txt", "notes.txt")
    before = set(films.rglob("*"))
    command = ["find", str(archive), *command[2:], "--vtt", str(tmp_path / "vtt")]
    assert main(command) == 0
    assert capsys.readouterr().out.startswith(f"{archive}/in/a.mp4  0:00.0 to 0:00.6  ")
    assert main(command) == 0
    assert len(loads) == 1
    (subtitles,) = (p for p in (tmp_path / "vtt").rglob("*") if p.is_file())
    assert subtitles == tmp_path / "vtt" / "x.zip" / "in" / "a.vtt"
    assert subtitles.read_text(encoding="utf-8").startswith("WEBVTT\n\n00:00:00.000 -->")
    assert set(films.rglob("*")) == before


def test_the_page_has_a_picture_of_each_moment(
    command: list[str], films: Path, tmp_path: Path
) -> None:
    page = tmp_path / "out" / "moments.html"
    assert main([*command, "--html", str(page)]) == 0
    text = page.read_text(encoding="utf-8")
    assert text.count("data:image/jpeg;base64,/9j/") == 2
    assert 'data-href="../films/sub/b.mp4"' in text
