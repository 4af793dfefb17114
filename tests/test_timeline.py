"""Whole videos: the clips that are looked at, decoding ahead, and the segments."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pytest

from action_recognition.models.probabilities import video_probabilities
from action_recognition.clips import Preprocessing
from action_recognition.errors import UsageError, VideoError
from action_recognition.models.model_file import Model
from action_recognition.outputs import run_clips
from action_recognition.recognition.recognizer import Recognizer
from action_recognition.prefetch import ahead, in_groups, windows
from action_recognition.video import Video
from video_maker import MadeVideo

MakeVideo = Callable[..., MadeVideo]
SMALL = Preprocessing(frames=4, interval_s=0.1, size=32)


@pytest.mark.parametrize("step_s", [0.1, 0.3, 1.0])
@pytest.mark.parametrize("preprocessing", [SMALL, replace(SMALL, interval_s=0.2, frames=3)])
def test_windows_are_the_frames_of_their_times(
    make_video: MakeVideo, step_s: float, preprocessing: Preprocessing
) -> None:
    made = make_video("long.mp4", seconds=5)
    with Video(made.path) as video:
        found = list(windows(video, preprocessing, step_s=step_s))
        interval_s, length = preprocessing.interval_s, preprocessing.frames
        step = max(1, round(step_s / interval_s)) * interval_s
        expected = 1 + int((5 - preprocessing.span_s) / step + 1e-6)
        assert len(found) == expected
        for k, window in enumerate(found):
            assert window.middle_s == pytest.approx(k * step + preprocessing.span_s / 2)
            times = k * step + interval_s * np.arange(length)
            frames, _ = video.frames_at(times, size=preprocessing.size)
            assert np.array_equal(window.frames, frames)


def test_a_video_shorter_than_a_clip_has_one_window(make_video: MakeVideo) -> None:
    made = make_video("short.mp4", seconds=0.12)
    with Video(made.path) as video:
        (window,) = windows(video, SMALL, step_s=1)
    assert window.frames.shape == (4, 32, 32, 3)
    assert np.array_equal(window.frames[2], window.frames[3])


def test_groups() -> None:
    assert list(in_groups(range(5), 2)) == [[0, 1], [2, 3], [4]]
    assert list(in_groups([], 2)) == []


def test_ahead_keeps_order_and_its_limit() -> None:
    made = 0

    def numbers() -> Iterator[int]:
        nonlocal made
        while True:
            made += 1
            yield made

    items = ahead(numbers(), limit=3)
    assert list(itertools.islice(items, 5)) == [1, 2, 3, 4, 5]
    time.sleep(0.3)
    assert made <= 5 + 3 + 1  # those waiting, and one in hand
    items.close()
    assert not [t for t in threading.enumerate() if t.name == "decoding"]


def test_ahead_hands_on_what_is_raised() -> None:
    def broken() -> Iterator[int]:
        yield 1
        raise ValueError("broken")

    items = ahead(broken())
    assert next(items) == 1
    with pytest.raises(ValueError, match="broken"):
        next(items)


def test_segments_cover_the_video_without_gaps(make_video: MakeVideo, tiny_model: Model) -> None:
    made = make_video("long.mp4", seconds=7)
    reports: list[tuple[float, float]] = []
    recognizer = Recognizer(tiny_model, device="cpu")
    found = list(
        recognizer.timeline(
            made.path, step_s=0.5, dwell_s=0, on_progress=lambda *r: reports.append(r)
        )
    )
    assert found[0].start_s == 0
    assert found[-1].end_s == pytest.approx(7, abs=0.05)
    assert all(a.end_s == b.start_s for a, b in itertools.pairwise(found))
    assert all(a.action != b.action for a, b in itertools.pairwise(found))
    assert {s.action for s in found} <= set(tiny_model.classes)
    done = [r[0] for r in reports]
    assert done == sorted(done)
    assert done[-1] > 6


def test_a_moment_has_the_answer_of_its_clip(make_video: MakeVideo, tiny_model: Model) -> None:
    """Without smoothing, a video of one window gives what the network says of that clip."""
    made = make_video("short.mp4", seconds=0.4)
    recognizer = Recognizer(tiny_model, device="cpu")
    (segment,) = recognizer.timeline(made.path, dwell_s=0)
    with Video(made.path) as video:
        frames, _ = video.frames_at(0.1 * np.arange(4), size=32)
    logits, _ = run_clips(tiny_model.network, frames[None], tiny_model.preprocessing)
    expected = video_probabilities(logits, tiny_model.temperature)
    assert segment.action == tiny_model.classes[int(expected.argmax())]
    assert segment.probability == pytest.approx(expected.max(), abs=1e-4)


def test_damage_is_told_and_nothing_waits(make_video: MakeVideo, tiny_model: Model) -> None:
    made = make_video("cut.avi", seconds=6)
    data = made.path.read_bytes()
    made.path.write_bytes(data[: len(data) * 2 // 3])
    recognizer = Recognizer(tiny_model, device="cpu")
    with pytest.raises(VideoError, match=r"cut\.avi"):
        list(recognizer.timeline(made.path))
    segments = recognizer.timeline(make_video("whole.mp4", seconds=9).path, step_s=0.1, dwell_s=0)
    next(segments)
    segments.close()
    assert not [t for t in threading.enumerate() if t.name == "decoding"]
    with pytest.raises(UsageError, match="dwell_s=-1"):
        next(recognizer.timeline(make_video("other.mp4", seconds=1).path, dwell_s=-1))
