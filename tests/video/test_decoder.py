"""Facts about videos, and: the right frame at each time, whatever the container does with time."""

from __future__ import annotations

import io
import random
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from action_recognition.video import Video
from action_recognition.video.frame_reader import FrameReader
from action_recognition.video.limits import Limits
from action_recognition.video.orientation import UPRIGHT
from video_maker import read_barcode, time_grey, write_video

pytestmark = pytest.mark.slow  # the whole file: some seconds

MP4, MATROSKA = "mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm"

ASSETS = [
    # name, codec to write, codec read, container, audio, frames per second
    ("a.mp4", "libx264", "h264", MP4, None, 25),
    ("b.mp4", "libx264", "h264", MP4, 2.0, 30),
    ("hevc.mp4", "libx265", "hevc", MP4, None, 25),
    ("c.mov", "libx264", "h264", MP4, 2.0, 25),
    ("d.mkv", "libx264", "h264", MATROSKA, 2.0, 25),
    ("e.mkv", "ffv1", "ffv1", MATROSKA, None, 30),
    ("f.webm", "libvpx-vp9", "vp9", MATROSKA, 2.0, 25),
    ("g.avi", "mpeg4", "mpeg4", "avi", None, 25),
    ("h.avi", "mpeg4", "mpeg4", "avi", 2.0, 30),
    ("i.avi", "mjpeg", "mjpeg", "avi", None, 25),
]
EVERY_CONTAINER = ["v.mp4", "v.mov", "v.mkv", "v.avi", "v.webm"]


def numbers(video: Video, times_s: list[float]) -> list[int]:
    frames, _ = video.frames_at(times_s, size=32)
    return [read_barcode(f) for f in frames]


@pytest.mark.parametrize("asset", ASSETS, ids=lambda a: f"{a[0]}-{a[1]}")
def test_asset(make_video, asset) -> None:
    name, codec, read_codec, container, audio, fps = asset
    pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
    made = make_video(name, codec=codec, audio=audio, fps=fps, pix_fmt=pix_fmt)
    with Video(made.path) as video:
        info = video.info
        assert info.duration_s == pytest.approx(2.0, abs=0.01)
        assert info.frame_rate == pytest.approx(fps, rel=0.001)
        assert (info.width, info.height, info.orientation) == (64, 48, UPRIGHT)
        assert (info.codec, info.container) == (read_codec, container)
        assert info.has_audio is (audio is not None)
        assert video.name == name
        assert video.check() == 2 * fps
        times = [0.0, 0.41, 1.0, 1.57, 1.99]
        assert numbers(video, times) == [made.index_at(t) for t in times]


@pytest.mark.parametrize("name", EVERY_CONTAINER)
def test_every_frame_begins_at_its_own_time(make_video, name: str) -> None:
    """Guards: float rounding and Matroska's milliseconds gave the frame before the wanted one."""
    made = make_video(name, fps=30, seconds=1)
    with Video(made.path) as video:
        frames, begins = video.frames_at(made.times_s, size=32)
    assert [read_barcode(f) for f in frames] == list(range(30))
    np.testing.assert_allclose(begins, made.times_s, atol=0.0011)


def test_any_order_repeats_and_both_ends(make_video) -> None:
    made = make_video()
    times = [1.5, 0.0, 99.0, 1.5, -3.0, 0.5, 1.999]
    with Video(made.path) as video:
        frames, begins = video.frames_at(times, size=48)
        assert frames.shape == (7, 48, 48, 3)
        assert frames.dtype == np.uint8
        assert [read_barcode(f) for f in frames] == [37, 0, 49, 37, 0, 12, 49]
        np.testing.assert_allclose(begins, [1.48, 0, 1.96, 1.48, 0, 0.48, 1.96], atol=1e-6)


def test_no_times_give_no_frames(make_video) -> None:
    with Video(make_video().path) as video:
        frames, begins = video.frames_at([], size=32)
    assert frames.shape == (0, 32, 32, 3)
    assert begins.shape == (0,)


@pytest.mark.parametrize("name", EVERY_CONTAINER)
def test_one_video_can_be_read_again(make_video, name: str) -> None:
    made = make_video(name)
    with Video(made.path) as video:
        first = numbers(video, [0.1, 1.0])
        assert video.check() == 50
        assert numbers(video, [0.1, 1.0]) == first == [2, 25]
        assert numbers(video, [0.0]) == [0]


def test_the_same_content_at_25_and_30_frames_a_second_agrees(make_video) -> None:
    times = np.arange(0, 1.9, 0.1)
    seen = []
    for fps in (25, 30):
        made = make_video(f"{fps}.mp4", fps=fps, pattern=time_grey)
        with Video(made.path) as video:
            seen.append(video.frames_at(times, size=32)[0].mean((1, 2, 3)))
    # 50 levels a second, frames at most 40 ms old
    np.testing.assert_allclose(seen[0], seen[1], atol=4)
    np.testing.assert_allclose(seen[0], 20 + 50 * times, atol=4)


