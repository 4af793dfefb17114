"""What training clips are drawn from: videos, pictures, and what is made."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from action_recognition.clips import Preprocessing
from action_recognition.errors import VideoError
from action_recognition.training.footage import (
    Sample,
    moved_picture,
    read_picture,
    read_sample,
)
from video_maker import MadeVideo, quadrants, read_barcode, time_grey

TINY = Preprocessing(interval_s=0.1, size=32)
SIZE = 36  # 32 pixels and a margin for crops
Make = Callable[..., MadeVideo]


def read(sample: Sample, preprocessing: Preprocessing = TINY, seed: int = 0) -> NDArray[np.uint8]:
    torch.manual_seed(seed)
    return read_sample(sample, preprocessing)[0]


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    """Random colours, not square."""
    pixels = np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    return tmp_path / "a.png"


# -- videos --------------------------------------------------------------------------------


def test_a_video_is_read_twice_as_densely_as_the_network_sees_it(make_video: Make) -> None:
    path = make_video(seconds=1.0, fps=10, size=(48, 36), pattern=time_grey).path
    frames, step_s = read_sample(Sample(path, 0), TINY)
    assert step_s == 0.05
    assert frames.shape == (20, SIZE, SIZE, 3)
    assert frames.dtype == np.uint8
    expected = 20 + 5 * (np.arange(20) // 2)  # ten frames a second: each is seen twice
    assert np.abs(frames.mean((1, 2, 3)) - expected).max() < 3


def test_the_middle_of_a_long_video_is_taken(make_video: Make) -> None:
    path = make_video(seconds=40, fps=2).path
    frames, step_s = read_sample(Sample(path, 0), Preprocessing(interval_s=0.5, size=32))
    assert (len(frames), step_s) == (120, 0.25)
    assert [read_barcode(frames[k]) for k in (0, 1, 2, -1)] == [10, 10, 11, 69]


def test_a_video_shorter_than_a_step_has_one_frame(make_video: Make) -> None:
    path = make_video(seconds=0.04, fps=25).path
    assert len(read(Sample(path, 0))) == 1


def test_a_wide_video_is_cropped_as_for_recognition(make_video: Make) -> None:
    path = make_video(seconds=0.2, size=(144, 48), pattern=quadrants).path
    whole = read(Sample(path, 0), Preprocessing(interval_s=0.1, size=32, max_aspect=3.0))
    middle = read(Sample(path, 0), Preprocessing(interval_s=0.1, size=32, max_aspect=1.0))
    assert whole.shape == middle.shape
    for frames in (whole, middle):  # the border of the colours stays in the middle
        assert frames[0, 4, 4, 0] > 200
        assert frames[0, 4, 31, 1] > 200


def test_a_damaged_video_is_named(tmp_path: Path) -> None:
    (tmp_path / "bad.mp4").write_bytes(b"no video")
    with pytest.raises(VideoError, match=r"^bad\.mp4: "):
        read(Sample(tmp_path / "bad.mp4", 0))


# -- pictures ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["a.jpg", "a.JPEG", "a.png"])
def test_pictures_are_known_by_their_names(name: str) -> None:
    assert Sample(Path(name), 0).is_picture
    assert not Sample(Path(name + ".mp4"), 0).is_picture


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L"])
def test_a_picture_file_is_read_as_it_is(mode: str, tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    made = Image.fromarray(pixels).convert(mode)
    made.save(tmp_path / "a.png")
    assert np.array_equal(read_picture(tmp_path / "a.png"), np.array(made.convert("RGB")))


def test_a_picture_is_three_seconds_of_a_moving_camera(picture: Path) -> None:
    torch.manual_seed(0)
    frames, step_s = read_sample(Sample(picture, 0), TINY)
    assert step_s == 0.05
    assert frames.shape == (60, SIZE, SIZE, 3)
    assert frames.dtype == np.uint8
    steps = np.abs(np.diff(frames.astype(int), axis=0)).mean((1, 2, 3))
    assert steps.min() > 0  # each frame differs from the one before
    assert np.array_equal(frames, read(Sample(picture, 0)))
    assert not np.array_equal(frames, read(Sample(picture, 0), seed=1))


def test_a_camera_before_a_plain_wall_sees_a_plain_wall() -> None:
    wall = np.full((50, 80, 3), (10, 200, 90), np.uint8)
    frames = moved_picture(wall, 7, 24)
    assert frames.shape == (7, 24, 24, 3)
    assert np.array_equal(frames, np.broadcast_to(wall[0, 0], frames.shape))


def test_the_camera_sees_most_of_the_picture_the_right_way_up() -> None:
    ramp = np.zeros((64, 64, 3), np.uint8)
    ramp[:, :, 0] = np.arange(64) * 4
    ramp[:, :, 1] = np.arange(64)[:, None] * 4
    for seed in range(10):
        torch.manual_seed(seed)
        frames = moved_picture(ramp, 12, 32).astype(float)
        width = frames[:, :, -1, 0].mean(1) - frames[:, :, 0, 0].mean(1)
        height = frames[:, -1, :, 1].mean(1) - frames[:, 0, :, 1].mean(1)
        assert np.concatenate([width, height]).min() > 0.6 * 252
        assert np.concatenate([width, height]).max() <= 252


def test_a_damaged_picture_is_named(tmp_path: Path) -> None:
    (tmp_path / "bad.jpg").write_bytes(b"no picture")
    for name in ("bad.jpg", "gone.jpg"):
        with pytest.raises(VideoError, match=rf"^{name}: the picture cannot be read"):
            read(Sample(tmp_path / name, 0))


# -- made ----------------------------------------------------------------------------------


def test_what_is_made_lasts_three_seconds_and_follows_its_seed(picture: Path) -> None:
    one, again, other = (read(Sample(picture, 0, made=seed)) for seed in (5, 5, 6))
    assert one.shape == (60, SIZE, SIZE, 3)
    assert one.dtype == np.uint8
    assert np.array_equal(one, again)
    assert not np.array_equal(one, other)


def test_some_of_what_is_made_shows_a_frame_of_the_video(make_video: Make) -> None:
    path = make_video(seconds=1.0, fps=10, pattern=quadrants).path
    shown = read(Sample(path, 0))[0].astype(int)
    differences = [
        np.abs(read(Sample(path, 0, made=seed))[0].astype(int) - shown).mean() for seed in range(30)
    ]
    assert 4 <= sum(d < 8 for d in differences) <= 26
