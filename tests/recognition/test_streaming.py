"""Live streams: they agree with whole files, hold little, and never fall behind."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from action_recognition.errors import UsageError
from action_recognition.models.hybridnet import HybridNet
from action_recognition.models.model_file import Model
from action_recognition.models.open_set import OpenSetRule
from action_recognition.models.runtime import Answer, Runtime, State
from action_recognition.models.stored_network import restored
from action_recognition.models.torch_runtime import TorchRuntime
from action_recognition.recognition.recognizer import Recognizer
from action_recognition.recognition.segmentation import Moment
from action_recognition.recognition.streaming import Stream, StreamAnswer
from action_recognition.video import Video
from action_recognition.video.transforms import SquareConverter
from video_maker import MadeVideo

MakeVideo = Callable[..., MadeVideo]
Image = NDArray[np.uint8]


def picture(k: int) -> Image:
    return np.full((48, 64, 3), 10 * k % 256, dtype=np.uint8)


def stripes(index: int, time_s: float, width: int, height: int) -> Image:
    """Moves, and changes its colour each second."""
    image = np.zeros((height, width, 3), dtype=np.uint8)
    image[:, (np.arange(width) + 3 * index) % 16 < 8, int(time_s) % 3] = 200
    return image


@pytest.fixture
def recognizer(tiny_model: Model) -> Recognizer:
    return Recognizer(tiny_model, device="cpu")


def feed_file(stream: Stream, path: Path) -> Iterator[StreamAnswer]:
    with Video(path) as video:
        for time_s, frame in video.timed_frames():
            yield from stream.feed(frame, time_s)
        yield from stream.end(video.info.duration_s)


def agree(found: list[StreamAnswer], expected: list[Moment], recognizer: Recognizer) -> None:
    assert [a.time_s for a in found] == pytest.approx([m.time_s for m in expected])
    for answer, moment in zip(found, expected, strict=True):
        shares = dict(answer.ranked)
        assert [shares[c] for c in recognizer.classes] == pytest.approx(
            list(moment.probabilities), abs=1e-4
        )
        assert answer.known_probability == pytest.approx(moment.known_probability, abs=1e-4)


@pytest.mark.parametrize(("fps", "step_s"), [(7, 0.1), (25, 0.1), (25, 0.5), (30, 1.0)])
def test_a_stream_agrees_with_the_whole_file(
    make_video: MakeVideo, recognizer: Recognizer, fps: int, step_s: float
) -> None:
    path = make_video(seconds=3, fps=fps, pattern=stripes).path
    expected = list(recognizer.moments(path, step_s=step_s))
    assert np.ptp([m.probabilities for m in expected], axis=0).max() > 0.01  # or it shows nothing
    with recognizer.stream(step_s=step_s, wait=True) as stream:
        agree(list(feed_file(stream, path)), expected, recognizer)


@pytest.mark.parametrize("seconds", [0.1, 0.3])
def test_a_film_shorter_than_a_window_has_its_answer_at_the_end(
    make_video: MakeVideo, recognizer: Recognizer, seconds: float
) -> None:
    path = make_video(seconds=seconds, fps=10, pattern=stripes).path
    for wait in (True, False):
        with recognizer.stream(wait=wait) as stream:
            found = list(feed_file(stream, path))
        agree(found, list(recognizer.moments(path)), recognizer)


def test_arrays_are_taken_as_they_are_when_fed(recognizer: Recognizer) -> None:
    """A camera that writes every picture into the same memory changes nothing."""
    buffer = np.empty((48, 64, 3), dtype=np.uint8)
    answers: list[list[StreamAnswer]] = []
    for same_memory in (True, False):
        with recognizer.stream(wait=True) as stream:
            found = []
            for k in range(40):
                buffer[:] = picture(k)
                found += stream.feed(buffer if same_memory else picture(k), 100 + k / 20)
        answers.append(found)
    assert [a.time_s for a in answers[0]] == pytest.approx([100.15, 101.15])
    assert [a.ranked for a in answers[0]] == [a.ranked for a in answers[1]]


def test_after_a_gap_the_film_is_another(recognizer: Recognizer) -> None:
    """The second half is answered as if there had been no first: the state is forgotten."""
    with recognizer.stream(wait=True, step_s=0.1) as stream:
        first = [a for k in range(8) for a in stream.feed(picture(k), k / 10)]
        second = [a for k in range(20, 28) for a in stream.feed(picture(k), 100 + k / 10)]
    with recognizer.stream(wait=True, step_s=0.1) as stream:
        alone = [a for k in range(20, 28) for a in stream.feed(picture(k), 100 + k / 10)]
    assert [a.time_s for a in first] == pytest.approx([0.15 + k / 10 for k in range(5)])
    assert [a.time_s for a in second] == pytest.approx([102.15 + k / 10 for k in range(5)])
    assert [a.ranked for a in second] == [a.ranked for a in alone]


def test_late_pictures_are_counted(recognizer: Recognizer) -> None:
    with recognizer.stream(wait=True) as stream:
        for time_s in (0, 0.2, 0.1, 0.2, 0.3):
            stream.feed(picture(0), time_s)
        assert (stream.late, stream.passed_over, stream.dropped) == (2, 0, 2)


class Slow(TorchRuntime):
    """Works only while its gate is open, and tells what it was given."""

    def __init__(self, network: HybridNet) -> None:
        super().__init__(network, device="cpu")
        self.gate, self.began = threading.Event(), threading.Event()
        self.given: list[list[int]] = []

    def run(self, frames: Image, state: State = None) -> Answer:
        self.given.append((frames[0, :, 0, 0, 0] // 10).tolist())
        self.began.set()
        assert self.gate.wait(60)
        return super().run(frames, state)


@pytest.fixture
def slow(recognizer: Recognizer) -> Slow:
    recognizer.runtime = Slow(restored(recognizer.model.network))
    return recognizer.runtime


def test_nothing_queues_while_the_network_is_busy(recognizer: Recognizer, slow: Slow) -> None:
    with recognizer.stream(step_s=0.1) as stream:
        for k in range(25):  # all but the first and the newest are passed over
            assert stream.feed(picture(k), k / 10) == []
            if k == 0:
                assert slow.began.wait(60)
            assert len(stream._waiting) <= recognizer.window == 4
        assert stream.passed_over == 24 - 4
        slow.gate.set()
        found = stream.end(2.5)
        assert stream.passed_over == 20
    assert slow.given == [[0], [21, 22, 23, 24]]
    # Five frames make two windows of four: the last frames of these are 23 and 24.
    assert [a.time_s for a in found] == pytest.approx([2.3 - 0.15, 2.4 - 0.15])
    assert all(a.latency_s >= 0 for a in found)


def test_what_is_passed_over_is_not_even_converted(
    recognizer: Recognizer, slow: Slow, monkeypatch: pytest.MonkeyPatch
) -> None:
    converted: list[int] = []
    convert = SquareConverter.__call__

    def noted(self: SquareConverter, frame: av.VideoFrame) -> Image:
        image = convert(self, frame)
        converted.append(int(image[0, 0, 0]) // 10)
        return image

    monkeypatch.setattr(SquareConverter, "__call__", noted)
    with recognizer.stream(step_s=0.1) as stream:
        for k in range(25):
            stream.feed(picture(k), k / 10)
            if k == 0:
                assert slow.began.wait(60)
        slow.gate.set()
        stream.end(2.5)
        assert stream.dropped == stream.passed_over == 20
    assert converted == [0, 21, 22, 23, 24]


def test_times_are_right_after_frames_were_passed_over(recognizer: Recognizer, slow: Slow) -> None:
    """Guards: the clock of the answers must not lose what was dropped, however often."""
    found: list[StreamAnswer] = []
    with recognizer.stream(step_s=0.1) as stream:
        for round_ in range(3):
            slow.gate.clear()
            slow.began.clear()
            for k in range(10 * round_, 10 * round_ + 10):
                found += stream.feed(picture(k), 50 + k / 10)
                if k == 10 * round_:
                    assert slow.began.wait(60)
            slow.gate.set()
            assert stream._working is not None
            stream._working.result(60)
        found += stream.end(53.0)
        assert stream.passed_over == 3 * 5
    given = [[0], [6, 7, 8, 9], [10], [16, 17, 18, 19], [20], [26, 27, 28, 29]]
    assert slow.given == [[10 * k % 256 // 10 for k in piece] for piece in given]
    shown = [k for piece in ([0], range(6, 11), range(16, 21), range(26, 30)) for k in piece]
    assert [a.time_s for a in found] == pytest.approx([50 + k / 10 - 0.15 for k in shown[3:]])


def test_what_waits_of_two_films_is_not_mixed(recognizer: Recognizer, slow: Slow) -> None:
    with recognizer.stream(step_s=0.1) as stream:
        for k, time_s in enumerate((0, 0.1, 0.2, 100, 100.1)):
            stream.feed(picture(k), time_s)
            if k == 0:
                assert slow.began.wait(60)
        slow.gate.set()
        (answer,) = stream.end(100.2)  # of the second film, shorter than a window
    assert slow.given == [[0], [1, 2], [3, 4]]
    assert answer.time_s == pytest.approx(100.05)


@pytest.mark.parametrize("wait", [True, False])
def test_what_the_network_raises_is_raised(recognizer: Recognizer, wait: bool) -> None:
    class Broken(TorchRuntime):
        def run(self, frames: Image, state: State = None) -> Answer:
            raise MemoryError("no room")

    recognizer.runtime = Broken(restored(recognizer.model.network), device="cpu")
    with recognizer.stream(wait=wait) as stream, pytest.raises(MemoryError, match="no room"):  # noqa: PT012
        stream.feed(picture(0), 0.0)
        stream.end(0.4)


def test_it_goes_on_after_an_error(recognizer: Recognizer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards: after an error a stream took frames, kept them all, and never answered again."""
    run = Runtime.run

    def once_broken(self: Runtime, frames: Image, state: State = None) -> Answer:
        monkeypatch.setattr(Runtime, "run", run)
        raise MemoryError("no room")

    monkeypatch.setattr(Runtime, "run", once_broken)
    with recognizer.stream(step_s=0.1, wait=True) as stream:
        with pytest.raises(MemoryError):
            stream.feed(picture(0), 0.0)
        found = [a for k in range(1, 8) for a in stream.feed(picture(k), k / 10)]
    assert [a.time_s for a in found] == pytest.approx([0.25, 0.35, 0.45, 0.55])


