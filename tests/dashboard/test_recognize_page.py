"""The page Recognize: uploads, examples, clicks and answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

pytest.importorskip("streamlit")

from streamlit.testing.v1 import AppTest
from visit import CLASSES, bars, count_calls, predict, shown_text, upload

from action_recognition.dashboard import session as session_module
from action_recognition.dashboard.examples import BUILT_IN
from action_recognition.recognition.recognizer import Recognizer
from action_recognition.recognition.wording import percent
from action_recognition.video.orientation import Orientation
from video_maker import MadeVideo

MakeVideo = Callable[..., MadeVideo]


def test_page_opens_and_names_the_classes(page: AppTest) -> None:
    assert not page.exception
    assert page.title[0].value == "Action Recognition"
    text = shown_text(page)
    assert "three actions: one of the project's ten, and two more" in text
    assert "Actions :blue-badge[Hitting]" in text
    assert "Others :gray-badge[Reading] :gray-badge[Swimming]" in text
    assert "does not know yet: Baby Crawling, Dancing" in text
    assert "`tiny.h5` · 3D CNN → LSTM → GRU → dense layer" in text
    assert not page.button


@pytest.mark.slow
@pytest.mark.parametrize("name", ["clip.mp4", "clip.avi"])
def test_upload_and_predict(page: AppTest, make_video: MakeVideo, name: str) -> None:
    upload(page, name, make_video(name, seconds=2, audio=2.0).path.read_bytes())
    assert page.get("video")[0].proto.url.endswith(".mp4")
    assert not page.header  # no answer without a click
    predict(page)
    assert not page.exception
    assert not page.error
    assert page.header[0].value in CLASSES
    assert set(bars(page)) == set(CLASSES)
    assert bars(page)[0] == page.header[0].value
    text = shown_text(page)
    assert "% probability, runner-up " in text
    assert "Answered in" in text
    assert "decode" in text
    assert "2.0 s · 64 x 48 pixels · 25 frames/s" in text
    assert "with sound" in text
    captions = [i.caption for i in page.get("image")[-1].proto.imgs]
    assert len(captions) == 8
    assert (captions[0], captions[-1]) == ("0.00 s", "1.88 s")
    assert f"the gradient of the score of {page.header[0].value} " in text


@pytest.mark.slow
def test_the_answer_is_that_of_the_recognizer(page: AppTest, make_video: MakeVideo) -> None:
    made = make_video("clip.avi", seconds=3)
    predict(upload(page, "clip.avi", made.path.read_bytes()))
    expected = Recognizer.load(made.path.parent / "tiny.h5").predict(made.path)
    assert page.header[0].value == expected.action
    assert bars(page) == [action for action, _ in expected.ranked]
    assert f"{percent(expected.probability)}" in shown_text(page)


@pytest.mark.slow
def test_an_example_is_predicted_like_an_upload(
    page: AppTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    previews = count_calls(monkeypatch, session_module, "preview")
    (choice,) = page.pills
    assert choice.options == [example.title for example in BUILT_IN]
    choice.set_value(BUILT_IN[0].title).run()
    assert page.get("video")
    predict(page)
    assert page.header[0].value in CLASSES
    assert "12.0 s · 352 x 288 pixels" in shown_text(page)
    assert previews == ["akiyo.mp4"]  # once, not at each click
    choice.set_value(None).run()
    assert not page.get("video")


@pytest.mark.slow
def test_taking_the_upload_away_clears_the_page(page: AppTest, make_video: MakeVideo) -> None:
    predict(upload(page, "clip.mp4", make_video("clip.mp4").path.read_bytes()))
    page.file_uploader[0].set_value(None).run()
    assert not page.header
    assert not page.get("video")
    assert not page.error


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "settings", "facts"),
    [
        ("portrait.mov", {"size": (48, 64)}, "1.0 s · 48 x 64 pixels · 25 frames/s"),
        ("turned.mp4", {"orientation": Orientation(1)}, "1.0 s · 48 x 64 pixels · 25 frames/s"),
        ("4k.mp4", {"size": (3840, 2160), "seconds": 0.08}, "0.1 s · 3840 x 2160 pixels"),
        ("slow.mkv", {"fps": 1, "seconds": 4}, "4.0 s · 64 x 48 pixels · 1 frames/s"),
        ("quick.webm", {"fps": 120}, "1.0 s · 64 x 48 pixels · 120 frames/s"),
        ("sound.webm", {"audio": 1.0}, "VP9 · with sound"),
        ("silent.avi", {}, "MPEG-4 · no sound"),
    ],
)
def test_films_of_every_kind(
    page: AppTest, make_video: MakeVideo, name: str, settings: dict[str, Any], facts: str
) -> None:
    content = make_video(name, **{"seconds": 1.0, **settings}).path.read_bytes()
    predict(upload(page, name, content))
    assert not page.exception
    assert not page.error
    assert page.header[0].value in CLASSES
    assert facts in shown_text(page)
