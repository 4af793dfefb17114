"""The page, driven by Streamlit's own AppTest: uploads, clicks, answers, and what goes wrong."""

from __future__ import annotations

import io
import json
import logging
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

pytest.importorskip("streamlit")

from streamlit.testing.v1 import AppTest

from action_recognition.dashboard import session as session_module
from action_recognition.dashboard.course import NONE_OF_THESE
from action_recognition.dashboard.details import DETAILS, EVIDENCE, FRAMES, TABS, TIMELINE
from action_recognition.dashboard.examples import DRAWN
from action_recognition.dashboard.failures import UNEXPECTED
from action_recognition.dashboard.settings import MODEL_VARIABLE
from action_recognition.errors import VideoError
from action_recognition.modelfile import Model, save_model
from action_recognition.recognizer import Recognizer
from video_maker import MadeVideo, time_grey

MakeVideo = Callable[..., MadeVideo]

PAGE = Path(__file__).parents[2] / "op_app.py"
CLASSES = ("Hitting", "Reading", "Swimming")  # one action of the project, two stand-ins


@pytest.fixture
def page(tiny_model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    path = tmp_path / "tiny.h5"
    save_model(replace(tiny_model, classes=CLASSES), path)
    monkeypatch.setenv(MODEL_VARIABLE, str(path))
    return _open()


def _open() -> AppTest:
    return AppTest.from_file(PAGE, default_timeout=120).run()


def _upload(page: AppTest, name: str, content: bytes) -> AppTest:
    return page.file_uploader[0].set_value((name, content, "video/mp4")).run()


def _predict(page: AppTest) -> AppTest:
    (button,) = page.button
    assert button.label == "Predict"
    return button.click().run()


def _text(page: AppTest) -> str:
    text = "\n".join(element.value for element in (*page.markdown, *page.caption))
    return text.replace("\N{MULTIPLICATION SIGN}", "x").replace("**", "")


def _bars(page: AppTest) -> list[str]:
    """Names in the chart, from top to bottom."""
    (chart,) = page.get("vega_lite_chart")
    names: list[str] = json.loads(chart.proto.spec)["layer"][0]["encoding"]["y"]["sort"]
    return names


def test_page_opens_and_names_the_classes(page: AppTest) -> None:
    assert not page.exception
    assert page.title[0].value == "Action Recognition"
    text = _text(page)
    assert "three classes: one of the project's ten actions, and two stand-in classes" in text
    assert "Actions :blue-badge[Hitting]" in text
    assert "Stand-ins :gray-badge[Reading] :gray-badge[Swimming]" in text
    assert "does not know yet: Baby Crawling, Dancing" in text
    assert "`tiny.h5` · 3D CNN → LSTM → GRU → dense layer" in text
    assert not page.button


@pytest.mark.parametrize("name", ["clip.mp4", "clip.avi"])
def test_upload_and_predict(page: AppTest, make_video: MakeVideo, name: str) -> None:
    _upload(page, name, make_video(name, seconds=2, audio=2.0).path.read_bytes())
    assert page.get("video")[0].proto.url.endswith(".mp4")
    assert not page.header  # no answer without a click
    _predict(page)
    assert not page.exception
    assert not page.error
    assert page.header[0].value in CLASSES
    assert set(_bars(page)) == set(CLASSES)
    assert _bars(page)[0] == page.header[0].value
    text = _text(page)
    assert "% probability, runner-up " in text
    assert "Answered in" in text
    assert "decode" in text
    assert "2.0 s · 64 x 48 pixels · 25 frames/s" in text
    assert "with sound" in text
    assert [i.caption for i in page.get("image")[0].proto.imgs] == [
        "0.00 s",
        "0.08 s",
        "0.20 s",
        "0.28 s",
    ]
    assert f"the more it added to the score of {page.header[0].value}" in text


def test_the_answer_is_that_of_the_recognizer(page: AppTest, make_video: MakeVideo) -> None:
    made = make_video("clip.avi", seconds=3)
    _predict(_upload(page, "clip.avi", made.path.read_bytes()))
    expected = Recognizer.load(made.path.parent / "tiny.h5").predict(made.path)
    assert page.header[0].value == expected.action
    assert _bars(page) == [action for action, _ in expected.ranked]
    assert f"{100 * expected.probability:.1f} %" in _text(page)


def _open_tab(page: AppTest, name: str) -> AppTest:
    page.session_state[TABS] = name  # AppTest cannot click a tab
    return page.run()


@pytest.mark.parametrize("tab", [EVIDENCE, FRAMES])
def test_another_clip_can_be_chosen(page: AppTest, make_video: MakeVideo, tab: str) -> None:
    _predict(_upload(page, "clip.mp4", make_video("clip.mp4", seconds=6).path.read_bytes()))
    _open_tab(page, tab)
    (choice,) = page.get("segmented_control")
    assert choice.options == ["0.0 to 0.3 s", "2.8 to 3.1 s", "5.7 to 6.0 s"]
    assert page.get("image")[0].proto.imgs[0].caption == "0.00 s"
    choice.set_value(2).run()
    assert not page.exception
    assert page.get("image")[0].proto.imgs[0].caption == "5.68 s"


def test_frames_are_those_that_the_network_saw(page: AppTest, make_video: MakeVideo) -> None:
    _predict(_upload(page, "clip.mp4", make_video("clip.mp4", seconds=6).path.read_bytes()))
    text = _text(_open_tab(page, FRAMES))
    assert "4 of the 4 frames of clip 1" in text
    assert "32 x 32 pixels" in text
    assert "The answer is the average over all clips." in text


def test_evidence_of_another_action_and_nothing_twice(
    page: AppTest, make_video: MakeVideo, monkeypatch: pytest.MonkeyPatch
) -> None:
    maps = _count_calls(monkeypatch, Recognizer, "explain")
    _predict(_upload(page, "clip.mp4", make_video("clip.mp4", seconds=1).path.read_bytes()))
    assert len(page.get("video")) == 2  # the preview, and the heat maps as a film
    (choice,) = page.selectbox
    assert choice.options == _bars(page)
    assert choice.value == page.header[0].value
    for action in (choice.options[1], choice.options[0], choice.options[1]):
        choice.set_value(action).run()
        assert not page.exception
        assert f"the score of {action}" in _text(page) or f"speaks for {action}" in _text(page)
    assert len(maps) == 2


def test_timeline_is_computed_once_and_covers_the_video(
    page: AppTest, make_video: MakeVideo, monkeypatch: pytest.MonkeyPatch
) -> None:
    computed = _count_calls(monkeypatch, Recognizer, "moments")
    _predict(_upload(page, "clip.mp4", make_video("clip.mp4", seconds=5).path.read_bytes()))
    assert not computed  # not before the tab is open
    for _ in range(2):
        _open_tab(page, TIMELINE)
        assert not page.exception
        (table,) = page.dataframe
        assert table.value["Time"].iloc[0].startswith("0.0 to ")
        assert table.value["Time"].iloc[-1].endswith(" to 5.0 s")
        assert set(table.value["Action"]) <= {*CLASSES, NONE_OF_THESE}
        assert [b.proto.label for b in page.get("download_button")] == ["CSV", "Subtitles"]
        player = page.get("video")[1].proto
        assert [s.label for s in player.subtitles] == ["Actions"]
        _open_tab(page, FRAMES)
    assert len(computed) == 1


def test_timeline_of_a_long_video_waits_to_be_asked(page: AppTest, make_video: MakeVideo) -> None:
    made = make_video("long.mp4", seconds=130, fps=2)
    _predict(_upload(page, "long.mp4", made.path.read_bytes()))
    _open_tab(page, TIMELINE)
    assert not page.dataframe
    assert "There is an answer for every second of 2 minutes" in _text(page)
    page.button[1].click().run()
    assert not page.exception
    assert page.dataframe[0].value["Time"].iloc[-1].endswith(" to 130.0 s")


def test_details_and_downloads(page: AppTest, make_video: MakeVideo) -> None:
    _predict(_upload(page, "my clip.mp4", make_video("c.mp4", seconds=1).path.read_bytes()))
    _open_tab(page, DETAILS)
    assert not page.exception
    (shares,) = (frame.value for frame in page.dataframe)
    assert list(shares["Action"]) == _bars(page)
    assert shares["Probability"].sum() == pytest.approx(1)
    values = page.table[0].value["Value"]
    assert values["Length"] == "1.00 s"
    assert values["Frame rate"] == "25 frames/s"
    assert [b.proto.label for b in page.get("download_button")] == [
        "JSON",
        "CSV",
        "Subtitles",
        "Picture",
    ]


def test_an_example_is_predicted_like_an_upload(
    page: AppTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    previews = _count_calls(monkeypatch, session_module, "browser_preview")
    (choice,) = page.pills
    assert choice.options == [example.title for example in DRAWN]
    choice.set_value(DRAWN[0].title).run()
    assert page.get("video")
    _predict(page)
    assert page.header[0].value in CLASSES
    assert "6.0 s · 480 x 360 pixels" in _text(page)
    assert previews == ["jumping.mp4"]  # once, not at each click
    choice.set_value(None).run()
    assert not page.get("video")


def test_the_model_is_loaded_once(
    page: AppTest, make_video: MakeVideo, monkeypatch: pytest.MonkeyPatch
) -> None:
    loads = _count_calls(monkeypatch, Recognizer, "load")
    for seconds in (1, 2, 3):
        _upload(page, "clip.mp4", make_video(f"{seconds}.mp4", seconds=seconds).path.read_bytes())
        _predict(page)
    _open()
    assert loads == []  # the fixture's own run had loaded it


def test_one_upload_is_recognised_once(
    page: AppTest, make_video: MakeVideo, monkeypatch: pytest.MonkeyPatch
) -> None:
    predictions = _count_calls(monkeypatch, Recognizer, "predict")
    content = make_video("clip.mp4").path.read_bytes()
    other = make_video("other.mp4", seconds=1).path.read_bytes()
    for name, data in (("a.mp4", content), ("b.mp4", other), ("again.mp4", content)):
        _upload(page, name, data)
        _predict(page)
        _predict(page)
    assert predictions == ["a.mp4", "b.mp4"]


def test_two_uploads_of_one_name_do_not_mix(page: AppTest, make_video: MakeVideo) -> None:
    first = make_video("first.mp4", seconds=2).path.read_bytes()
    second = make_video("second.avi", seconds=3, size=(96, 64), pattern=time_grey).path.read_bytes()
    _predict(_upload(page, "clip.mp4", first))
    assert "2.0 s · 64 x 48" in _text(page)
    _upload(page, "clip.mp4", second)
    assert not page.header  # the first answer is gone
    _predict(page)
    assert "3.0 s · 96 x 64" in _text(page)
    _upload(page, "clip.mp4", first)
    assert "2.0 s · 64 x 48" in _text(page)  # remembered


def test_taking_the_upload_away_clears_the_page(page: AppTest, make_video: MakeVideo) -> None:
    _predict(_upload(page, "clip.mp4", make_video("clip.mp4").path.read_bytes()))
    page.file_uploader[0].set_value(None).run()
    assert not page.header
    assert not page.get("video")
    assert not page.error


def test_sessions_do_not_see_each_other(page: AppTest, make_video: MakeVideo) -> None:
    content = make_video("clip.mp4").path.read_bytes()
    _predict(_upload(page, "clip.mp4", content))
    other = _open()
    assert not other.get("video")
    assert not _upload(other, "clip.mp4", content).header


@pytest.mark.parametrize("kind", ["empty", "text", "truncated", "sound only"])
def test_a_bad_upload_then_a_good_one(page: AppTest, make_video: MakeVideo, kind: str) -> None:
    good = make_video("good.mp4", seconds=2).path.read_bytes()
    bad = {
        "empty": b"",
        "text": b"This is no video. " * 50,
        "truncated": good[: len(good) // 2],
        "sound only": _sound_only(),
    }[kind]
    _upload(page, "bad *clip*.mp4", bad)
    (error,) = page.error
    assert error.value.startswith("`bad *clip*.mp4`: ")
    assert "Traceback" not in error.value
    assert not page.exception
    assert not page.header
    _predict(_upload(page, "good.mp4", good))
    assert not page.error
    assert page.header[0].value in CLASSES


def test_an_error_that_only_predict_meets(
    page: AppTest, make_video: MakeVideo, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **settings: Any) -> None:
        raise VideoError(settings["name"], "the file ends at 2_000 s")

    content = make_video("clip.mp4").path.read_bytes()
    with monkeypatch.context() as broken:
        broken.setattr(Recognizer, "predict", fail)
        _predict(_upload(page, "$a$ [b](c) :smile:.mp4", content))
    assert [e.value for e in page.error] == ["`$a$ [b](c) :smile:.mp4`: the file ends at 2\\_000 s"]
    assert not page.header
    page.run()
    assert len(page.error) == 1  # it stays until another video comes
    _predict(_upload(page, "good.mp4", make_video("good.mp4", seconds=1).path.read_bytes()))
    assert not page.error
    assert page.header[0].value in CLASSES


def test_no_model(make_video: MakeVideo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(MODEL_VARIABLE, str(tmp_path / "none.h5"))
    page = _open()
    assert [e.value for e in page.error] == ["none.h5: there is no such model file"]
    assert not page.file_uploader
    assert not page.exception


@pytest.mark.parametrize("content", [b"", b"not HDF5 at all", b"\x89HDF\r\n\x1a\n" + b"\0" * 90])
def test_a_damaged_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    path = tmp_path / "bad_model.h5"
    path.write_bytes(content)
    monkeypatch.setenv(MODEL_VARIABLE, str(path))
    page = _open()
    (error,) = page.error
    assert "bad\\_model.h5" in error.value
    assert not page.file_uploader
    assert not page.exception


def test_a_replaced_model_is_loaded(page: AppTest, tiny_model: Model, tmp_path: Path) -> None:
    names = ("Talking", "Dancing", "Drinking")
    save_model(replace(tiny_model, classes=names), tmp_path / "tiny.h5")
    assert "three of the project's ten actions" in _text(page.run())


def test_an_unexpected_failure_is_one_sentence_and_a_log_entry(
    page: AppTest,
    make_video: MakeVideo,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("secret detail")

    _upload(page, "clip.mp4", make_video("clip.mp4").path.read_bytes())
    with monkeypatch.context() as broken, caplog.at_level(logging.ERROR):
        broken.setattr(Recognizer, "predict", fail)
        _predict(page)
    assert [e.value for e in page.error] == [UNEXPECTED]
    assert not page.exception
    assert "secret detail" in caplog.text
    _predict(page)
    assert page.header[0].value in CLASSES


def test_no_file_is_left_behind(
    page: AppTest, make_video: MakeVideo, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    content = make_video("clip.avi").path.read_bytes()
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    _predict(_upload(page, "clip.avi", content))
    assert list(scratch.iterdir()) == []


def _count_calls(monkeypatch: pytest.MonkeyPatch, owner: Any, method: str) -> list[str]:
    """Lets a method work as before, and lists the `name` of each call."""
    calls: list[str] = []
    original = getattr(owner, method)

    def counting(*arguments: Any, **settings: Any) -> Any:
        calls.append(settings.get("name", ""))
        return original(*arguments, **settings)

    monkeypatch.setattr(owner, method, counting)
    return calls


def _sound_only() -> bytes:
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as out:
        stream = out.add_stream("aac", rate=48000)
        frame = av.AudioFrame.from_ndarray(
            np.zeros((1, 48000), dtype=np.float32), format="fltp", layout="mono"
        )
        frame.sample_rate = 48000
        out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return file.getvalue()
