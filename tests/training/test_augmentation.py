"""Random clips: what may vary, how far, and what never does."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from action_recognition.clips import Preprocessing
from action_recognition.errors import UsageError
from action_recognition.training.augmentation import random_clip, random_times
from action_recognition.training.settings import Augmentation

PREPROCESSING = Preprocessing(interval_s=0.2, size=32)
LENGTH = 8
STEP_S = 0.1
NONE = Augmentation(speed=1, area=1, aspect=1, flip=False, colour=0)
STILL = Augmentation(speed=1, area=1, aspect=1, flip=False, colour=0.3)


@pytest.fixture(autouse=True)
def seeded() -> Iterator[None]:
    torch.manual_seed(0)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # for pictures this small, threads cost more than they gain
    yield
    torch.set_num_threads(threads)


def gradient(size: int = 36) -> NDArray[np.uint8]:
    """(size, size, 3): red rises to the right, green downwards, blue is constant."""
    ramp = np.linspace(20, 230, size).astype(np.uint8)
    picture = np.full((size, size, 3), 90, dtype=np.uint8)
    picture[:, :, 0] = ramp
    picture[:, :, 1] = ramp[:, None]
    return picture


def numbered(length: int, size: int = 32) -> NDArray[np.uint8]:
    """(length, size, size, 3): frame k is grey k."""
    return np.broadcast_to(
        np.arange(length, dtype=np.uint8)[:, None, None, None], (length, size, size, 3)
    )


def draw(frames: NDArray[np.uint8], augmentation: Augmentation) -> NDArray[np.uint8]:
    return random_clip(frames, STEP_S, PREPROCESSING, augmentation, length=LENGTH)


def times_of(frames: int, augmentation: Augmentation, length: int = LENGTH) -> NDArray[np.int64]:
    return random_times(frames, STEP_S, PREPROCESSING, augmentation, length)


@pytest.mark.parametrize(("frames", "length"), [(1, (1, 1)), (5, (2, 3)), (40, (8, 8))])
@pytest.mark.parametrize("size", [20, 36, 64])
def test_shape_and_type(frames: int, length: tuple[int, int], size: int) -> None:
    clip = draw(np.tile(gradient(size), (frames, 1, 1, 1)), Augmentation())
    assert clip.shape[1:] == (32, 32, 3)
    assert length[0] <= len(clip) <= length[1]
    assert clip.dtype == np.uint8
    assert clip.flags["C_CONTIGUOUS"]


def test_frames_of_a_clip_are_changed_alike() -> None:
    video = np.tile(gradient(), (40, 1, 1, 1))
    clips = [draw(video, Augmentation()) for _ in range(20)]
    for clip in clips:
        assert np.array_equal(clip, np.broadcast_to(clip[0], clip.shape))
    assert len({clip.tobytes() for clip in clips}) == 20  # and clips are not


def test_input_is_not_written_to() -> None:
    video = np.tile(gradient(), (40, 1, 1, 1))
    video.setflags(write=False)  # as the memory map of the cache is
    before = video.copy()
    draw(video, Augmentation())
    assert np.array_equal(video, before)


def is_mirrored(clip: NDArray[np.uint8]) -> bool:
    red = clip[0, :, :, 0].astype(float).mean(0)
    return bool(red[0] > red[-1])


def test_mirrors_half_of_the_clips_or_none() -> None:
    video = np.tile(gradient(), (20, 1, 1, 1))
    flips = [is_mirrored(draw(video, Augmentation(colour=0))) for _ in range(200)]
    assert 70 < sum(flips) < 130
    kept = [is_mirrored(draw(video, Augmentation(flip=False))) for _ in range(100)]
    assert sum(kept) == 0


def test_never_upside_down_and_channels_stay_in_place() -> None:
    video = np.tile(gradient(), (20, 1, 1, 1))
    for _ in range(50):
        frame = draw(video, Augmentation(colour=0))[0].astype(float)
        assert frame[-1, :, 1].mean() > frame[0, :, 1].mean() + 20
        assert np.abs(frame[:, :, 2] - 90).max() <= 1


def test_nothing_changes_with_all_settings_off() -> None:
    video = np.random.default_rng(0).integers(0, 256, (15, 32, 32, 3), dtype=np.uint8)
    clip = draw(video, NONE)  # 8 frames, 2 steps apart: it fits exactly
    assert np.array_equal(clip, video[0:15:2])


def test_with_all_settings_off_only_the_size_changes() -> None:
    video = np.tile(gradient(64), (15, 1, 1, 1))
    clip = draw(video, NONE)
    x = torch.from_numpy(video[:1]).permute(0, 3, 1, 2).float()
    resized = torch.nn.functional.interpolate(x, (32, 32), mode="bilinear", align_corners=False)
    expected = resized[0].permute(1, 2, 0).round().to(torch.uint8).numpy()
    assert np.array_equal(clip[0], expected)


# -- time ----------------------------------------------------------------------------------


def test_times_rise_and_stay_in_the_video() -> None:
    starts = set()
    for _ in range(300):
        times = times_of(40, Augmentation())
        assert times.shape == (8,)
        assert times.min() >= 0
        assert times.max() <= 39
        assert (np.diff(times) >= 1).all()
        starts.add(int(times[0]))
    assert min(starts) == 0  # the whole of the video is made use of
    assert max(starts) >= 24
    assert len(starts) > 20


def test_last_frame_can_be_reached() -> None:
    ends = [times_of(40, Augmentation())[-1] for _ in range(500)]
    assert max(ends) == 39


@pytest.mark.parametrize("frames", [1, 2, 3, 4, 7, 12, 15])
def test_a_short_video_gives_a_shorter_clip_and_no_frame_twice(frames: int) -> None:
    for _ in range(50):
        times = times_of(frames, Augmentation())
        assert 1 <= len(times) <= 8
        assert len(set(times.tolist())) == len(times)
        assert 0 <= times.min() <= times.max() <= frames - 1
    plain = times_of(frames, NONE)
    assert len(plain) == (frames + 1) // 2  # two frames apart
    assert set(np.diff(plain).tolist()) <= {2}


def test_a_short_clip_holds_the_frames_that_there_are() -> None:
    assert draw(numbered(5), NONE)[:, 0, 0, 0].tolist() == [0, 2, 4]


def test_one_frame_where_one_is_asked_for() -> None:
    firsts = {times_of(10, NONE, length=1).tolist()[0] for _ in range(200)}
    assert firsts == set(range(10))


def test_frames_are_those_of_the_times() -> None:
    video = numbered(100)
    for seed in range(20):
        torch.manual_seed(seed)
        times = times_of(100, NONE)
        torch.manual_seed(seed)
        assert draw(video, NONE)[:, 0, 0, 0].tolist() == times.tolist()


@pytest.mark.parametrize("speed", [1.0, 1.25, 2.0])
def test_speed_stays_within_its_bounds(speed: float) -> None:
    augmentation = Augmentation(speed=speed)
    spans = np.array(
        [
            np.ptp(times_of(1000, augmentation)) / 14
            for _ in range(400)  # 14 steps at the pace of the preprocessing
        ]
    )
    rounding = 1 / 14
    assert spans.max() <= speed + rounding
    assert spans.min() >= 1 / speed - rounding
    assert spans.max() >= 1 + 0.85 * (speed - 1)
    assert spans.min() <= 1 - 0.85 * (1 - 1 / speed)


# -- picture -------------------------------------------------------------------------------


@pytest.mark.parametrize(("area", "aspect"), [(0.4, 1.25), (0.1, 2.0), (0.9, 1.5), (1.0, 1.25)])
def test_crop_keeps_the_smallest_share(area: float, aspect: float) -> None:
    """The red and green ramps tell which part of the picture was kept."""
    size = 256
    picture = np.zeros((size, size, 3), dtype=np.uint8)
    picture[:, :, 0] = np.arange(size)
    picture[:, :, 1] = np.arange(size)[:, None]
    video = np.tile(picture, (1, 1, 1, 1))
    settings = Augmentation(speed=1, area=area, aspect=aspect, flip=False, colour=0)
    shares, aspects, corners = [], [], set()
    for _ in range(150):
        frame = draw(video, settings)[0].astype(float)
        slope_x = (frame[0, -1, 0] - frame[0, 0, 0]) / 31 * 32 / size
        slope_y = (frame[-1, 0, 1] - frame[0, 0, 1]) / 31 * 32 / size
        shares.append(slope_x * slope_y)
        aspects.append(slope_x / slope_y)
        corners.add((frame[0, 0, 0], frame[0, 0, 1]))
    assert min(shares) >= area - 0.02
    assert max(shares) <= 1.02
    assert max(aspects) <= aspect * 1.03
    assert min(aspects) >= 1 / (aspect * 1.03)
    if area < 0.5:
        assert min(shares) < area + 0.1
        assert max(shares) > 0.8
        assert max(aspects) > 1 + 0.7 * (aspect - 1)
        assert len({x for x, _ in corners}) > 20
        assert len({y for _, y in corners}) > 20
    if area == 1:
        assert len(corners) == 1


def test_colour_changes_within_its_bounds() -> None:
    grey = np.full((1, 32, 32, 3), 100, dtype=np.uint8)
    levels = np.array([draw(grey, STILL)[0, 0, 0, 0] for _ in range(300)], dtype=float)
    assert levels.min() >= 100 * 0.7 - 1
    assert levels.max() <= 100 * 1.3 + 1
    assert np.ptp(levels) > 50


def test_colour_of_grey_stays_grey_and_bright_does_not_wrap() -> None:
    for value in (0, 128, 255):
        for _ in range(20):
            clip = draw(np.full((3, 32, 32, 3), value, dtype=np.uint8), STILL)
            assert (clip == clip[..., :1]).all()
            assert abs(int(clip[0, 0, 0, 0]) - value) <= 0.3 * value + 1


def test_same_seed_same_clip() -> None:
    video = np.random.default_rng(1).integers(0, 256, (60, 36, 36, 3), dtype=np.uint8)
    clips = []
    for seed in (3, 3, 4):
        torch.manual_seed(seed)
        clips.append(draw(video, Augmentation()))
    assert np.array_equal(clips[0], clips[1])
    assert not np.array_equal(clips[0], clips[2])


@pytest.mark.parametrize(
    "wrong",
    [
        {"speed": 0.5},
        {"speed": float("inf")},
        {"area": 0.0},
        {"area": 1.5},
        {"aspect": 0.9},
        {"colour": -0.1},
        {"colour": 1.1},
        {"area": float("nan")},
    ],
)
def test_settings_out_of_range_are_named(wrong: dict[str, float]) -> None:
    with pytest.raises(UsageError, match=next(iter(wrong))):
        Augmentation(**wrong)  # type: ignore[arg-type]


def test_tiny_crops_of_tiny_pictures_work() -> None:
    video = np.tile(gradient(4), (30, 1, 1, 1))
    settings = Augmentation(area=0.001, aspect=4)
    for _ in range(50):
        assert draw(video, settings).shape == (8, 32, 32, 3)
