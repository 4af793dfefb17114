"""The page Live: pictures go in, answers are written over them; and what it says without camera."""

from __future__ import annotations

import asyncio
import threading
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray

pytest.importorskip("streamlit")

from streamlit.testing.v1 import AppTest

from action_recognition.dashboard.media import camera as live_module
from action_recognition.dashboard.media.camera import STEP_S, Camera, in_words, write_over
from action_recognition.dashboard.pages import live
from action_recognition.dashboard.settings import ICE_VARIABLE, MODEL_VARIABLE
from action_recognition.models.model_file import Model
from action_recognition.recognition.recognizer import Recognizer
from action_recognition.recognition.streaming import StreamAnswer

pytestmark = pytest.mark.slow  # the whole file: some seconds


class Film:
    """Pictures of a camera with 20 frames/s, and its clock."""

    def __init__(self) -> None:
        self.time_s = 100.0

    def clock(self) -> float:
        return self.time_s

    def play(self, camera: Camera, count: int) -> list[NDArray[np.uint8]]:
        """What the visitor sees of so many pictures, each a little brighter."""
        shown = []
        for k in range(count):
            frame = av.VideoFrame.from_ndarray(np.full((96, 128, 3), 5 * k, np.uint8), "rgb24")
            frame.pts, frame.time_base = 900 * k, Fraction(1, 90_000)
            written = camera.receive(frame)
            assert (written.pts, written.time_base) == (900 * k, Fraction(1, 90_000))
            shown.append(written.to_ndarray(format="rgb24"))
            self.time_s += 0.05
        return shown


