from __future__ import annotations

import json
import math

import numpy as np
import pytest
import torch

from action_recognition.clips import Preprocessing, clip_starts, read_clips, to_input
from action_recognition.errors import UsageError
from action_recognition.video import Video
from video_maker import read_barcode, time_grey

P = Preprocessing(frames=16, interval_s=0.1)  # a clip spans 1.5 s


@pytest.mark.parametrize(
    ("duration_s", "count", "starts"),
    [
        (7.5, 3, [0.0, 3.0, 6.0]),
        (7.5, 1, [3.0]),  # one clip stands in the middle
        (7.5, 2, [0.0, 6.0]),
        (1.5, 5, [0.0]),
        (0.4, 5, [0.0]),  # shorter than a clip
        (0.0, 5, [0.0]),
        (1.6, 5, [0.0, 0.1]),
        (2.25, 99, [0.0, 0.75]),
    ],
)
def test_clip_starts(duration_s: float, count: int, starts: list[float]) -> None:
    assert clip_starts(duration_s, P, count=count) == pytest.approx(starts)


@pytest.mark.parametrize("duration_s", [1.51, 2.0, 3.3, 10.0, 61.7, 3600.0])
@pytest.mark.parametrize("count", [2, 3, 5, 20])
def test_clips_cover_start_and_end_and_stand_evenly(duration_s: float, count: int) -> None:
    starts = clip_starts(duration_s, P, count=count)
    assert 2 <= len(starts) <= count
    assert starts[0] == 0
    assert starts[-1] + P.span_s == pytest.approx(duration_s)
    steps = np.diff(starts)
    np.testing.assert_allclose(steps, steps[0])
    if len(starts) < count:  # no more than are needed for neighbours to overlap by half
        assert steps[0] <= P.span_s / 2 + 1e-9
        assert len(starts) == 2 or (duration_s - P.span_s) / (len(starts) - 2) > P.span_s / 2


def test_clips_of_one_frame() -> None:
    one = Preprocessing(frames=1)
    assert clip_starts(4.0, one, count=3) == pytest.approx([0, 2, 4])


@pytest.mark.parametrize("count", [0, -1])
def test_no_clips_are_refused(count: int) -> None:
    with pytest.raises(UsageError, match=f"count={count}, must be at least 1"):
        clip_starts(3.0, P, count=count)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("frames", 0),
        ("frames", 10**9),
        ("frames", 2.5),
        ("interval_s", 0.0),
        ("interval_s", math.inf),
        ("interval_s", math.nan),
        ("size", 15),
        ("size", 10**6),
        ("size", 64.5),
        ("max_aspect", 0.9),
        ("max_aspect", math.nan),
        ("mean", (0.5, 0.5)),
        ("mean", (0.5, math.nan, 0.5)),
        ("std", (0.5, 0.0, 0.5)),
        ("std", (0.5, math.inf, 0.5)),
    ],
)
def test_wrong_settings_are_named(field: str, value: object) -> None:
    with pytest.raises(UsageError, match=f"Preprocessing: {field}="):
        Preprocessing(**{field: value})


def test_settings_survive_json() -> None:
    settings = Preprocessing(frames=8, interval_s=0.25, mean=(0.1, 0.2, 0.3))
    assert Preprocessing.from_dict(json.loads(json.dumps(settings.to_dict()))) == settings


@pytest.mark.parametrize("change", ["unknown", "missing"])
def test_other_fields_are_refused(change: str) -> None:
    values = Preprocessing().to_dict()
    if change == "unknown":
        values["colour"] = "blue"
    else:
        del values["frames"]
    with pytest.raises(UsageError, match="fields"):
        Preprocessing.from_dict(values)


def test_to_input_values_shape_and_memory_format() -> None:
    p = Preprocessing(frames=2, size=16, mean=(0.0, 0.5, 0.2), std=(1.0, 0.5, 0.1))
    clips = np.random.default_rng(0).integers(0, 256, (3, 2, 16, 20, 3), dtype=np.uint8)
    x = to_input(clips, p)
    assert x.shape == (3, 3, 2, 16, 20)
    assert x.dtype == torch.float32
    assert x.is_contiguous(memory_format=torch.channels_last_3d)
    expected = (clips / 255 - np.array(p.mean)) / np.array(p.std)
    np.testing.assert_allclose(x.numpy(), expected.transpose(0, 4, 1, 2, 3), atol=1e-5)
    assert torch.equal(to_input(torch.from_numpy(clips), p), x)


@pytest.mark.parametrize(
    "clips",
    [
        np.zeros((2, 16, 16, 3), np.uint8),
        np.zeros((1, 2, 16, 16, 4), np.uint8),
        np.zeros((1, 2, 16, 16, 3), np.float32),
    ],
)
def test_to_input_refuses_other_arrays(clips: np.ndarray) -> None:
    with pytest.raises(UsageError, match=r"must be \(B, T, H, W, 3\) uint8"):
        to_input(clips, P)


def test_read_clips_of_25_and_30_frames_a_second_agree(make_video) -> None:
    seen = []
    for fps in (25, 30):
        made = make_video(f"{fps}.mp4", fps=fps, seconds=3, pattern=time_grey)
        with Video(made.path) as video:
            clips = read_clips(video, Preprocessing(frames=8, interval_s=0.1, size=32), count=3)
        assert clips.frames.shape == (3, 8, 32, 32, 3)
        assert clips.times_s.shape == (3, 8)
        seen.append(clips)
    np.testing.assert_allclose(seen[0].times_s, seen[1].times_s, atol=0.041)
    grey = [s.frames.mean((2, 3, 4)) for s in seen]
    np.testing.assert_allclose(grey[0], grey[1], atol=4)


def test_read_clips_takes_the_frames_of_its_times(make_video) -> None:
    made = make_video(seconds=3)
    with Video(made.path) as video:
        clips = read_clips(video, Preprocessing(frames=4, interval_s=0.1, size=32), count=3)
    got = [[read_barcode(f) for f in clip] for clip in clips.frames]
    starts = clip_starts(3.0, Preprocessing(frames=4, interval_s=0.1), count=3)
    assert got == [[made.index_at(s + 0.1 * k + 1e-3) for k in range(4)] for s in starts]


def test_short_video_repeats_its_last_frame(make_video) -> None:
    made = make_video(seconds=0.2)
    with Video(made.path) as video:
        clips = read_clips(video, Preprocessing(frames=6, interval_s=0.1, size=32), count=5)
    assert [read_barcode(f) for f in clips.frames[0]] == [0, 2, 4, 4, 4, 4]
    assert clips.frames.shape[0] == 1
