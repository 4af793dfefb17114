"""States of the page Recognize that last only for a moment, or that few videos lead to."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("streamlit")

import streamlit as st
from streamlit.testing.v1 import AppTest
from visit import count_calls, count_downloads, open_tab, played, shown_text

from action_recognition.dashboard import model_choice
from action_recognition.dashboard import session as session_module
from action_recognition.dashboard.job_queue import Job, JobQueue
from action_recognition.dashboard.pages.details import DETAILS, TIMELINE
from action_recognition.dashboard.settings import MODEL_VARIABLE
from action_recognition.models.model_file import KINETICS, Model, save_model
from action_recognition.models.open_set import OpenSetRule
from action_recognition.recognition.recognizer import Recognizer
from video_maker import MadeVideo

pytestmark = pytest.mark.slow  # the whole file: some seconds

MakeVideo = Callable[..., MadeVideo]
PAGE = Path(__file__).parents[2] / "op_app.py"


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    gate = threading.Event()
    yield gate
    gate.set()


@pytest.fixture
def queue(monkeypatch: pytest.MonkeyPatch) -> JobQueue:
    queue = JobQueue()
    monkeypatch.setattr(session_module, "shared_queue", lambda: queue)
    return queue


@pytest.fixture
def page(tiny_model_path: Path, monkeypatch: pytest.MonkeyPatch, make_video: MakeVideo) -> AppTest:
    """With a video that waits to be predicted."""
    monkeypatch.setenv(MODEL_VARIABLE, str(tiny_model_path))
    page = AppTest.from_file(PAGE, default_timeout=120).run()
    content = make_video("clip.mp4", seconds=1).path.read_bytes()
    return page.file_uploader[0].set_value(("clip.mp4", content, "video/mp4")).run()


def _look_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The page is left as it is at the second look at a job: AppTest sees no page in between."""
    looks: list[Job[Any]] = []

    def wait(self: Job[Any], timeout_s: float) -> bool:
        looks.append(self)
        if len(looks) > 1:
            st.stop()
        return False

    monkeypatch.setattr(Job, "wait", wait)


def _bars(page: AppTest) -> list[str]:
    return [bar.proto.text for bar in page.get("progress")]