@pytest.mark.parametrize("name", ["v.mp4", "v.mov", "v.mkv", "v.webm"])
def test_variable_frame_rate_goes_by_time_stamps(make_video, name: str) -> None:
    """Guards: counting frames times the average rate is seconds off."""
    made = make_video(name, timestamps=[0, 0.1, 0.2, 1.0, 1.1, 1.9, 2.0, 3.5])
    times = [0.0, 0.15, 0.9, 1.05, 1.5, 1.95, 3.4, 3.5]
    with Video(made.path) as video:
        assert numbers(video, times) == [0, 1, 2, 3, 4, 5, 6, 7]
        assert video.info.duration_s == pytest.approx(3.54, abs=0.05)


@pytest.mark.parametrize("name", ["v.mp4", "v.mkv", "v.webm"])
@pytest.mark.parametrize("start_s", [0.48, 100.0])
def test_first_frame_need_not_be_at_zero(make_video, name: str, start_s: float) -> None:
    """Guards: an MKV that begins at 100 s was called truncated (its duration counts from 0)."""
    made = make_video(name, start_s=start_s)
    with Video(made.path) as video:
        assert video.info.duration_s == pytest.approx(2.0, abs=0.05)
        assert video.check() == 50
        assert numbers(video, [0.0, 0.2, 1.0, 1.8]) == [0, 5, 25, 45]


@pytest.mark.parametrize("name", ["v.mp4", "v.mkv", "v.avi"])
@pytest.mark.parametrize("codec", ["libx264", "mpeg4"])
def test_b_frames_come_in_display_order(make_video, name: str, codec: str) -> None:
    """Guards: times that FFmpeg makes up for B-frames in AVI go forth and back.

    In an MP4, B-frames bring an edit list with them, as the first time stamp is not 0.
    """
    made = make_video(name, codec=codec, b_frames=2, gop=25)
    with Video(made.path) as video:
        times = [time_s for time_s, _ in video.timed_frames()]
        assert times == sorted(times)
        assert numbers(video, list(made.times_s)) == list(range(50))


def test_original_clips_have_rising_frame_times(shared_dir: Path) -> None:
    """Guards: Xvid's packed B-frames gave 43 of 127 frames of a UCF101 clip a time out of order."""
    paths = sorted((shared_dir / "originals").glob("*/*.avi"))
    if not paths:
        pytest.skip("needs original AVI clips in ../shared/originals")
    for path in paths[::4]:
        with Video(path) as video:
            times = [time_s for time_s, _ in video.timed_frames()]
            assert all(a < b for a, b in pairwise(times)), path.name
            assert times[-1] == pytest.approx(video.info.duration_s, abs=0.12), path.name


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("long.mp4", {"b_frames": 2, "options": {}}),
        ("long.mkv", {"b_frames": 2}),
        ("long.avi", {"b_frames": 2, "codec": "mpeg4"}),
        ("open-gop.mp4", {"b_frames": 3, "encoder": {"x264-params": "open-gop=1"}}),
        ("open-gop.mkv", {"b_frames": 3, "encoder": {"x264-params": "open-gop=1"}}),
        ("long.avi", {}),
        ("long.webm", {}),
        ("one-keyframe.mp4", {"gop": 10_000}),
        ("late.mp4", {"start_s": 50.0}),
        ("late.mkv", {"start_s": 50.0}),
    ],
)
def test_seeking_gives_the_frames_that_decoding_everything_gives(
    make_video, name: str, settings: dict
) -> None:
    made = make_video(name, **({"seconds": 80, "fps": 10, "gop": 70} | settings))
    times = [0.0, 0.3, 20.0, 20.1, 33.3, 34.0, 55.55, 70.0, 79.9, 80.0]
    random.Random(1).shuffle(times)
    with Video(made.path) as video:
        assert numbers(video, times) == [made.index_at(t + 1e-3) for t in times]


def test_seeking_is_used(make_video) -> None:
    made = make_video(seconds=80, fps=10, gop=50)
    with Video(made.path, limits=Limits(frames=250)) as video:  # of 800
        assert numbers(video, [0.0, 40.0, 79.0]) == [0, 400, 790]