def test_close_gives_up_what_waits_and_ends_the_thread(recognizer: Recognizer, slow: Slow) -> None:
    before = set(threading.enumerate())
    stream = recognizer.stream(step_s=0.1)
    for k in range(10):
        stream.feed(picture(k), k / 10)
        if k == 0:
            assert slow.began.wait(60)
    assert [t.name for t in set(threading.enumerate()) - before] == ["recognizing_0"]
    threading.Timer(0.05, slow.gate.set).start()
    stream.close()
    assert len(slow.given) == 1
    started = set(threading.enumerate()) - before
    assert not [t for t in started if t.name.startswith("recognizing")]


@pytest.mark.parametrize(
    ("frame", "time_s", "sentence"),
    [
        (np.zeros((4, 4), np.uint8), 0.0, r"shape \(4, 4\)"),
        (np.zeros((4, 4, 4), np.uint8), 0.0, r"shape \(4, 4, 4\)"),
        (np.zeros((0, 4, 3), np.uint8), 0.0, r"shape \(0, 4, 3\)"),
        (np.zeros((4, 4, 3), np.float32), 0.0, "float32"),
        (picture(0), float("nan"), "time_s=nan"),
        (picture(0), float("inf"), "time_s=inf"),
    ],
)
def test_pictures_that_make_no_sense(
    recognizer: Recognizer, frame: Image, time_s: float, sentence: str
) -> None:
    with recognizer.stream() as stream, pytest.raises(UsageError, match=f"stream: .*{sentence}"):
        stream.feed(frame, time_s)