def test_while_others_predict_the_place_in_line_is_shown(
    page: AppTest, queue: JobQueue, gate: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        queue.join(lambda _: gate.wait(60))
    with monkeypatch.context() as stopped:
        _look_once(stopped)
        page.button[0].click().run()
    assert _bars(page) == ["Waiting in line: 3 videos are ahead of yours."]
    assert not page.header
    gate.set()
    page.run()  # any other interaction finds the job in its place and its answer
    assert page.header
    assert not _bars(page)
    assert queue.served == 5  # those three, the prediction once, its heat maps


def test_the_stage_of_the_work_is_named(
    page: AppTest, queue: JobQueue, gate: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    original, begun = Recognizer.predict, threading.Event()

    def slow(self: Recognizer, *arguments: Any, **settings: Any) -> Any:
        settings["on_stage"]("decode")
        begun.set()
        gate.wait(60)
        return original(self, *arguments, **settings)

    monkeypatch.setattr(Recognizer, "predict", slow)
    monkeypatch.setattr(Job, "done", property(lambda job: begun.wait(60) and job._future.done()))
    with monkeypatch.context() as stopped:
        _look_once(stopped)
        page.button[0].click().run()
    assert _bars(page) == ["Taking frames from it …"]
    gate.set()
    assert page.run().header


@pytest.fixture
def strict_page(
    page: AppTest, tiny_model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AppTest:
    """With a model that takes nothing for a known action."""
    strict = replace(tiny_model, open_set=OpenSetRule(1.0, 0.0, threshold=1e6, slope=1.0))
    save_model(strict, tmp_path / "strict.h5")
    monkeypatch.setenv(MODEL_VARIABLE, str(tmp_path / "strict.h5"))
    return page.run()


def _everyday(monkeypatch: pytest.MonkeyPatch, path: Path) -> None:
    """Puts a file in the place of the model of 600 everyday actions."""
    original = model_choice.find_model
    monkeypatch.setattr(
        model_choice, "find_model", lambda name: path if name == KINETICS else original(name)
    )


def test_where_none_is_known_the_model_of_everyday_actions_is_asked_once(
    strict_page: AppTest, tiny_model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ("playing guitar", "tap dancing", "yoga")
    save_model(replace(tiny_model, classes=names, temperature=0.05), tmp_path / "everyday.h5")
    _everyday(monkeypatch, tmp_path / "everyday.h5")
    asked = count_calls(monkeypatch, Recognizer, "predict")
    page = strict_page
    page.button[0].click().run()
    assert page.header[0].value == "None of the known actions"
    text = shown_text(page)
    assert "If it does, it is most likely " in text
    line = next(t for t in text.splitlines() if t.startswith("Kinetics-600 (3 everyday actions): "))
    assert any(name in line for name in names)
    assert len(asked) == 2
    page.run()
    assert len(asked) == 2
    assert not page.exception
    assert not page.error


def test_an_unsure_second_opinion_has_two_actions(
    strict_page: AppTest, tiny_model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_model(replace(tiny_model, temperature=100), tmp_path / "everyday.h5")
    _everyday(monkeypatch, tmp_path / "everyday.h5")
    strict_page.button[0].click().run()
    text = shown_text(strict_page)
    assert re.search(r"Kinetics-600 \(3 everyday actions\): unsure, \w+ 3.* % or \w+ 3.* %", text)


def test_where_the_second_model_is_missing_one_sentence_says_so(
    strict_page: AppTest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _everyday(monkeypatch, tmp_path / "gone.h5")
    page = strict_page
    page.button[0].click().run()
    assert page.header[0].value == "None of the known actions"
    assert "A second model could not be asked. gone.h5: there is no such model file." in shown_text(
        page
    )
    assert not page.error
    assert page.get("image")  # the evidence is there all the same


def test_an_unsure_answer_names_two_actions(
    page: AppTest, tiny_model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_model(replace(tiny_model, temperature=100), tmp_path / "unsure.h5")
    monkeypatch.setenv(MODEL_VARIABLE, str(tmp_path / "unsure.h5"))
    page.run().button[0].click().run()
    assert page.header[0].value == "Unsure"
    text = shown_text(page)
    assert re.search(r"Most likely \w+ 3.* % or \w+ 3.* %: no action reaches 50 %", text)
    assert "Kinetics" not in text
    open_tab(page, TIMELINE)
    assert all(re.fullmatch(r"Unsure: \w+ or \w+", m["label"]) for m in played(page)["moments"])
    offered = count_downloads(monkeypatch)
    open_tab(page, DETAILS)
    assert re.search(r"\nUnsure: \w+ or \w+ 3", str(offered["clip.vtt"]))
    assert not page.exception


@pytest.mark.parametrize(
    ("file", "reason"),
    [
        ("none.h5", "there is no such model file"),
        ("damaged.h5", "it is an HDF5 file, but not a model of this project"),
    ],
)
def test_every_page_tells_of_a_model_that_cannot_be_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str, reason: str
) -> None:
    (tmp_path / "damaged.h5").write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(90))
    monkeypatch.setenv(MODEL_VARIABLE, str(tmp_path / file))
    for module, name in (
        ("recognize", "recognize"), ("many_videos", "many"), ("live", "live"), ("model", "model"),
    ):  # fmt: skip
        module = f"action_recognition.dashboard.pages.{module}"
        page = AppTest.from_string(f"from {module} import {name}_page as p\np()").run()
        (error,) = page.error
        assert error.value.startswith(f"{file}: {reason}"), name
        assert not page.exception
