"""Orientation: each of the eight ways in which a file can ask for its frames to be shown."""

from __future__ import annotations

import struct

import av
import numpy as np
import pytest
from test_decoder_picture import corners

from action_recognition.video import Video
from action_recognition.video.orientation import EIGHT, UPRIGHT, Orientation, orientation_of
from video_maker import quadrants

# What Chromium 140 shows of such files: top left, top right, bottom left, bottom right.
SEEN = [
    (Orientation(0), ["red", "green", "blue", "white"]),
    (Orientation(1), ["green", "white", "red", "blue"]),
    (Orientation(2), ["white", "blue", "green", "red"]),
    (Orientation(3), ["blue", "red", "white", "green"]),
    (Orientation(0, mirrored=True), ["green", "red", "white", "blue"]),
    (Orientation(1, mirrored=True), ["red", "blue", "green", "white"]),
    (Orientation(2, mirrored=True), ["blue", "white", "red", "green"]),
    (Orientation(3, mirrored=True), ["white", "green", "blue", "red"]),
]


@pytest.mark.parametrize("name", ["v.mp4", "v.mov", "v.mkv", "v.webm"])
@pytest.mark.parametrize(("orientation", "seen"), SEEN)
def test_frames_are_upright(make_video, name: str, orientation: Orientation, seen) -> None:
    """Guards: a mirrored matrix (a front camera's) was read as an angle, a half turn."""
    made = make_video(name, orientation=orientation, pattern=quadrants, seconds=0.2)
    with Video(made.path) as video:
        size = (48, 64) if orientation.quarter_turns % 2 else (64, 48)
        assert (video.info.width, video.info.height) == size
        assert video.info.orientation == orientation
        assert corners(video.frames_at([0.1], size=64)[0][0]) == seen


@pytest.mark.parametrize("orientation", EIGHT)
def test_matrix_moves_points_as_pixels_move(orientation: Orientation) -> None:
    stored = np.zeros((5, 5), dtype=np.uint8)
    stored[2, 4], stored[4, 2] = 1, 2  # to the right of the middle, and below it
    shown = orientation.upright(stored)
    for value, axis in ((1, (1.0, 0.0)), (2, (0.0, 1.0))):
        y, x = np.argwhere(shown == value)[0] - 2
        assert (x / 2, y / 2) == tuple(orientation.matrix() @ axis)


class Turned:
    """A frame with side data."""

    def __init__(self, values: tuple[int, ...] | None) -> None:
        from av.sidedata.sidedata import Type

        self.side_data = {} if values is None else {Type.DISPLAYMATRIX: struct.pack("=9i", *values)}


ONE = 1 << 16


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (None, UPRIGHT),
        ((0,) * 9, UPRIGHT),  # no matrix at all
        ((ONE, 0, 0, 0, ONE, 0, 100 * ONE, -7 * ONE, 1 << 30), UPRIGHT),  # moved only
        ((2 * ONE, 0, 0, 0, ONE // 2, 0, 0, 0, 1 << 30), UPRIGHT),  # scaled only
        ((-3 * ONE, 0, 0, 0, ONE, 0, 0, 0, 1 << 30), Orientation(0, mirrored=True)),
        ((64000, 14000, 0, -14000, 64000, 0, 0, 0, 1 << 30), UPRIGHT),  # a slanted phone
        ((14000, -64000, 0, 64000, 14000, 0, 0, 0, 1 << 30), Orientation(1)),
        ((-(1 << 31), 0, 0, 0, -(1 << 31), 0, 0, 0, 0), Orientation(2)),
    ],
)
def test_matrices_that_phones_do_not_write(values, expected: Orientation) -> None:
    frame: av.VideoFrame = Turned(values)  # type: ignore[assignment]
    assert orientation_of(frame) == expected