def test_settings_that_make_no_sense(recognizer: Recognizer) -> None:
    before = set(threading.enumerate())
    with pytest.raises(UsageError, match="step_s=0, must be more than 0 seconds"):
        recognizer.stream(step_s=0)
    with pytest.raises(UsageError, match="gap_s=-1, must be more than 0"):
        recognizer.stream(gap_s=-1)
    assert set(threading.enumerate()) == before


def test_an_answer_names_the_action_or_none(tiny_model: Model) -> None:
    rule = OpenSetRule(energy=1.0, odds=0.0, threshold=1e6, slope=1.0)
    answers = []
    for model in (tiny_model, replace(tiny_model, open_set=rule)):
        with Recognizer(model, device="cpu").stream(wait=True) as stream:
            answers += [a for k in range(7) for a in stream.feed(picture(k), k / 20)]
    known, unknown = answers
    assert known.action == known.nearest_action == known.ranked[0][0]
    assert (unknown.action, unknown.nearest_action) == (None, known.nearest_action)
    assert known.known_probability == 1
    assert unknown.known_probability < 1e-6
    assert sum(p for _, p in unknown.ranked) == pytest.approx(1)
    assert list(known.to_dict()) == [
        "time_s", "action", "nearest_action", "probability", "known_probability", "unsure",
        "probabilities", "latency_s",
    ]  # fmt: skip
