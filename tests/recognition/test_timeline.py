"""Whole videos: the moments that are looked at, and the segments that they make."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable

import numpy as np
import pytest

from action_recognition.clips import grid_frames
from action_recognition.errors import UsageError, VideoError
from action_recognition.models.model_file import Model
from action_recognition.models.probabilities import softmax
from action_recognition.recognition.recognizer import Recognizer
from action_recognition.video import Video
from video_maker import MadeVideo

MakeVideo = Callable[..., MadeVideo]


@pytest.fixture
def recognizer(tiny_model: Model) -> Recognizer:
    return Recognizer(tiny_model, device="cpu")


@pytest.mark.parametrize("step_s", [0.1, 0.5])
def test_moments_are_what_the_network_says_of_the_grid(
    make_video: MakeVideo, recognizer: Recognizer, step_s: float
) -> None:
    path = make_video("long.mp4", seconds=5).path
    with Video(path) as video:
        frames = np.stack(list(grid_frames(video, recognizer.model.preprocessing)))
    logits = recognizer.runtime.run(frames[None]).logits[0]
    found = list(recognizer.moments(path, step_s=step_s))
    places = range(3, 50, round(step_s / 0.1))  # the last frame of each window of 4
    assert [m.time_s for m in found] == pytest.approx([k / 10 - 0.15 for k in places])
    for moment, k in zip(found, places, strict=True):
        assert moment.probabilities == pytest.approx(softmax(logits[k]), abs=1e-4)
        assert moment.known_probability == 1  # this model has no rule for it


@pytest.mark.parametrize("name", ["late.mp4", "late.mkv"])
def test_times_are_those_of_the_player(
    make_video: MakeVideo, recognizer: Recognizer, name: str
) -> None:
    """Guards: subtitles of a video whose picture begins after its sound were early by that much."""
    path = make_video(name, seconds=2, start_s=3.0, audio=5.0, audio_start_s=0.0).path
    found = list(recognizer.timeline(path, step_s=0.2, dwell_s=0))
    assert found[0].start_s == pytest.approx(3.0, abs=0.002)
    assert found[-1].end_s == pytest.approx(5.0, abs=0.05)
    times = [m.time_s for m in recognizer.moments(path, step_s=0.2)]
    assert times[0] == pytest.approx(3.15, abs=0.002)
    answer = recognizer.predict(path)
    assert answer.clips_s[0] == pytest.approx((3.0, 4.9), abs=0.05)
    facts = answer.to_dict()
    assert (facts["start_s"], facts["duration_s"]) == pytest.approx((3.0, 2.0), abs=0.05)


def test_segments_cover_the_video_without_gaps(
    make_video: MakeVideo, recognizer: Recognizer
) -> None:
    path = make_video("long.mp4", seconds=7).path
    found = list(recognizer.timeline(path, step_s=0.2, dwell_s=0))
    assert found[0].start_s == 0
    assert found[-1].end_s == pytest.approx(7)
    assert all(a.end_s == b.start_s for a, b in itertools.pairwise(found))
    assert all(a.action != b.action for a, b in itertools.pairwise(found))
    assert {s.action for s in found} <= set(recognizer.classes)
    names = [
        recognizer.classes[m.probabilities.argmax()] for m in recognizer.moments(path, step_s=0.2)
    ]
    assert [s.action for s in found] == [name for name, _ in itertools.groupby(names)]
    assert len(found) > 1  # or this would show nothing


def test_progress(make_video: MakeVideo, recognizer: Recognizer) -> None:
    path = make_video("long.mp4", seconds=7).path
    reports: list[tuple[float, float]] = []
    list(recognizer.timeline(path, on_progress=lambda *r: reports.append(r)))
    assert reports == [pytest.approx((k, 7)) for k in (2, 4, 6, 7)]  # 20 frames of 0.1 s at a time


@pytest.mark.parametrize("seconds", [0.04, 0.3, 0.4])
def test_a_video_of_one_window_has_one_segment(
    make_video: MakeVideo, recognizer: Recognizer, seconds: float
) -> None:
    path = make_video("short.mp4", seconds=seconds).path
    (segment,) = recognizer.timeline(path)
    prediction = recognizer.predict(path)
    assert (segment.start_s, segment.end_s) == (0, prediction.video.duration_s)
    assert segment.action == prediction.action
    assert segment.probability == pytest.approx(prediction.probability, abs=1e-4)


def test_a_name_of_its_own(recognizer: Recognizer, tmp_path) -> None:
    (tmp_path / "upload").write_bytes(b"no video")
    for ask in (recognizer.timeline, recognizer.moments):
        with pytest.raises(VideoError, match=r"^holiday\.mp4: "):
            next(ask(tmp_path / "upload", name="holiday.mp4"))


def test_damage_is_told_after_what_came_before(
    make_video: MakeVideo, recognizer: Recognizer
) -> None:
    made = make_video("cut.mp4", seconds=9, faststart=True)
    data = made.path.read_bytes()
    made.path.write_bytes(data[: len(data) * 3 // 4])
    found = []
    with pytest.raises(VideoError, match=r"cut\.mp4: .*truncated"):
        found.extend(recognizer.timeline(made.path, step_s=0.1, dwell_s=0))
    assert not [t for t in threading.enumerate() if t.name == "decoding"]


def test_no_thread_is_left_when_the_caller_stops(
    make_video: MakeVideo, recognizer: Recognizer
) -> None:
    path = make_video("whole.mp4", seconds=20).path
    moments = recognizer.moments(path, step_s=0.1)
    next(moments)
    assert [t for t in threading.enumerate() if t.name == "decoding"]
    moments.close()
    assert not [t for t in threading.enumerate() if t.name == "decoding"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"step_s": 0}, "step_s=0, must be more than 0 seconds"),
        ({"step_s": float("nan")}, "step_s=nan"),
        ({"dwell_s": -1}, "dwell_s=-1"),
    ],
)
def test_steps_that_make_no_sense(
    make_video: MakeVideo, recognizer: Recognizer, change: dict[str, float], said: str
) -> None:
    path = make_video("a.mp4", seconds=1).path
    with pytest.raises(UsageError, match=said):
        next(recognizer.timeline(path, **change))
