"""The page Your classes: clips, what is trained on, and the training in a process of its own."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("streamlit")

from streamlit.testing.v1 import AppTest
from visit import count_downloads, shown_text

from action_recognition.dashboard import own_classes, training_process
from action_recognition.dashboard.own_classes import (
    OwnClasses,
    Source,
    class_name,
    moments_of,
    sources_of,
)
from action_recognition.dashboard.pages.correct import TEACHINGS
from action_recognition.dashboard.session import OwnClip, Session, Upload
from action_recognition.dashboard.settings import MODEL_VARIABLE, TRAINING_VARIABLE
from action_recognition.dashboard.teaching import Row, Teaching
from action_recognition.errors import DataError, VideoError
from action_recognition.video import Video
from action_recognition.video.limits import DEFAULT_LIMITS
from video_maker import MadeVideo

MakeVideo = Callable[..., MadeVideo]


def test_files_of_a_named_class_are_grouped_by_folder() -> None:
    uploads = [Upload.of("mine/monday/a.mp4", b"1"), Upload.of("b.mp4", b"2")]
    found, _ = sources_of(uploads, "Juggling")
    assert [(s.label, s.group) for s in found] == [("Juggling", "monday"), ("Juggling", "")]


def test_a_folder_of_class_folders_is_no_class() -> None:
    names = ["UCF101/Archery/a.mp4", "UCF101/b.mp4", "all/UCF101/Biking/c.mp4", "all/d.mp4"]
    found, left_out = sources_of([Upload.of(name, b"1") for name in names], None)
    assert [source.label for source in found] == ["Archery", "Biking"]
    assert left_out == [
        "UCF101/b.mp4: left out, it lies beside the folders of the classes",
        "all/d.mp4: left out, it lies beside the folders of the classes",
    ]


def test_folders_name_classes_where_the_visitor_does_not() -> None:
    found, _ = sources_of([Upload.of("mine/BrushingTeeth/a.mp4", b"1")], None)
    assert [(s.label, s.group) for s in found] == [("Brushing Teeth", "")]
    with pytest.raises(DataError, match=r"^a\.mp4: name the class first$"):
        sources_of([Upload.of("a.mp4", b"1")], None)


@pytest.mark.parametrize("name", ["", "x" * 101, "../up", "train", ".hidden", "a\\b", "a\0b"])
def test_names_that_no_class_can_have_are_refused(name: str) -> None:
    with pytest.raises(DataError, match="class"):
        class_name(name)


def test_moments_that_were_put_right_are_clips_of_one_group() -> None:
    upload = Upload.of("film.mp4", b"1")
    rows = [
        Row(0.0, 2.0, "Juggling", False, (0.0, 2.0, "Run")),
        Row(2.0, 3.0, None, False, (2.0, 3.0, "Run")),  # none of the actions
        Row(3.0, 4.0, "Run", False, (3.0, 4.0, "Run")),  # nothing was said of it
        Row(5.0, 6.0, "Juggling", False, None),
    ]
    found = moments_of(upload, rows)
    assert [(s.label, s.start_s, s.end_s) for s in found] == [
        ("Juggling", 0.0, 2.0),
        ("Juggling", 5.0, 6.0),
    ]
    assert {s.group for s in found} == {upload.digest[:16]}
    assert len({s.digest for s in found}) == 2


def test_a_clip_is_encoded_anew_and_cut(make_video: MakeVideo, tmp_path: Path) -> None:
    upload = Upload.of("c.mp4", make_video("c.mp4", seconds=3).path.read_bytes())
    whole = Source("Juggling", upload).made(DEFAULT_LIMITS)
    part = Source("Juggling", upload, "film", 1.0, 2.0).made(DEFAULT_LIMITS)
    for clip, seconds in ((whole, 3.0), (part, 1.0)):
        (tmp_path / "c.mp4").write_bytes(clip.data)
        with Video(tmp_path / "c.mp4") as video:
            assert video.info.duration_s == pytest.approx(seconds, abs=0.1)
    with pytest.raises(VideoError, match=r"^bad\.mp4"):
        Source("Juggling", Upload.of("bad.mp4", b"x")).made(DEFAULT_LIMITS)


def clip(label: str, name: str, group: str = "") -> OwnClip:
    return OwnClip(label, name, group, f"{label}{name}", f"{label}{name}".encode())


def test_clips_lie_in_a_folder_for_each_class_and_recording(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[tuple[str, ...]] = []
    monkeypatch.setattr(OwnClasses, "start_command", lambda _, *arguments: asked.append(arguments))
    own = OwnClasses(Path("m.h5"))
    own.train([clip("Old", "gone.mp4")])
    clips = [
        clip("Juggling", "a.mp4", "monday"),
        clip("Juggling", "x/a.avi", "monday"),
        clip("Run", "../../e:vil\n.mp4"),
    ]
    own.train(clips)
    data = own.folder() / "clips"
    assert sorted(str(p.relative_to(data)) for p in data.rglob("*") if p.is_file()) == [
        "Juggling/monday/a-2.mp4",
        "Juggling/monday/a.mp4",
        "Run/clip-3/e_vil_n.mp4",
    ]
    assert asked[-1][:3] == ("train", "--data", str(data))
    assert own.folder().stat().st_mode & 0o077 == 0


class _FakeProcess:
    """A command that has printed something, written a model, and ended well."""

    def __init__(self, command: list[str], *, stdout: Any, **_: Any) -> None:
        if "train" in command:
            Path(command[command.index("--output") + 1]).write_bytes(b"model")
        stdout.write(b"class  train\n3 videos of 3 groups.\n\n| accuracy |\n|---|\n| 90 % |\n")
        stdout.write(b"action-recognition: note: few clips\n")

    def poll(self) -> int:
        return 0


def open_page(model: Path, monkeypatch: pytest.MonkeyPatch, training: str = "on") -> AppTest:
    monkeypatch.setenv(MODEL_VARIABLE, str(model))
    monkeypatch.setenv(TRAINING_VARIABLE, training)
    return AppTest.from_function(_page, default_timeout=60).run()


def _page() -> None:
    from action_recognition.dashboard.pages.own_classes import own_classes_page

    own_classes_page()


def click(page: AppTest, label: str) -> AppTest:
    (button,) = [b for b in page.button if b.label.startswith(label)]
    return button.click().run()


def add(page: AppTest, label: str, *files: tuple[str, bytes]) -> AppTest:
    page.text_input[0].set_value(label)
    return page.file_uploader[0].set_value([(n, data, "video/mp4") for n, data in files]).run()


def test_the_operator_decides(tiny_model_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = open_page(tiny_model_path, monkeypatch, "off")
    assert "has not allowed training" in page.info[0].value
    assert not page.file_uploader


def test_what_training_needs_is_named_where_it_is_missing(
    tiny_model_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    page = open_page(tiny_model_path, monkeypatch)
    assert "Training needs the extra `train`" in page.info[0].value


@pytest.mark.slow
def test_classes_are_collected_checked_and_trained(
    tiny_model_path: Path, make_video: MakeVideo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subprocess, "Popen", _FakeProcess)
    monkeypatch.setattr(own_classes, "can_isolate", lambda: False)
    offered = count_downloads(monkeypatch)
    page = open_page(tiny_model_path, monkeypatch)
    one, two = (make_video(f"{k}.mp4", seconds=k).path.read_bytes() for k in (1, 2))
    add(page, "juggling", ("a.mp4", one), ("a again.mp4", one), ("bad.mp4", b"x"))
    assert not page.exception
    assert page.warning[0].value.startswith("bad.mp4")
    assert page.dataframe[0].value.to_numpy().tolist() == [["Juggling", 1, 1]]
    assert next(b for b in page.button if b.label == "Train").disabled
    add(page, "", ("b.mp4", two))
    assert "a class needs a name" in page.error[0].value
    add(page, "Waving", ("b.mp4", two))
    assert page.dataframe[0].value["Class"].tolist() == ["Juggling", "Waving"]
    click(page, "Check")
    assert "class  train" in page.code[0].value
    click(page, "Train")
    assert not page.exception
    assert "| accuracy |\n|---|" in shown_text(page)
    assert "Few clips." in shown_text(page)
    assert offered == {"my-model.h5": b"model"}
    click(page, "Use it")
    click(page, f"Go back to {tiny_model_path.name}")
    page.selectbox[0].set_value("Waving").run()
    click(page, "Remove")
    assert page.dataframe[0].value["Class"].tolist() == ["Juggling"]
    session: Session = page.session_state["action_recognition_session"]
    held = [c.data for c in session.clips]
    assert session.held() == held
    session.let_go()
    assert not session.held()


@pytest.mark.slow
def test_corrected_moments_can_be_taken(
    tiny_model_path: Path, make_video: MakeVideo, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = open_page(tiny_model_path, monkeypatch)
    film = Upload.of("film.mp4", make_video("f.mp4", seconds=3).path.read_bytes())
    teaching = Teaching(tiny_model_path)
    teaching.tables[film.digest] = [Row(0.0, 1.0, "Juggling", False, None)]
    page.session_state[TEACHINGS] = {tiny_model_path: teaching}
    page.session_state["action_recognition_session"].kept = film
    click(page.run(), "Add the moments that you have put right (1)")
    assert not page.exception
    assert page.dataframe[0].value.to_numpy().tolist() == [["Juggling", 1, 1]]
    assert not [b for b in page.button if b.label.startswith("Add the moments")]


def test_one_training_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = OwnClasses(Path("m.h5")), OwnClasses(Path("m.h5"))
    monkeypatch.setattr(sys, "executable", "sleep")
    monkeypatch.setattr(training_process, "_COMMAND", ("60",))
    first.start_command()
    assert training_process.others_train(second)
    assert not training_process.others_train(first)
    first.stop()
    assert first.exit_code
    assert not training_process.others_train(second)


@pytest.mark.slow
def test_a_training_makes_a_model(make_video: MakeVideo) -> None:
    own = OwnClasses(Path("m.h5"))
    clips = []
    for k in range(6):
        video = make_video(f"{k}.mp4", seconds=1 + k / 4, size=(64 + 16 * k, 48))
        upload = Upload.of(f"{k}.mp4", video.path.read_bytes())
        clips.append(Source(("Juggling", "Waving")[k % 2], upload).made(DEFAULT_LIMITS))
    own.train(clips)
    while own.running:
        time.sleep(0.1)
    assert own.exit_code == 0, own.lines
    assert own.model_path.is_file()
