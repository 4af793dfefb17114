"""Previews: what a browser plays, made from videos that it plays and videos that it does not."""

from __future__ import annotations

import io
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from action_recognition.errors import VideoError
from action_recognition.video import preview as preview_module
from action_recognition.video.orientation import EIGHT, UPRIGHT, Orientation
from action_recognition.video.preview import Preview, browser_preview
from video_maker import MadeVideo, quadrants, read_barcode, time_grey

pytestmark = pytest.mark.slow  # the whole file: some seconds

MakeVideo = Callable[..., MadeVideo]


class Played:
    """A preview as a player sees it: its stream's facts, its frames and their times."""

    def __init__(self, preview: Preview) -> None:
        with av.open(io.BytesIO(preview.data)) as container:
            stream = container.streams.video[0]
            frames = list(container.decode(stream))
            codec = stream.codec_context
            self.container = container.format.name
            self.codec, self.pix_fmt = codec.name, codec.pix_fmt
            self.size = codec.width, codec.height
            self.duration_s = float((stream.duration or 0) * (stream.time_base or 0))
            self.audio_streams = len(container.streams.audio)
        self.times_s = [float(f.time) for f in frames]
        self.images: list[NDArray[np.uint8]] = [f.to_ndarray(format="rgb24") for f in frames]


def test_avi_becomes_mp4_that_plays(make_video: MakeVideo) -> None:
    made = make_video("clip.avi", seconds=2, fps=25, size=(96, 64))
    preview = browser_preview(made.path, name="clip.avi")
    played = Played(preview)
    assert (preview.mime, preview.transcoded) == ("video/mp4", True)
    assert (played.codec, played.pix_fmt, played.size) == ("h264", "yuv420p", (96, 64))
    assert played.duration_s == pytest.approx(2.0, abs=0.001)
    assert [read_barcode(image) for image in played.images] == list(range(50))
    assert np.allclose(played.times_s, np.arange(50) / 25, atol=1e-4)


def test_index_comes_before_the_pictures(make_video: MakeVideo) -> None:
    data = browser_preview(make_video("clip.avi").path, name="clip.avi").data
    assert 0 < data.find(b"moov") < data.find(b"mdat")


@pytest.mark.parametrize(
    ("name", "settings", "mime"),
    [
        ("clip.mp4", {}, "video/mp4"),
        ("clip.mov", {}, "video/mp4"),
        ("clip.mp4", {"audio": 1.0}, "video/mp4"),
        ("clip.webm", {}, "video/webm"),
        ("clip.webm", {"codec": "libvpx"}, "video/webm"),
    ],
)
def test_what_a_browser_plays_is_passed_through(
    make_video: MakeVideo, name: str, settings: dict[str, object], mime: str
) -> None:
    path = make_video(name, **settings).path
    preview = browser_preview(path, name=name)
    assert (preview.data, preview.mime, preview.transcoded) == (path.read_bytes(), mime, False)


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("clip.mkv", {}),  # browsers want WebM
        ("clip.mkv", {"codec": "libvpx-vp9"}),
        ("clip.mp4", {"codec": "libx265"}),
        ("clip.mp4", {"codec": "mpeg4"}),
        ("clip.mp4", {"pix_fmt": "yuv444p"}),  # H.264, but of a profile that few players know
        ("clip.avi", {"codec": "libx264"}),
        ("clip.avi", {"audio": 2.0}),
    ],
)
def test_what_a_browser_does_not_play_is_transcoded(
    make_video: MakeVideo, name: str, settings: dict[str, object]
) -> None:
    preview = browser_preview(make_video(name, **settings).path, name=name)
    played = Played(preview)
    assert preview.transcoded
    assert "mp4" in played.container
    assert (played.codec, played.pix_fmt, len(played.images)) == ("h264", "yuv420p", 50)
    assert played.audio_streams == 0


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((65, 49), (64, 48)),
        ((1281, 721), (640, 360)),
        ((360, 1280), (180, 640)),
        ((320, 240), (320, 240)),
        ((640, 16), (640, 16)),
    ],
)
def test_sides_are_even_and_at_most_640(
    make_video: MakeVideo, size: tuple[int, int], expected: tuple[int, int]
) -> None:
    made = make_video("clip.avi", seconds=0.2, size=size)
    assert Played(browser_preview(made.path, name="clip.avi")).size == expected