@pytest.mark.parametrize("ending", ["mp4", "mkv", "avi"])
@pytest.mark.parametrize("indexed", [True, False])
def test_without_key_frames_the_same_frames_are_not_decoded_again_and_again(
    make_video, monkeypatch, ending: str, indexed: bool
) -> None:
    """Guards: each stretch of a long file with one key frame was decoded from the beginning."""
    made = make_video(f"v.{ending}", seconds=80, fps=10, gop=1000)
    if not indexed:
        monkeypatch.setattr(FrameReader, "_seek_pays", lambda self, a, b: self._seeks_pay)
    with Video(made.path, limits=Limits(frames=820 if indexed else 1100)) as video:
        assert numbers(video, [0.0, 20.0, 40.0, 60.0, 79.0]) == [0, 200, 400, 600, 790]


@pytest.mark.parametrize("ending", ["mp4", "mov", "mkv", "avi", "webm"])
@pytest.mark.parametrize("audio", [1.0, 5.0])
def test_sound_shorter_or_longer_than_the_picture(make_video, ending: str, audio: float) -> None:
    """Guards: a sound track that goes on after the picture is no truncation."""
    made = make_video(f"v.{ending}", audio=audio)
    with Video(made.path) as video:
        assert video.info.duration_s == pytest.approx(2.0, abs=0.01)
        assert video.check() == 50
        assert numbers(video, [0.0, 1.0, 3.0]) == [0, 25, 49]


@pytest.mark.parametrize("container", ["webm", "mkv"])
def test_live_recording_without_a_duration_in_its_header(tmp_path: Path, container: str) -> None:
    class Pipe(io.RawIOBase):
        data = b""

        def writable(self) -> bool:
            return True

        def write(self, block) -> int:
            Pipe.data += bytes(block)
            return len(block)

    Pipe.data = b""
    write_video(Pipe(), container=container, options={"live": "1"})
    path = tmp_path / f"live.{container}"
    path.write_bytes(Pipe.data)
    with Video(path) as video:
        assert video.info.duration_s == pytest.approx(2.0, abs=0.05)
        assert numbers(video, [0.0, 1.0, 2.0]) == [0, 25, 49]
        assert video.check() == 50


def test_fragmented_mp4(make_video) -> None:
    made = make_video(options={"movflags": "frag_keyframe+empty_moov"})
    with Video(made.path) as video:
        assert video.info.duration_s == pytest.approx(2.0, abs=0.05)
        assert numbers(video, [0.0, 1.0, 2.0]) == [0, 25, 49]


@pytest.mark.parametrize("name", EVERY_CONTAINER)
def test_file_object_equals_path_and_stays_open(make_video, name: str) -> None:
    made = make_video(name)
    file = io.BytesIO(made.path.read_bytes())
    with Video(made.path) as a, Video(file, name="upload") as b:
        assert a.info == b.info
        assert b.name == "upload"
        assert b.check() == 50
        np.testing.assert_array_equal(
            a.frames_at([0.3, 1.2], size=32)[0], b.frames_at([0.3, 1.2], size=32)[0]
        )
    assert not file.closed


@pytest.mark.parametrize(
    "name",
    [
        "with space.mp4",
        "čeština 视频 🎬.mp4",
        "-i.mp4",
        "100%.mp4",
        "frame%03d.mp4",
        "http:a.mp4",
        "concat:a.mp4|b.mp4",
        "file:a.mp4",
        "pipe:0.mp4",
        "data:,x.mp4",
        "subfile,,start,0,end,9,,:a.mp4",
        "quote'\"back\\slash.mp4",
        "no ending",
        "name.txt",
    ],
)
def test_any_file_name_relative_and_absolute(make_video, monkeypatch, name: str) -> None:
    """Guards: FFmpeg takes a relative "http:a.mp4" or "concat:a.mp4" for a protocol."""
    made = make_video(name, container="mp4")
    monkeypatch.chdir(made.path.parent)
    for source in (name, Path(name), made.path):
        with Video(source) as video:
            assert video.name == name
            assert numbers(video, [1.0]) == [25]


def test_file_name_that_is_not_utf8(make_video, tmp_path: Path) -> None:
    made = make_video()
    odd = Path(str(tmp_path) + "/caf\udce9.mp4")
    try:
        made.path.rename(odd)
    except (OSError, UnicodeError):
        pytest.skip("the file system allows UTF-8 names only")
    with Video(odd) as video:
        assert numbers(video, [1.0]) == [25]


def test_pixel_aspect_ratio_widens_the_picture(make_video) -> None:
    made = make_video(pixel_aspect=Fraction(4, 3), pattern=time_grey)
    with Video(made.path) as video:
        assert (video.info.width, video.info.height) == (85, 48)


def test_times_are_exact_from_a_fractional_frame_rate(make_video) -> None:
    made = make_video(fps=Fraction(30000, 1001), timestamps=[k * 1001 / 30000 for k in range(60)])
    with Video(made.path) as video:
        assert numbers(video, list(made.times_s)) == list(range(60))
