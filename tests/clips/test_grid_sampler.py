"""Frames at any rate in, those of the grid out: as for files, with pauses and late frames."""

from __future__ import annotations

from collections.abc import Callable

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from action_recognition.clips import Preprocessing, grid_frames
from action_recognition.recognition.streaming import GridSampler
from action_recognition.video import Video
from action_recognition.video.orientation import Orientation
from action_recognition.video.transforms import SquareConverter
from video_maker import MadeVideo, read_barcode

MakeVideo = Callable[..., MadeVideo]
SMALL = Preprocessing(interval_s=0.1, size=32)


def picture(k: int) -> NDArray[np.uint8]:
    return np.full((48, 64, 3), 10 * k % 256, dtype=np.uint8)


def number(frame: av.VideoFrame) -> int:
    """Of the picture that it shows."""
    return int(frame.to_ndarray(format="rgb24")[0, 0, 0]) // 10


def sampled(times: list[float], **settings: float) -> tuple[list[int], GridSampler]:
    """Numbers of the pictures that it takes of those shown from these times on."""
    sampler = GridSampler(SMALL, **settings)
    found = [f for k, t in enumerate(times) for f in sampler.feed(picture(k), t)[1]]
    return [number(f) for f in found], sampler


def test_the_picture_on_display_is_taken_at_each_time_of_the_grid() -> None:
    found, sampler = sampled([5.0, 5.03, 5.1, 5.11, 5.27, 5.301])
    assert found == [0, 2, 3, 5]  # at 5.0, 5.1, 5.2, 5.3; a millisecond early counts
    assert sampler.origin_s == 5.0
    assert [number(f) for f in sampler.end(5.6)] == [5, 5]  # at 5.4, 5.5


def test_a_slow_source_repeats_its_pictures() -> None:
    assert sampled([0.0, 0.35, 0.6])[0] == [0, 0, 0, 0, 1, 1, 2]


@pytest.mark.parametrize("fps", [7, 25, 30])
@pytest.mark.parametrize("seconds", [0.2, 1.0, 4.0])
def test_a_file_gives_the_frames_of_its_grid(
    make_video: MakeVideo, fps: int, seconds: float
) -> None:
    """Guards: the last frame was taken once more at the time at which the file ends."""
    path = make_video(seconds=seconds, fps=fps).path
    with Video(path) as video:
        expected = [read_barcode(f) for f in grid_frames(video, SMALL)]
        sampler = GridSampler(SMALL, convert=video.square_converter(32))
        found = [
            f for time_s, frame in video.timed_frames() for f in sampler.feed(frame, time_s)[1]
        ]
        found += sampler.end(video.info.duration_s)
        squares = [sampler.convert(f) for f in found]
    assert [read_barcode(f) for f in squares][: len(expected)] == expected
    # Where the end is within an interval after the last frame of the grid, a file leaves it out;
    # a stream has given it by then.
    assert len(found) - len(expected) <= (video.info.duration_s / 0.1 % 1 > 1e-3)


def test_a_late_picture_is_dropped() -> None:
    found, sampler = sampled([0.0, 0.1, 0.05, 0.2, 0.2, 0.3])
    assert (found, sampler.late) == ([0, 1, 3, 5], 2)


@pytest.mark.parametrize("pause_s", [5.1, -5.1, 900])
def test_a_gap_begins_anew(pause_s: float) -> None:
    sampler = GridSampler(SMALL)
    begins = [sampler.feed(picture(k), 10 + k / 10)[0] for k in range(3)]
    again, (frame,) = sampler.feed(picture(3), 10.2 + pause_s)
    assert (begins, again) == ([True, False, False], True)
    assert number(frame) == 3  # nothing fills the pause
    assert sampler.origin_s == 10.2 + pause_s
    assert sampler.late == 0


def test_a_pause_that_is_no_gap_is_filled() -> None:
    found, _ = sampled([0.0, 4.9])
    assert found == [0] * 49 + [1]
    found, sampler = sampled([0.0, 4.9], gap_s=2.0)
    assert found == [0, 1]
    assert sampler.origin_s == 4.9


def test_after_the_end_it_begins_anew() -> None:
    _, sampler = sampled([0.0, 0.1])
    assert len(sampler.end(0.3)) == 1
    assert sampler.end(0.5) == []
    assert sampler.feed(picture(0), 0.6)[0]
    assert GridSampler(SMALL).end(3.0) == []


def test_frames_of_pyav_are_taken_too() -> None:
    frame = av.VideoFrame.from_ndarray(picture(3), format="rgb24").reformat(format="yuv420p")
    sampler = GridSampler(SMALL)
    _, (found,) = sampler.feed(frame, 0.0)
    square = sampler.convert(found)
    assert square.shape == (32, 32, 3)
    assert int(square[5, 5, 0]) == pytest.approx(30, abs=3)


def test_a_converter_turns_the_picture() -> None:
    image = np.zeros((64, 64, 3), np.uint8)
    image[:32] = 200  # bright above
    sampler = GridSampler(SMALL, convert=SquareConverter(32, 4 / 3, 1.0, Orientation(1)))
    _, (found,) = sampler.feed(image, 0.0)
    square = sampler.convert(found)
    assert square[:, :12].min() > 150  # now at the left
    assert square[:, 20:].max() < 50


@pytest.mark.parametrize("form", ["yuv420p", "gray", "yuvj422p"])
def test_the_converter_follows_a_camera_that_changes(form: str) -> None:
    """Its size and pixel format may become others from one frame to the next, and back."""
    sampler = GridSampler(SMALL)
    found = []
    for k, (size, kind) in enumerate([((64, 48), "rgb24"), ((96, 160), form), ((64, 48), "rgb24")]):
        image = np.full((size[1], size[0], 3), 100, np.uint8)
        frame = av.VideoFrame.from_ndarray(image, format="rgb24").reformat(format=kind)
        found += sampler.feed(frame, k / 10)[1]
    squares = [sampler.convert(frame) for frame in found]
    assert [s.shape for s in squares] == [(32, 32, 3)] * 3
    assert all(abs(s.astype(int) - 100).max() <= 3 for s in squares)
