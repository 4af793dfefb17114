"""Which frames of a video the network sees."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from action_recognition.clips import Preprocessing, clip_times, grid_frames, read_clips
from action_recognition.errors import UsageError, VideoError
from action_recognition.video import Video
from video_maker import read_barcode, time_grey

SMALL = Preprocessing(interval_s=0.1, size=32)


@pytest.mark.parametrize(
    ("duration_s", "count"),
    [
        (0.0, 1),
        (0.04, 1),
        (0.2, 1),
        (0.39, 1),
        (0.4, 2),
        (0.6, 3),  # 0.6 / 0.2 is 2.9999999999999996
        (3.0, 15),
        (12.0, 60),
        (12.19, 60),
    ],
)
def test_a_video_of_up_to_sixty_frames_is_one_clip_of_all(duration_s: float, count: int) -> None:
    times = clip_times(duration_s, 0.2, window=16)
    assert times.shape == (1, count)
    assert times[0] == pytest.approx(0.2 * np.arange(count))


@pytest.mark.parametrize(
    ("duration_s", "window", "length", "starts"),
    [
        (12.2, 16, 16, [0, 11, 22, 34, 45]),  # of 61 frames
        (60.0, 16, 16, [0, 71, 142, 213, 284]),
        (3600.0, 1, 1, [0, 4500, 9000, 13499, 17999]),
        (100.0, 500, 60, [0, 110, 220, 330, 440]),
    ],
)
def test_a_longer_video_is_five_stretches(
    duration_s: float, window: int, length: int, starts: list[int]
) -> None:
    times = clip_times(duration_s, 0.2, window=window)
    expected = (np.array(starts)[:, None] + np.arange(length)) * 0.2
    assert times == pytest.approx(expected)
    assert times[-1, -1] == pytest.approx(duration_s - 0.2)  # the last frame of the grid


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("interval_s", 0.0),
        ("interval_s", 61),
        ("interval_s", math.inf),
        ("interval_s", math.nan),
        ("size", 15),
        ("size", 10**6),
        ("size", 64.5),
        ("size", 64.0),
        ("max_aspect", 0.9),
        ("max_aspect", math.inf),
        ("max_aspect", math.nan),
    ],
)
def test_wrong_settings_are_named(field: str, value: float) -> None:
    with pytest.raises(UsageError) as caught:
        Preprocessing(**{field: value})
    assert str(caught.value).startswith(f"Preprocessing: {field}={value!r}, must be ")


def test_settings_survive_json() -> None:
    settings = Preprocessing(interval_s=0.25, size=160, max_aspect=1.0)
    assert Preprocessing.from_dict(json.loads(json.dumps(settings.to_dict()))) == settings


@pytest.mark.parametrize("change", ["unknown", "missing"])
def test_other_fields_are_refused(change: str) -> None:
    values = Preprocessing().to_dict()
    if change == "unknown":
        values["frames"] = 8
    else:
        del values["size"]
    with pytest.raises(UsageError, match=r"Preprocessing: fields \[.*\], but \['interval_s', "):
        Preprocessing.from_dict(values)


def test_read_clips_takes_the_frames_of_its_times(make_video) -> None:
    made = make_video(seconds=7)
    with Video(made.path) as video:
        clips = read_clips(video, SMALL, window=4)
    assert clips.frames.shape == (5, 4, 32, 32, 3)
    assert clips.frames.dtype == np.uint8
    wanted = clip_times(7.0, 0.1, window=4)
    shown = np.array([[made.index_at(t + 1e-3) for t in row] for row in wanted])
    assert [[read_barcode(f) for f in clip] for clip in clips.frames] == shown.tolist()
    assert clips.times_s == pytest.approx(shown / 25)


@pytest.mark.parametrize("seconds", [0.04, 0.2, 2.0])
def test_read_clips_of_a_short_video(make_video, seconds: float) -> None:
    made = make_video(seconds=seconds)
    with Video(made.path) as video:
        (clip,) = read_clips(video, SMALL, window=16).frames
    count = max(1, round(seconds / 0.1 - 0.4))
    assert [read_barcode(f) for f in clip] == [made.index_at(0.1 * k + 1e-3) for k in range(count)]


def test_clips_of_25_and_30_frames_a_second_agree(make_video) -> None:
    seen = []
    for fps in (25, 30):
        made = make_video(f"{fps}.mp4", fps=fps, seconds=3, pattern=time_grey)
        with Video(made.path) as video:
            seen.append(read_clips(video, SMALL, window=16))
    assert seen[0].frames.shape == seen[1].frames.shape == (1, 30, 32, 32, 3)
    np.testing.assert_allclose(seen[0].times_s, seen[1].times_s, atol=0.041)
    grey = [s.frames.mean((2, 3, 4)) for s in seen]
    np.testing.assert_allclose(grey[0], grey[1], atol=4)


@pytest.mark.parametrize("fps", [7, 25, 30])
def test_grid_frames_are_every_frame_of_the_grid(make_video, fps: int) -> None:
    made = make_video(seconds=8, fps=fps)
    with Video(made.path) as video:
        found = [read_barcode(f) for f in grid_frames(video, SMALL)]
        first = next(grid_frames(video, SMALL))
    assert found == [made.index_at(0.1 * k + 1e-3) for k in range(80)]
    assert first.shape == (32, 32, 3)
    assert first.dtype == np.uint8


def test_grid_frames_of_a_video_shorter_than_an_interval(make_video) -> None:
    with Video(make_video(seconds=0.04).path) as video:
        assert [read_barcode(f) for f in grid_frames(video, SMALL)] == [0]


@pytest.mark.parametrize("name", ["cut.avi", "cut.mp4"])
def test_damage_is_told(make_video, name: str) -> None:
    made = make_video(name, seconds=6, faststart=name == "cut.mp4")
    data = made.path.read_bytes()
    made.path.write_bytes(data[: len(data) * 2 // 3])
    with pytest.raises(VideoError, match=rf"{name}: .*truncated"), Video(made.path) as video:
        read_clips(video, SMALL, window=4)
    with pytest.raises(VideoError, match=rf"{name}: .*truncated"), Video(made.path) as video:
        list(grid_frames(video, SMALL))
