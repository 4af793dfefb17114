"""What part of the picture is seen, and which way up: crop, rotation, aspect, several streams."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.stream import Disposition

from action_recognition.errors import VideoError
from action_recognition.video import Video
from action_recognition.video.orientation import Orientation
from video_maker import barcode, quadrants, read_barcode, time_grey

COLOURS = {"red": (255, 0, 0), "green": (0, 255, 0), "blue": (0, 0, 255), "white": (255, 255, 255)}


def first_frame(path: Path, size: int = 64, **settings) -> np.ndarray:
    with Video(path) as video:
        return video.frames_at([0.0], size=size, **settings)[0][0]


def corners(image: np.ndarray) -> list[str]:
    """Names of the colours top left, top right, bottom left, bottom right."""
    near, far = image.shape[0] // 8, image.shape[0] - 1 - image.shape[0] // 8
    names = []
    for y, x in ((near, near), (near, far), (far, near), (far, far)):
        distance = {k: np.abs(image[y, x].astype(int) - c).sum() for k, c in COLOURS.items()}
        names.append(min(distance, key=distance.__getitem__))
    return names


def columns(index: int, time_s: float, width: int, height: int) -> np.ndarray:
    """Grey that rises from 0 at the left to 255 at the right."""
    grey = np.linspace(0, 255, width).astype(np.uint8)
    return np.repeat(np.tile(grey, (height, 1))[:, :, None], 3, axis=2)


def rows(index: int, time_s: float, width: int, height: int) -> np.ndarray:
    """Grey that rises from 0 at the top to 255 at the bottom."""
    return columns(index, time_s, height, width).transpose(1, 0, 2).copy()


def test_phone_video_held_upright_is_cropped_at_top_and_bottom(make_video) -> None:
    """A phone writes 16:9 lying on its side, and a rotation."""
    made = make_video(size=(192, 108), orientation=Orientation(1), pattern=rows, seconds=0.2)
    with Video(made.path) as video:
        assert (video.info.width, video.info.height) == (108, 192)
        image = video.frames_at([0.0], size=64)[0][0]
    # turned by 90 degrees, what was the top is left: the whole of it is seen
    assert image[32, 1].mean() < 20
    assert image[32, -2].mean() > 235


@pytest.mark.parametrize(
    ("size", "pattern", "low"),
    [
        ((64, 48), columns, 0),  # 4:3 is seen whole
        ((64, 48), rows, 0),
        ((48, 64), rows, 0),
        ((192, 108), columns, 255 * (192 - 144) / 2 / 192),  # 16:9 loses its sides
        ((192, 108), rows, 0),
        ((108, 192), rows, 255 * (192 - 144) / 2 / 192),  # upright loses top and bottom
        ((108, 192), columns, 0),
        ((400, 60), columns, 255 * (400 - 80) / 2 / 400),
    ],
)
def test_centre_crop_to_four_by_three(make_video, size, pattern, low: float) -> None:
    made = make_video(size=size, pattern=pattern, seconds=0.2)
    image = first_frame(made.path).mean(2)
    line = image[32] if pattern is columns else image[:, 32]
    assert line[:2].mean() == pytest.approx(low, abs=10)
    assert line[-2:].mean() == pytest.approx(255 - low, abs=10)
    assert (np.diff(line) > -6).all()


def test_max_aspect_is_a_choice(make_video) -> None:
    made = make_video(size=(192, 108), pattern=columns, seconds=0.2)
    whole = first_frame(made.path, max_aspect=16 / 9).mean((0, 2))
    square = first_frame(made.path, max_aspect=1).mean((0, 2))
    assert whole[0] < 10 < 245 < whole[-1]
    assert square[0] == pytest.approx(255 * (192 - 108) / 2 / 192, abs=8)


def test_pixel_aspect_counts_in_the_crop(make_video) -> None:
    """64x48 pixels of twice their height are a picture of 128x48: its sides are cut."""
    made = make_video(pattern=columns, pixel_aspect=Fraction(2), seconds=0.2)
    line = first_frame(made.path).mean((0, 2))
    assert line[0] == pytest.approx(255 * 0.25, abs=10)


def test_hostile_pixel_aspect_is_ignored(make_video) -> None:
    """Guards: an aspect of 60000:1 in a header asked for a scaled picture of gigabytes."""
    made = make_video(pixel_aspect=Fraction(60_000), seconds=0.2)
    with Video(made.path) as video:
        assert (video.info.width, video.info.height) == (64, 48)
        assert video.frames_at([0.0], size=32)[0].shape == (1, 32, 32, 3)


@pytest.mark.parametrize(
    ("size", "name"),
    [
        ((16, 16), "v.mp4"),
        ((16, 16), "v.webm"),
        ((16, 16), "v.avi"),
        ((63, 47), "v.webm"),
        ((321, 241), "v.avi"),
        ((176, 144), "v.mov"),
        ((1920, 1080), "v.mp4"),
    ],
)
def test_sizes_small_odd_and_large(make_video, size, name: str) -> None:
    made = make_video(name, size=size, seconds=0.4, pattern=barcode)
    with Video(made.path) as video:
        assert (video.info.width, video.info.height) == size
        frames, _ = video.frames_at([0.0, 0.12, 0.39], size=64, max_aspect=2)
    assert [read_barcode(f) for f in frames] == [0, 3, 9]


@pytest.mark.parametrize("pix_fmt", ["gray", "yuv444p", "bgr0", "yuv420p10le", "gray16le"])
def test_pixel_formats(make_video, pix_fmt: str) -> None:
    made = make_video("v.mkv", codec="ffv1", pix_fmt=pix_fmt, seconds=0.4)
    with Video(made.path) as video:
        assert read_barcode(video.frames_at([0.28], size=32)[0][0]) == 7


def test_colours_are_not_swapped(make_video) -> None:
    image = first_frame(make_video(pattern=quadrants, seconds=0.2).path)
    assert corners(image) == ["red", "green", "blue", "white"]


def test_of_two_picture_streams_one_is_read_to_its_end(make_video) -> None:
    """Guards: packets of the other stream must not end up in the decoder."""
    made = make_video("v.mkv", pattern=[barcode, time_grey])
    with Video(made.path) as video:
        assert video.check() == 50
        frames, _ = video.frames_at([0.4, 1.6], size=32)
    assert [read_barcode(f) for f in frames] == [10, 40]


def cover(out: av.container.OutputContainer) -> tuple[av.VideoStream, list[av.Packet]]:
    stream = out.add_stream("mjpeg", rate=1)
    stream.width, stream.height, stream.pix_fmt = 320, 320, "yuvj420p"
    stream.disposition = Disposition.attached_pic
    frame = av.VideoFrame.from_ndarray(np.full((320, 320, 3), 90, np.uint8), format="rgb24")
    return stream, stream.encode(frame) + stream.encode(None)


def test_a_cover_picture_is_not_the_video(tmp_path: Path) -> None:
    """Guards: a cover, larger than the video and muxed before it, must not be taken for it."""
    path = tmp_path / "cover.mp4"
    with av.open(str(path), "w") as out:
        _, packets = cover(out)
        stream = out.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for k in range(25):
            image = barcode(k, k / 25, 64, 48)
            packets += stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24"))
        out.mux(packets + stream.encode(None))
    with Video(path) as video:
        assert (video.info.width, video.info.height) == (64, 48)
        assert read_barcode(video.frames_at([0.8], size=32)[0][0]) == 20


def test_a_song_with_a_cover_has_no_video(tmp_path: Path) -> None:
    """Guards: the cover of an audio file was recognised as a video of one frame."""
    path = tmp_path / "song.mp4"
    with av.open(str(path), "w") as out:
        _, packets = cover(out)
        sound = out.add_stream("aac", rate=48000)
        samples = np.zeros((1, 2 * 48000), np.int16)
        frame = av.AudioFrame.from_ndarray(samples, format="s16", layout="stereo")
        frame.sample_rate = 48000
        out.mux(packets + sound.encode(frame) + sound.encode(None))
    with pytest.raises(VideoError, match=r"song\.mp4: it holds no picture stream"):
        Video(path)
