"""Where nothing moves no action is seen: in a whole video, a timeline, and live."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from action_recognition.clips import Preprocessing
from action_recognition.models.model_file import Model
from action_recognition.models.open_set import OpenSetRule
from action_recognition.recognition.recognizer import Recognizer
from action_recognition.recognition.results import Prediction
from action_recognition.recognition.streaming import StreamAnswer
from action_recognition.video import Video
from tiny_network import build_tiny_model
from video_maker import MadeVideo, Pattern

pytestmark = pytest.mark.slow  # the whole file: some seconds

MakeVideo = Callable[..., MadeVideo]
Image = NDArray[np.uint8]
# All that moves is taken for known.
RULE = OpenSetRule(energy=1.0, odds=0.0, threshold=-1e6, slope=1.0, likeness=1.0)


def camera(moves: Callable[[float], bool]) -> Pattern:
    """A noisy camera in a room, where a bright square moves at the times that are asked for."""
    random = np.random.default_rng(0)
    room = random.integers(30, 200, (6, 8, 3), dtype=np.uint8).repeat(16, 0).repeat(16, 1)
    place = 0

    def picture(index: int, time_s: float, width: int, height: int) -> Image:
        nonlocal place
        place += 7 * moves(time_s)
        image = room[:height, :width] + random.normal(0, 3, (height, width, 3))
        left = place % (width - 24)
        image[30:54, left : left + 24] = 250
        return image.clip(0, 255).astype(np.uint8)

    return picture


def moving(_: float) -> bool:
    return True


def still(_: float) -> bool:
    return False


@pytest.fixture
def model(tiny_preprocessing: Preprocessing) -> Model:
    return replace(build_tiny_model(tiny_preprocessing, pretrained=5), open_set=RULE)


@pytest.fixture
def recognizer(model: Model) -> Recognizer:
    return Recognizer(model, device="cpu")


@pytest.fixture
def record(make_video: MakeVideo) -> Callable[..., Path]:
    def made(seconds: float, moves: Callable[[float], bool]) -> Path:
        name, pattern = f"{moves.__name__}.mp4", camera(moves)
        return make_video(name, seconds=seconds, fps=10, size=(128, 96), pattern=pattern).path

    return made


@pytest.mark.parametrize("seconds", [0.2, 2, 9])  # the last one is seen in five stretches
def test_a_still_video_shows_no_action_and_the_same_kind_of_video_that_moves_does(
    record: Callable[..., Path], recognizer: Recognizer, seconds: float
) -> None:
    paths = [record(seconds, moves) for moves in (still, moving)]
    for none, action in (
        [recognizer.predict(path) for path in paths],
        [p for _, p in recognizer.predict_many(paths) if isinstance(p, Prediction)],
    ):
        assert (none.action, none.known_probability) == (None, 0)
        assert action.action == action.nearest_action
        assert action.known_probability == pytest.approx(1)
        assert sum(share for _, share in none.ranked) == pytest.approx(
            1
        )  # the nearest is still named
        assert none.nearest_action in recognizer.classes


def test_of_a_single_frame_the_rule_decides(
    record: Callable[..., Path], recognizer: Recognizer
) -> None:
    found = recognizer.predict(record(0.1, still))
    assert len(found.clips_s) == 1
    assert found.action == found.nearest_action
    (segment,) = recognizer.timeline(record(0.1, still))
    assert segment.action == found.action


def test_a_model_without_a_rule_always_names_an_action(
    record: Callable[..., Path], model: Model
) -> None:
    recognizer = Recognizer(replace(model, open_set=None), device="cpu")
    path = record(2, still)
    assert recognizer.predict(path).known_probability == 1
    assert {m.known_probability for m in recognizer.moments(path)} == {1}
    assert all(s.action is not None for s in recognizer.timeline(path))


def later(time_s: float) -> bool:
    """It moves in the middle."""
    return 3 <= time_s < 6


@pytest.mark.parametrize("of_windows", [False, True])
def test_a_timeline_shows_an_action_only_where_something_moves(
    record: Callable[..., Path], model: Model, of_windows: bool
) -> None:
    if of_windows:  # the rule for single windows is another one
        model = replace(model, open_set=None, window_open_set=RULE)
    recognizer = Recognizer(model, device="cpu")
    path = record(9, later)
    for moment in recognizer.moments(path, step_s=0.1):  # windows reach 0.2 s to either side
        if not 2.75 < moment.time_s < 6.25:
            assert moment.known_probability == 0, moment.time_s
        elif 3.25 < moment.time_s < 5.75:
            assert moment.known_probability == pytest.approx(1), moment.time_s
    segments = list(recognizer.timeline(path, step_s=0.1, dwell_s=0.5))
    assert segments[0].action is segments[-1].action is None
    shown = [s for s in segments if s.action is not None]
    assert len(shown) == len(segments) - 2
    assert shown[0].start_s == pytest.approx(3, abs=0.3)
    assert shown[-1].end_s == pytest.approx(6, abs=0.3)


@pytest.mark.slow
@pytest.mark.parametrize("step_s", [0.1, 0.5])
def test_a_stream_says_what_the_timeline_of_the_file_says(
    record: Callable[..., Path], recognizer: Recognizer, step_s: float
) -> None:
    path = record(9, later)
    expected = list(recognizer.moments(path, step_s=step_s))
    assert {round(m.known_probability, 6) for m in expected} == {0, 1}
    found: list[StreamAnswer] = []
    with recognizer.stream(step_s=step_s, wait=True) as stream, Video(path) as video:
        for time_s, frame in video.timed_frames():
            found += stream.feed(frame, time_s)
        found += stream.end(video.info.duration_s)
    assert [a.time_s for a in found] == pytest.approx([m.time_s for m in expected])
    for answer, moment in zip(found, expected, strict=True):
        assert answer.known_probability == pytest.approx(moment.known_probability, abs=1e-4)
        assert (answer.action is None) == (moment.known_probability == 0)


def test_after_a_gap_a_stream_forgets_what_moved(recognizer: Recognizer) -> None:
    """The first frame of a new film looks like a movement if it is compared with the old one."""
    rooms = [np.random.default_rng(k).integers(0, 256, (48, 64, 3), np.uint8) for k in range(2)]
    with recognizer.stream(wait=True, step_s=0.1) as stream:
        found = [a for k in range(8) for a in stream.feed(rooms[0], k / 10)]
        found += [a for k in range(8) for a in stream.feed(rooms[1], 100 + k / 10)]
    assert len(found) == 10
    assert {a.known_probability for a in found} == {0}
