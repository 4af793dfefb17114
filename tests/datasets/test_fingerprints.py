"""What is kept of a video's frames, and which of them show enough."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from action_recognition.datasets.fingerprints import (
    Fingerprint,
    hash_frames,
    mirror_bits,
    mirror_signs,
    take_fingerprint,
    voting,
)
from action_recognition.errors import VideoError
from action_recognition.video import Video
from action_recognition.video.orientation import Orientation
from scene_maker import Scene, darken, letterbox, mirror, write_scene
from video_maker import Image, MadeVideo, time_grey


def look_at(path: Path) -> Fingerprint:
    with Video(path) as video:
        return take_fingerprint(video)


def bits_apart(one: Fingerprint, other: Fingerprint) -> float:
    return float(np.bitwise_count(hash_frames(one) ^ hash_frames(other)).mean())


@pytest.mark.parametrize(
    ("fps", "seconds"), [(25, 1.0), (10, 1.0), (30, 0.5), (4, 2.0), (25, 0.04)]
)
def test_ten_frames_of_each_second(
    make_video: Callable[..., MadeVideo], fps: int, seconds: float
) -> None:
    """The grey level tells which frame it was: 50 levels a second."""
    made = make_video(fps=fps, seconds=seconds, pattern=time_grey)
    found = look_at(made.path)
    wanted = [k / 10 for k in range(len(found))]
    assert len(found) == int(10 * made.times_s[-1] + 0.01) + 1
    shown = [max(t for t in made.times_s if t <= time_s + 1e-3) for time_s in wanted]
    np.testing.assert_allclose(found[:, 0], [20 + 50 * t for t in shown], atol=3)
    assert found.dtype == np.float16
    assert found.shape[1] == 64


def test_the_numbers_are_those_of_a_dct(make_video: Callable[..., MadeVideo]) -> None:
    def waves(index: int, time_s: float, width: int, height: int) -> Image:
        x, y = (np.arange(width) + 0.5) / width, (np.arange(height) + 0.5) / height
        level = 120 + 40 * np.cos(np.pi * 3 * x)[None] + 30 * np.cos(np.pi * 5 * y)[:, None]
        return np.repeat(level.round().astype(np.uint8)[:, :, None], 3, axis=2)

    (first, *_) = look_at(make_video(seconds=0.2, size=(96, 72), pattern=waves).path)
    grid = first.reshape(8, 8).astype(float)
    assert grid[0, 0] == pytest.approx(120, abs=2)
    assert grid[0, 3] == pytest.approx(40 / np.sqrt(2), abs=2)
    assert grid[5, 0] == pytest.approx(30 / np.sqrt(2), abs=2)
    grid[0, 0] = grid[0, 3] = grid[5, 0] = 0
    assert np.abs(grid).max() < 2


def test_mirroring_turns_signs(tmp_path: Path) -> None:
    plain = look_at(write_scene(tmp_path / "a.mp4", Scene(1), seconds=1.0))
    flipped = look_at(write_scene(tmp_path / "b.mp4", Scene(1), seconds=1.0, change=mirror))
    np.testing.assert_allclose(plain * mirror_signs(), flipped, atol=2)
    turned = hash_frames(plain) ^ mirror_bits()
    assert np.bitwise_count(turned ^ hash_frames(flipped)).mean() < 3
    assert bits_apart(plain, flipped) > 15


def test_what_changes_little(tmp_path: Path) -> None:
    scene = look_at(write_scene(tmp_path / "a.mp4", Scene(2), seconds=1.0))
    for k, settings in enumerate(
        ({"change": darken}, {"change": letterbox}, {"size": (48, 36)}, {"codec": "mpeg4"})
    ):
        copy = look_at(write_scene(tmp_path / f"b{k}.mp4", Scene(2), seconds=1.0, **settings))
        assert bits_apart(scene, copy) < 8, settings
    other = look_at(write_scene(tmp_path / "c.mp4", Scene(3), seconds=1.0))
    assert bits_apart(scene, other) > 15


def test_a_video_that_is_turned_for_display(tmp_path: Path) -> None:
    def on_its_side(image: Image) -> Image:
        return np.ascontiguousarray(np.rot90(image, -1))

    upright = write_scene(tmp_path / "a.mp4", Scene(4), seconds=1.0, size=(96, 96))
    turned = write_scene(
        tmp_path / "b.mp4",
        Scene(4),
        seconds=1.0,
        size=(96, 96),
        change=on_its_side,
        orientation=Orientation(1),
    )
    assert bits_apart(look_at(upright), look_at(turned)) < 3


def test_which_frames_show_enough(make_video: Callable[..., MadeVideo], tmp_path: Path) -> None:
    def square(index: int, time_s: float, width: int, height: int) -> Image:
        image = np.full((height, width, 3), (40, 60, 90), np.uint8)
        image[20:34, 10 + index : 24 + index] = 230
        return image

    assert voting(look_at(write_scene(tmp_path / "a.mp4", Scene(5), seconds=1.0))).all()
    for pattern in (time_grey, square):
        made = make_video(seconds=1.0, size=(96, 72), pattern=pattern)
        assert not voting(look_at(made.path)).any()


def test_a_truncated_video_is_an_error(tmp_path: Path) -> None:
    path = write_scene(tmp_path / "a.avi", Scene(1), seconds=3.0)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 2 // 3])
    with pytest.raises(VideoError, match=r"^a\.avi: "):
        look_at(path)
