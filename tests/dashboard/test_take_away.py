"""Take away, below the timeline: what is offered, and what is in it."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from typing import Any

import av
import pytest

pytest.importorskip("streamlit")

from PIL import Image
from streamlit.testing.v1 import AppTest
from visit import count_downloads

from action_recognition.dashboard.pages import take_away
from action_recognition.errors import VideoError
from video_maker import MadeVideo

pytestmark = pytest.mark.slow  # the whole file: some seconds

MakeVideo = Callable[..., MadeVideo]


def draw(content: bytes, model: str, length_s: float) -> None:
    """The page of these tests: AppTest runs the text of this function."""
    from action_recognition.dashboard.pages.take_away import show_take_away
    from action_recognition.dashboard.session import Upload
    from action_recognition.dashboard.strangers import load_recognizer
    from action_recognition.recognition.segmentation import Segment

    recognizer = load_recognizer(model)
    upload = Upload.of("my film.mp4", content)
    with recognizer.open(__import__("io").BytesIO(content), "my film.mp4") as video:
        info = video.info
    name = recognizer.classes[0]
    segments = [
        Segment(0.0, 1.0, name, name, 0.9, 1.0),
        Segment(1.0, 2.0, None, name, 0.8, 0.1),
        Segment(2.0, length_s, name, name, 0.4, 1.0, "B", 0.3),
    ]
    show_take_away(upload, info, segments, segments[0], recognizer, "tiny")


@pytest.fixture
def offered(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    return count_downloads(monkeypatch)


@pytest.fixture
def page(make_video: MakeVideo, tiny_model_path: object) -> AppTest:
    content = make_video("v.mp4", seconds=3, gop=25, audio=3.0).path.read_bytes()
    arguments = {"content": content, "model": str(tiny_model_path), "length_s": 3.0}
    return AppTest.from_function(draw, default_timeout=60, kwargs=arguments).run()


def choose(page: AppTest, form: str, of: str | None = None) -> AppTest:
    """Clicks a form, and what it shall be made of."""
    groups = page.get("button_group")
    groups[0].set_value(form).run()
    if of is not None:
        page.get("button_group")[1].set_value(of).run()
    assert not page.exception
    return page


def test_nothing_is_made_before_it_is_chosen(page: AppTest, offered: dict[str, Any]) -> None:
    assert not page.exception
    assert not offered
    assert len(page.get("button_group")) == 1


@pytest.mark.parametrize(
    ("form", "name"),
    [
        ("Cut-out", "my-film-0000.0-0001.0-Jumping.mp4"),
        ("GIF", "my-film-0000.0-0001.0-Jumping.gif"),
        ("Annotated film", "my film-annotated.mp4"),
        ("Contact sheet", "my film-moments.png"),
    ],
)
def test_pictures_and_films(page: AppTest, offered: dict[str, Any], form: str, name: str) -> None:
    choose(page, form)
    assert list(offered) == [name]
    content = io.BytesIO(offered[name])
    if name.endswith(".mp4"):
        with av.open(content) as film:
            whole = form == "Annotated film"
            assert film.duration == pytest.approx((3 if whole else 1) * av.time_base, rel=0.05)
            assert len(film.streams.audio) == 1
    else:
        assert Image.open(content).format == name[-3:].upper()


def test_all_cut_outs_come_in_one_file(page: AppTest, offered: dict[str, Any]) -> None:
    choose(page, "Cut-out", "All moments")
    with zipfile.ZipFile(io.BytesIO(offered["my film-moments.zip"])) as archive:
        assert archive.namelist() == [
            "001-my-film-0000.0-0001.0-Jumping.mp4",
            "002-my-film-0002.0-0003.0-Unsure-Jumping-or-B.mp4",
        ]
        assert archive.testzip() is None


@pytest.mark.parametrize(
    ("form", "ending", "begin"),
    [
        ("EDL", "edl", "TITLE: my film\n"),
        ("SRT", "srt", "1\n00:00:00,000 --> 00:00:01,000\nJumping 90.0 %\n\n2\n"),
        ("VTT", "vtt", "WEBVTT\n\n00:00:00.000"),
        ("CSV", "csv", "start_s,end_s,action"),
        ("Label Studio", "json", "["),
        ("CVAT", "xml", "<?xml"),
    ],
)
def test_lists(page: AppTest, offered: dict[str, Any], form: str, ending: str, begin: str) -> None:
    choose(page, form)
    text = offered[f"my film-timeline.{ending}"].decode()
    assert text.startswith(begin)
    if form == "SRT":
        assert "Unsure: Jumping or B" in text
    if form == "Label Studio":  # a label must be one of the model's
        (task,) = json.loads(text)
        assert len(task["predictions"][0]["result"]) == 2
    choose(page, form, "This moment")
    assert len(offered[f"my film-timeline.{ending}"]) < len(text)


def test_a_film_is_made_once(
    page: AppTest, offered: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[object] = []
    original = take_away.cut_outs
    monkeypatch.setattr(
        take_away, "cut_outs", lambda *arguments: made.append(1) or original(*arguments)
    )
    choose(page, "Cut-out").run()
    choose(page, "CSV")
    choose(page, "Cut-out")
    assert len(made) == 1


def test_what_fails_is_one_sentence(page: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise VideoError("my film.mp4", "it is damaged")

    monkeypatch.setattr(take_away, "cut_outs", fail)
    choose(page, "Cut-out")
    assert [box.value for box in page.error] == ["`my film.mp4`: it is damaged"]


def test_long_work_is_asked_for_and_very_long_work_refused(
    make_video: MakeVideo, tiny_model_path: object, offered: dict[str, Any]
) -> None:
    content = make_video("v.mp4", seconds=3).path.read_bytes()
    for length_s, asked in ((100.0, "Make it from 99 s of video"), (1000.0, None)):
        page = AppTest.from_function(
            draw,
            default_timeout=60,
            kwargs={"content": content, "model": str(tiny_model_path), "length_s": length_s},
        ).run()
        choose(page, "Cut-out", "All moments")
        assert [button.label for button in page.button] == ([asked] if asked else [])
        assert "my film-moments.zip" not in offered
    assert "up to 10 are made here" in page.caption[-1].value
