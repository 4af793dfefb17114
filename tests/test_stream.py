"""Live streams: they agree with whole files, hold little, and never fall behind."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from action_recognition.clips import Preprocessing
from action_recognition.errors import UsageError
from action_recognition.inference import Kept
from action_recognition.models.model_file import Model
from action_recognition.models.open_set import Novelty
from action_recognition.recognition.recognizer import Recognizer
from action_recognition.recognition.segmentation import Moment
from action_recognition.recognition.streaming import Stream, StreamAnswer, WindowCollector
from action_recognition.prefetch import Window
from action_recognition.video import Video
from video_maker import MadeVideo

MakeVideo = Callable[..., MadeVideo]
SMALL = Preprocessing(frames=4, interval_s=0.1, size=32)


def picture(k: int) -> NDArray[np.uint8]:
    return np.full((48, 64, 3), 10 * k % 256, dtype=np.uint8)


def stripes(index: int, time_s: float, width: int, height: int) -> NDArray[np.uint8]:
    """Moves, and changes its colour each second."""
    image = np.zeros((height, width, 3), dtype=np.uint8)
    image[:, (np.arange(width) + 3 * index) % 16 < 8, int(time_s) % 3] = 200
    return image


def feed_file(stream: Stream, path: Path) -> Iterator[StreamAnswer]:
    with Video(path) as video:
        for time_s, frame in video.timed_frames():
            yield from stream.feed(frame, time_s)
        yield from stream.end(video.info.duration_s)


@pytest.mark.parametrize("step_s", [0.1, 0.5, 1.0])
@pytest.mark.parametrize("fps", [7, 25, 30])
def test_a_stream_agrees_with_the_whole_file(
    make_video: MakeVideo, tiny_model: Model, fps: int, step_s: float
) -> None:
    path = make_video(seconds=4, fps=fps, pattern=stripes).path
    recognizer = Recognizer(tiny_model, device="cpu")
    expected = list(recognizer.moments(path, step_s=step_s))
    assert np.ptp([m.probabilities for m in expected], axis=0).max() > 0.01 or step_s == 1
    with recognizer.stream(step_s=step_s, wait=True) as stream:
        agree(list(feed_file(stream, path)), expected, recognizer)


def agree(found: list[StreamAnswer], expected: list[Moment], recognizer: Recognizer) -> None:
    assert [a.time_s for a in found] == pytest.approx([m.time_s for m in expected])
    for answer, moment in zip(found, expected, strict=True):
        shares = dict(answer.ranked)
        assert [shares[c] for c in recognizer.classes] == pytest.approx(
            list(moment.probabilities), abs=1e-4
        )
        assert answer.known == pytest.approx(moment.known, abs=1e-4)


def test_the_shipped_model_agrees_too(make_video: MakeVideo) -> None:
    path = make_video(seconds=4.5, size=(160, 120), pattern=stripes).path
    recognizer = Recognizer.load(device="cpu")
    with recognizer.stream(wait=True) as stream:
        agree(list(feed_file(stream, path)), list(recognizer.moments(path)), recognizer)


def test_arrays_are_taken_as_they_are_when_fed(tiny_model: Model) -> None:
    """A camera that writes every picture into the same memory changes nothing."""
    recognizer = Recognizer(tiny_model, device="cpu")
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


def collected(times: list[float], **settings: float) -> tuple[list[Window], WindowCollector]:
    collector = WindowCollector(SMALL, step_s=settings.pop("step_s", 0.5), **settings)
    windows = [w for k, t in enumerate(times) for w in collector.feed(picture(k), t)]
    return windows, collector


def test_pictures_are_those_on_display_at_the_times_of_the_clip() -> None:
    (window,), _ = collected([5.0, 5.03, 5.1, 5.11, 5.27, 5.301])
    assert window.middle_s == pytest.approx(5.15)
    assert window.frames[:, 0, 0, 0].tolist() == [0, 20, 30, 50]  # at 5.0, 5.1, 5.2, 5.3


def test_a_late_picture_is_dropped_and_a_new_clock_begins_anew() -> None:
    times = [0.0, 0.1, 0.05, 0.2, 0.2]
    windows, collector = collected(times)
    assert (windows, collector.late) == ([], 2)
    windows, collector = collected([0, 0.1, 0.2, 900, 900.1, 900.2, 900.3, 3.0])
    assert collector.late == 0
    assert [w.middle_s for w in windows] == pytest.approx([900.15])  # no clip over the pause
    assert windows[0].frames[:, 0, 0, 0].tolist() == [30, 40, 50, 60]


def test_what_never_makes_a_clip_makes_one_at_the_end() -> None:
    windows, collector = collected([0, 0.1])
    assert windows == []
    (window,) = collector.end(0.15)
    assert window.frames[:, 0, 0, 0].tolist() == [0, 10, 10, 10]
    assert collector.end(0.2) == []
    assert WindowCollector(SMALL, step_s=1).end(3.0) == []


@pytest.mark.parametrize(
    ("frame", "time_s", "sentence"),
    [
        (np.zeros((4, 4), np.uint8), 0.0, "shape"),
        (np.zeros((4, 4, 3), np.float32), 0.0, "float32"),
        (picture(0), float("nan"), "time_s=nan"),
    ],
)
def test_pictures_that_make_no_sense(
    tiny_model: Model, frame: NDArray[np.uint8], time_s: float, sentence: str
) -> None:
    recognizer = Recognizer(tiny_model, device="cpu")
    with recognizer.stream() as stream, pytest.raises(UsageError, match=sentence):
        stream.feed(frame, time_s)
    with pytest.raises(UsageError, match="step_s=0"):
        recognizer.stream(step_s=0)


class Slow(Recognizer):
    """Works only while its gate is open."""

    def __init__(self, model: Model) -> None:
        super().__init__(model, device="cpu")
        self.gate, self.began, self.asked = threading.Event(), threading.Event(), 0

    def look_at(self, windows: Sequence[Window], kept: Kept | None = None) -> list[Moment]:
        self.asked += 1
        self.began.set()
        assert self.gate.wait(60)
        return super().look_at(windows, kept)


def test_nothing_queues_while_the_network_is_busy(tiny_model: Model) -> None:
    recognizer = Slow(tiny_model)
    with recognizer.stream(step_s=0.1) as stream:
        for k in range(100):  # 5 s at 20 frames/s: 47 clips, and one at the end
            assert stream.feed(picture(k), k / 20) == []
            if k == 6:
                assert recognizer.began.wait(60)
        recognizer.gate.set()
        found = stream.end(5.0)
    assert recognizer.asked == len(found) == 2  # the first, and the newest
    assert stream.passed_over == 46
    assert [a.time_s for a in found] == pytest.approx([0.15, 4.85])
    assert found[1].latency_s >= 0


def test_what_the_network_raises_is_raised(tiny_model: Model) -> None:
    class Broken(Recognizer):
        def look_at(self, windows: Sequence[Window], kept: Kept | None = None) -> list[Moment]:
            raise MemoryError("no room")

    with Broken(tiny_model, device="cpu").stream() as stream:
        for k in range(7):
            stream.feed(picture(k), k / 20)
        with pytest.raises(MemoryError, match="no room"):
            stream.end(0.4)


def test_close_gives_up_what_waits_and_ends_the_thread(tiny_model: Model) -> None:
    before = set(threading.enumerate())
    recognizer = Slow(tiny_model)
    stream = recognizer.stream(step_s=0.1)
    for k in range(20):
        stream.feed(picture(k), k / 20)
    assert [t.name for t in set(threading.enumerate()) - before] == ["recognizing_0"]
    recognizer.gate.set()
    stream.close()
    assert recognizer.asked <= 2
    assert not set(threading.enumerate()) - before


def test_an_answer_names_the_action_or_none(tiny_model: Model) -> None:
    width = tiny_model.network.architecture.width
    rule = Novelty(
        np.zeros((3, width), np.float16), np.ones(width, np.float32), {"energy": (0.0, 1.0)}, 1e6
    )
    answers = []
    for model in (tiny_model, replace(tiny_model, novelty=rule)):
        with Recognizer(model, device="cpu").stream(wait=True) as stream:
            answers += [a for k in range(7) for a in stream.feed(picture(k), k / 20)]
    known, foreign = answers
    assert known.action == known.ranked[0][0]
    assert foreign.action is None
    assert foreign.to_dict()["known"] < 0.5
    assert sum(p for _, p in foreign.ranked) == pytest.approx(1)
    assert list(known.to_dict()) == [
        "time_s", "action", "probability", "known", "probabilities", "latency_s",
    ]  # fmt: skip


def test_frames_of_pyav_are_taken_too(tiny_model: Model) -> None:
    frame = av.VideoFrame.from_ndarray(picture(3), format="rgb24").reformat(format="yuv420p")
    collector = WindowCollector(SMALL, step_s=1)
    (window,) = [w for k in range(4) for w in collector.feed(frame, k / 10)]
    assert window.frames.shape == (4, 32, 32, 3)
    assert int(window.frames[0, 5, 5, 0]) == pytest.approx(30, abs=3)