@pytest.mark.parametrize("orientation", EIGHT)
def test_the_picture_is_turned_and_mirrored_as_for_display(
    make_video: MakeVideo, orientation: Orientation
) -> None:
    made = make_video(
        "clip.mp4", codec="mpeg4", seconds=0.4, size=(96, 64), orientation=orientation,
        pattern=quadrants,
    )  # fmt: skip
    played = Played(browser_preview(made.path, name="clip.mp4"))
    assert played.size == ((64, 96) if orientation.quarter_turns % 2 else (96, 64))
    source = quadrants(0, 0.0, 96, 64)
    stored = source[:, ::-1] if orientation.mirrored else source
    expected = np.rot90(stored, orientation.quarter_turns)
    height, width = expected.shape[:2]
    for y in (height // 4, 3 * height // 4):
        for x in (width // 4, 3 * width // 4):
            got = played.images[0][y, x].astype(int)
            assert np.abs(got - expected[y, x].astype(int)).max() < 40, (y, x, got)


@pytest.mark.parametrize(
    ("name", "orientation", "transcoded"),
    [
        ("clip.mp4", Orientation(1), False),
        ("clip.mp4", Orientation(0, mirrored=True), True),
        ("clip.webm", Orientation(1), True),
        ("clip.webm", UPRIGHT, False),
    ],
)
def test_no_browser_is_left_to_mirror_a_picture(
    make_video: MakeVideo, name: str, orientation: Orientation, *, transcoded: bool
) -> None:
    made = make_video(name, seconds=0.4, orientation=orientation)
    assert browser_preview(made.path, name=name).transcoded == transcoded


def test_a_picture_that_begins_late_has_the_times_of_its_player(make_video: MakeVideo) -> None:
    """Guards: the page jumped to seconds counted from the first frame, not from the sound."""
    late = {"start_s": 3.0, "audio": 5.0, "audio_start_s": 0.0}
    played = browser_preview(make_video("late.mp4", **late).path, name="late.mp4")
    assert (played.transcoded, played.start_s, played.end_s) == (False, 0.0, pytest.approx(5.0))
    made = make_video("late.mkv", **late)
    played = browser_preview(made.path, name="late.mkv")
    assert (played.transcoded, played.start_s) == (True, pytest.approx(3.0, abs=0.01))
    assert played.end_s == pytest.approx(5.0, abs=0.05)
    assert Played(played).times_s[0] == 0
    part = browser_preview(made.path, name="late.mkv", start_s=4.0)
    assert (part.start_s, part.end_s) == (pytest.approx(4.0), pytest.approx(5.0, abs=0.05))


def test_pixels_that_are_not_square_become_square(make_video: MakeVideo) -> None:
    made = make_video("clip.avi", size=(48, 64), pixel_aspect=Fraction(2, 1), seconds=0.4)
    assert Played(browser_preview(made.path, name="clip.avi")).size == (96, 64)


def test_variable_frame_rate_keeps_its_times(make_video: MakeVideo) -> None:
    times = [0.0, 0.1, 0.14, 0.18, 0.7, 1.4, 1.44, 1.5]
    made = make_video("clip.mkv", timestamps=times)
    played = Played(browser_preview(made.path, name="clip.mkv"))
    assert np.allclose(played.times_s, times, atol=0.0015)  # Matroska counts milliseconds


def test_times_begin_at_zero(make_video: MakeVideo) -> None:
    made = make_video("clip.mkv", seconds=1, start_s=5.0)
    played = Played(browser_preview(made.path, name="clip.mkv"))
    assert played.times_s[0] == 0
    assert played.duration_s == pytest.approx(1.0, abs=0.01)


def test_brightness_is_kept(make_video: MakeVideo) -> None:
    made = make_video("clip.avi", seconds=2, pattern=time_grey)
    for time_s, image in zip(*_times_and_images(made), strict=True):
        assert image.mean() == pytest.approx(20 + 50 * time_s, abs=4)


def _times_and_images(made: MadeVideo) -> tuple[list[float], list[NDArray[np.uint8]]]:
    played = Played(browser_preview(made.path, name="clip.avi"))
    return played.times_s, played.images


def test_only_the_beginning_of_a_long_video_is_shown(
    make_video: MakeVideo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preview_module, "MAX_DURATION_S", 1.0)
    played = Played(browser_preview(make_video("clip.avi", seconds=3).path, name="clip.avi"))
    assert played.duration_s == pytest.approx(1.0, abs=0.05)


@pytest.mark.parametrize("start_s", [0.0, 3.02, 30.0, 40.5])
@pytest.mark.parametrize("name", ["long.avi", "long.mkv"])
def test_any_part_of_a_long_video_can_be_shown(
    make_video: MakeVideo, monkeypatch: pytest.MonkeyPatch, name: str, start_s: float
) -> None:
    monkeypatch.setattr(preview_module, "MAX_DURATION_S", 2.0)
    made = make_video(name, seconds=50, fps=10, gop=25)
    preview = browser_preview(made.path, name=name, start_s=start_s)
    played = Played(preview)
    first = made.index_at(start_s)
    assert [read_barcode(i) for i in played.images][:20] == list(range(first, first + 20))
    assert len(played.images) in (20, 21)
    assert played.times_s[0] == 0
    assert preview.start_s == start_s
    assert preview.end_s == pytest.approx(start_s + 2, abs=0.15)


def test_a_part_at_the_very_end_holds_the_last_frame(make_video: MakeVideo) -> None:
    made = make_video("clip.avi", seconds=2, fps=10)
    preview = browser_preview(made.path, name="clip.avi", start_s=2.0)
    assert [read_barcode(i) for i in Played(preview).images] == [19]


def test_a_part_that_cannot_be_reached_with_little_work_is_refused(
    make_video: MakeVideo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preview_module, "_MAX_DECODED_PIXELS", 10 * 100_000)
    made = make_video("clip.avi", seconds=40, fps=10, gop=300)
    with pytest.raises(VideoError, match="no preview can be made of it from 25 s on"):
        browser_preview(made.path, name="clip.avi", start_s=25.0)


def test_the_work_for_huge_pictures_is_bounded(
    make_video: MakeVideo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preview_module, "_MAX_DECODED_PIXELS", 10 * 640 * 480)
    made = make_video("clip.avi", seconds=1, size=(640, 480))
    assert len(Played(browser_preview(made.path, name="clip.avi")).images) == 10


def test_a_single_frame(make_video: MakeVideo) -> None:
    made = make_video("clip.avi", timestamps=None, seconds=0.04)
    assert len(Played(browser_preview(made.path, name="clip.avi")).images) == 1


@pytest.mark.parametrize("name", ["clip.avi", "clip.mp4"])
def test_bytes_in_memory_give_the_same_as_a_file(make_video: MakeVideo, name: str) -> None:
    path = make_video(name).path
    file = io.BytesIO(path.read_bytes())
    file.seek(100)
    preview, expected = browser_preview(file, name=name), browser_preview(path, name=name)
    assert (preview.mime, preview.transcoded) == (expected.mime, expected.transcoded)
    # Not the bytes: the encoder's threads can make a different file of the same pictures.
    played, same = Played(preview), Played(expected)
    assert played.times_s == same.times_s
    assert [read_barcode(i) for i in played.images] == [read_barcode(i) for i in same.images]
    assert not file.closed


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (b"This is no video.\n" * 100, "not a video file"),
        (b"#EXTM3U\nhttp://127.0.0.1/secret.ts\n", "not a video file"),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 100, "not a video file"),
    ],
)
def test_what_is_no_video_is_refused(content: bytes, reason: str) -> None:
    with pytest.raises(VideoError, match=reason) as caught:
        browser_preview(io.BytesIO(content), name="odd.mp4")
    assert caught.value.name == "odd.mp4"


@pytest.mark.parametrize("name", ["clip.avi", "clip.mp4", "clip.mkv"])
def test_a_truncated_video_is_refused(make_video: MakeVideo, name: str) -> None:
    data = make_video(name, seconds=4, size=(320, 240)).path.read_bytes()
    with pytest.raises(VideoError):
        browser_preview(io.BytesIO(data[: len(data) // 2]), name=name)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(VideoError, match="no such file"):
        browser_preview(tmp_path / "none.mp4", name="none.mp4")


def test_preview_prints_without_its_bytes() -> None:
    assert (
        repr(Preview(b"abc", "video/mp4", True, 0.0, 1.0))
        == "Preview(3 bytes, video/mp4, transcoded=True)"
    )