@pytest.fixture
def words(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Each line that is written over a picture."""
    said: list[str] = []

    def listen(pixels: NDArray[np.uint8], text: str) -> NDArray[np.uint8]:
        said.append(text)
        return write_over(pixels, text)

    monkeypatch.setattr(live_module, "write_over", listen)
    return said


def test_the_answer_is_that_of_the_stream(tiny_model: Model, words: list[str]) -> None:
    recognizer, film = Recognizer(tiny_model), Film()
    shown = Film().play(Camera(recognizer, wait=True, clock=film.clock), 1)
    assert words == ["Looking …"]
    assert shown[0].shape == (96, 128, 3)
    words.clear()
    camera = Camera(recognizer, wait=True, clock=film.clock)
    film.play(camera, 40)
    with recognizer.stream(step_s=STEP_S, wait=True) as stream:
        answers = [
            answer
            for k in range(40)
            for answer in stream.feed(np.full((96, 128, 3), 5 * k, np.uint8), 100 + k / 20)
        ]
    assert len(answers) >= 2
    assert words[0] == "Looking …"
    seen = [word.split(" · ")[0] for word in words if word != "Looking …"]
    expected = [in_words(answer).split(" · ")[0] for answer in answers]
    assert list(dict.fromkeys(seen)) == list(dict.fromkeys(expected))
    camera.end()


def test_after_a_pause_the_old_answer_is_gone(tiny_model: Model, words: list[str]) -> None:
    film = Film()
    camera = Camera(Recognizer(tiny_model), wait=True, clock=film.clock)
    film.play(camera, 20)
    assert words[-1] != "Looking …"
    film.time_s += 60
    film.play(camera, 1)
    assert words[-1] == "Looking …"


def test_of_the_pictures_that_wait_the_newest_is_taken_and_the_others_are_counted(
    tiny_model: Model, words: list[str]
) -> None:
    film = Film()
    camera = Camera(Recognizer(tiny_model), wait=True, clock=film.clock)

    def come(*levels: int) -> int:
        """How bright the picture is that is given back."""
        frames = [
            av.VideoFrame.from_ndarray(np.full((96, 128, 3), level, np.uint8), "rgb24")
            for level in levels
        ]
        for frame in frames:
            frame.pts, frame.time_base = 0, Fraction(1, 90_000)
        (shown,) = asyncio.run(camera.receive_newest(frames))
        film.time_s += 0.05
        return int(shown.to_ndarray(format="rgb24")[0, 0, 0])

    assert come(10) == 10
    assert come(20, 30, 40) == 40
    assert come(50, 60) == 60
    assert words == ["Looking …", "Looking … · 2 dropped", "Looking … · 3 dropped"]
    camera.end()
    assert come(70) == 70
    assert words[-1] == "Looking …"  # another camera, another count
    camera.end()


def test_a_camera_that_changes_its_size_goes_on(tiny_model: Model, words: list[str]) -> None:
    """A browser sends smaller pictures while the network is slow."""
    film = Film()
    camera = Camera(Recognizer(tiny_model), wait=True, clock=film.clock)
    for height, width in [(96, 128)] * 10 + [(48, 64)] * 10 + [(240, 320)] * 10:
        frame = av.VideoFrame.from_ndarray(np.full((height, width, 3), 90, np.uint8), "rgb24")
        frame.pts, frame.time_base = 0, Fraction(1, 90_000)
        shown = camera.receive(frame.reformat(format="yuv420p"))
        assert (shown.height, shown.width) == (height, width)
        film.time_s += 0.05
    assert words[-1] != "Looking …"
    camera.end()


def test_when_the_camera_is_off_its_thread_ends_and_it_can_be_on_again(
    tiny_model: Model, words: list[str]
) -> None:
    film = Film()
    camera = Camera(Recognizer(tiny_model), clock=film.clock)
    before = threading.active_count()
    film.play(camera, 20)
    assert threading.active_count() == before + 1
    camera.end()
    assert threading.active_count() == before
    camera.end()  # twice does no harm
    film.play(camera, 1)
    assert words[-1] == "Looking …"
    camera.end()


def test_answers_in_words() -> None:
    ranked = (("Run", 0.9), ("Walk", 0.1))
    close = (("Run", 0.45), ("Walk", 0.35), ("Sit", 0.2))
    assert in_words(StreamAnswer(1.0, ranked, 1.0, 0.123)) == "Run 90.0 % · 123 ms"
    assert in_words(StreamAnswer(1.0, close, 0.9, 0.02)) == (
        "Unsure: Run 45.0 % or Walk 35.0 % · 20 ms"
    )
    unknown = StreamAnswer(1.0, ranked, 0.2, 0.04)
    assert in_words(unknown) == "None of these · 40 ms"
    assert in_words(unknown, dropped=7) == "None of these · 40 ms · 7 dropped"


def test_the_text_stands_in_a_bar_below_and_the_rest_is_untouched() -> None:
    pixels = np.full((240, 320, 3), 128, dtype=np.uint8)
    written = write_over(pixels, "Falling on Floor 90.0 % · 123 ms")
    assert (written[:210] == 128).all()
    bar = written[214:].astype(int)
    assert bar.max() > 200  # the text
    assert np.median(bar) < 70  # on a dark ground
    assert (written[:, -3:].max(axis=2) <= 128).all()  # nothing is cut off


def test_a_long_name_is_made_to_fit() -> None:
    written = write_over(np.full((120, 160, 3), 128, dtype=np.uint8), "A very long name " * 4)
    assert (written[:, -2:].max(axis=2) <= 128).all()


def _page() -> None:
    from action_recognition.dashboard.pages.live import live_page

    live_page()


def test_without_the_package_the_page_says_how_to_install_it(
    tiny_model_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(MODEL_VARIABLE, str(tiny_model_path))
    monkeypatch.setattr(live, "find_spec", lambda _: None)
    page = AppTest.from_function(_page, default_timeout=60).run()
    assert not page.exception
    assert ".[live]" in page.info[0].value


@pytest.mark.slow
def test_with_the_package_the_page_hands_the_camera_to_the_model(
    tiny_model_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    webrtc = pytest.importorskip("streamlit_webrtc")
    asked: list[dict[str, Any]] = []
    # It needs a server's session, which AppTest has not; the browser test has the real one.
    monkeypatch.setattr(webrtc, "webrtc_streamer", lambda **settings: asked.append(settings))
    monkeypatch.setenv(MODEL_VARIABLE, str(tiny_model_path))
    page = AppTest.from_function(_page, default_timeout=60).run().run()
    assert not page.exception
    assert not page.info
    first, _ = asked
    callbacks = [settings["queued_video_frames_callback"] for settings in asked]
    assert callbacks[0] == callbacks[1]  # one camera a visitor
    assert first["rtc_configuration"] == {"iceServers": []}  # nothing leaves without the operator
    assert first["media_stream_constraints"]["audio"] is False
    monkeypatch.setenv(ICE_VARIABLE, "stun:stun.example.org:3478")
    page.run()
    assert asked[-1]["rtc_configuration"]["iceServers"] == [
        {"urls": ["stun:stun.example.org:3478"]}
    ]
