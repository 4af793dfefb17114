"""The page Live: pictures go in, answers are written over them; and what it says without camera."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray

pytest.importorskip("streamlit")

from streamlit.testing.v1 import AppTest

from action_recognition.dashboard import live as live_module
from action_recognition.dashboard import live_page
from action_recognition.dashboard.line import Line
from action_recognition.dashboard.live import Camera, LiveAnswer, Watcher, write_over
from action_recognition.dashboard.settings import ICE_VARIABLE, MODEL_VARIABLE
from action_recognition.modelfile import Model
from action_recognition.novelty import Novelty
from action_recognition.recognizer import Recognizer, clip_outputs


@pytest.fixture
def line(monkeypatch: pytest.MonkeyPatch) -> Line:
    """A line of its own, so that a test can wait until it is empty."""
    line = Line()
    monkeypatch.setattr(live_module, "shared_line", lambda: line)
    return line


def _picture(k: int) -> NDArray[np.uint8]:
    return np.full((48, 64, 3), (10 * k) % 256, dtype=np.uint8)


def _times(start: int, stop: int) -> Iterator[tuple[int, float]]:
    """Pictures of a camera with 20 frames/s."""
    for k in range(start, stop):
        yield k, k / 20


def test_the_answer_is_that_of_the_network_on_the_last_pictures(
    tiny_model: Model, line: Line
) -> None:
    watcher = Watcher(Recognizer(tiny_model))
    for k, time_s in _times(0, 7):  # one clip: 4 pictures, 0.1 s apart
        assert watcher.feed(_picture(k), time_s) is None
    line.join(lambda _: None).result()
    answer = watcher.feed(_picture(7), 0.35)
    assert answer is not None
    clip = np.stack([_picture(k)[:32, :32] for k in (0, 2, 4, 6)])
    logits, _ = clip_outputs(tiny_model.network, clip[None], tiny_model.preprocessing)
    assert answer.action == tiny_model.classes[int(logits.argmax())]
    assert answer.known
    assert answer.latency_s > 0


def test_it_answers_every_step_and_passes_over_what_is_late(tiny_model: Model, line: Line) -> None:
    watcher = Watcher(Recognizer(tiny_model), step_s=0.5)
    busy = line.join(lambda _: None)
    busy.result()
    before = line.served
    for k, time_s in _times(0, 60):  # 3 s
        watcher.feed(_picture(k), time_s)
        line.join(lambda _: None).result()
    answers = line.served - before - 60
    assert answers == 6


def test_while_the_network_is_busy_steps_are_passed_over(tiny_model: Model, line: Line) -> None:
    gate = threading.Event()
    line.join(lambda _: gate.wait(60))
    watcher = Watcher(Recognizer(tiny_model), step_s=0.1)
    assert all(watcher.feed(_picture(k), time_s) is None for k, time_s in _times(0, 60))
    gate.set()
    line.join(lambda _: None).result()
    assert line.served == 3  # the gate, one clip of many, and the last job
    assert watcher.feed(_picture(60), 3.0) is not None


def test_an_old_answer_is_not_shown(tiny_model: Model, line: Line) -> None:
    watcher = Watcher(Recognizer(tiny_model))
    for k, time_s in _times(0, 8):
        watcher.feed(_picture(k), time_s)
    line.join(lambda _: None).result()
    assert watcher.feed(_picture(8), 0.4) is not None
    assert watcher.feed(_picture(9), 60.0) is None  # the camera was off for a minute


def test_none_of_these(tiny_model: Model, line: Line) -> None:
    width = tiny_model.network.architecture.width
    rule = Novelty(
        np.zeros((3, width), np.float16), np.ones(width, np.float32), {"energy": (0.0, 1.0)}, 1e6
    )
    watcher = Watcher(Recognizer(replace(tiny_model, novelty=rule)))
    for k, time_s in _times(0, 8):
        watcher.feed(_picture(k), time_s)
    line.join(lambda _: None).result()
    answer = watcher.feed(_picture(8), 0.4)
    assert answer is not None
    assert not answer.known
    assert str(answer).startswith("None of these · ")


def test_the_text_stands_in_a_bar_below_and_the_rest_is_untouched() -> None:
    pixels = np.full((240, 320, 3), 128, dtype=np.uint8)
    written = write_over(pixels, str(LiveAnswer("Falling on Floor", 0.9, True, 0.123)))
    assert (written[:210] == 128).all()
    bar = written[214:].astype(int)
    assert bar.max() > 200  # the text
    assert np.median(bar) < 70  # on a dark ground
    assert (written[:, -3:].max(axis=2) <= 128).all()  # nothing is cut off
    assert str(LiveAnswer("Run", 0.9, True, 0.123)) == "Run 90.0 % · 123 ms"


def test_a_long_name_is_made_to_fit() -> None:
    written = write_over(np.full((120, 160, 3), 128, dtype=np.uint8), "A very long name " * 4)
    assert (written[:, -2:].max(axis=2) <= 128).all()


def test_the_camera_keeps_the_time_of_each_picture(tiny_model: Model, line: Line) -> None:
    frame = av.VideoFrame.from_ndarray(_picture(3), format="rgb24").reformat(format="yuv420p")
    frame.pts, frame.time_base = 900, Fraction(1, 90_000)
    shown = Camera(Recognizer(tiny_model)).receive(frame)
    assert (shown.pts, shown.time_base) == (900, Fraction(1, 90_000))
    assert (shown.width, shown.height) == (64, 48)


def _page() -> None:
    from action_recognition.dashboard.live_page import live_page

    live_page()


def test_without_the_package_the_page_says_how_to_install_it(
    tiny_model_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(MODEL_VARIABLE, str(tiny_model_path))
    monkeypatch.setattr(live_page, "find_spec", lambda _: None)
    page = AppTest.from_function(_page, default_timeout=60).run()
    assert not page.exception
    assert ".[live]" in page.info[0].value


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
    first, second = asked
    assert first["video_frame_callback"] == second["video_frame_callback"]  # one camera a visitor
    assert first["rtc_configuration"] == {"iceServers": []}  # nothing leaves without the operator
    assert first["media_stream_constraints"]["audio"] is False
    monkeypatch.setenv(ICE_VARIABLE, "stun:stun.example.org:3478")
    page.run()
    assert asked[-1]["rtc_configuration"]["iceServers"] == [
        {"urls": ["stun:stun.example.org:3478"]}
    ]
