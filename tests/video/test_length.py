"""How long a video is and when it begins: by its picture, whatever else the file says."""

from __future__ import annotations

import re
import struct
from pathlib import Path

import pytest

from action_recognition.errors import VideoError
from action_recognition.video import Video
from video_maker import read_barcode

pytestmark = pytest.mark.slow  # the whole file: some seconds

DURATION = b"\x44\x89"  # Matroska's Info/Duration; a float of 8 bytes follows its length, 0x88


def last_seen(path: Path) -> tuple[float, int]:
    """The duration, and the number of the last frame that is asked for within it."""
    with Video(path) as video:
        frames, _ = video.frames_at([video.info.duration_s - 0.01], size=32)
        assert video.check()
        return video.info.duration_s, read_barcode(frames[0])


def without_tags(data: bytes) -> bytes:
    """Matroska whose DURATION tags have another name."""
    assert b"DURATION" in data
    return data.replace(b"DURATION", b"duration")


@pytest.mark.parametrize("ending", ["mkv", "webm"])
@pytest.mark.parametrize("audio", [2.5, 4.0, 9.0])
def test_sound_that_outlasts_the_picture_without_a_tag(make_video, ending: str, audio) -> None:
    """Guards: clips were spread over the sound, and nearly all showed the last frame."""
    made = make_video(f"v.{ending}", seconds=2, audio=audio)
    made.path.write_bytes(without_tags(made.path.read_bytes()))
    assert last_seen(made.path) == (pytest.approx(2.0, abs=0.05), 49)


@pytest.mark.parametrize("told", [0.4, 1.0, 7.0, 900.0])
@pytest.mark.parametrize("ending", ["mkv", "webm"])
def test_duration_of_a_whole_matroska_file_is_not_believed(make_video, ending, told) -> None:
    made = make_video(f"v.{ending}", seconds=2)
    data = made.path.read_bytes()
    place = data.index(DURATION) + 3
    wrong = data[:place] + struct.pack(">d", told * 1000) + data[place + 8 :]
    made.path.write_bytes(without_tags(wrong))
    assert last_seen(made.path) == (pytest.approx(2.0, abs=0.05), 49)


@pytest.mark.parametrize("frames", [1, 20, 49, 60, 500])
def test_number_of_frames_in_the_header_of_an_avi_is_not_believed(make_video, frames: int) -> None:
    """Guards: what lay behind the number of frames in the header was never looked at."""
    made = make_video("v.avi", seconds=2)
    data = made.path.read_bytes()
    for place in (data.index(b"avih") + 24, data.index(b"strh") + 40):  # whole file, and stream
        assert data[place : place + 4] == struct.pack("<I", 50)
        data = data[:place] + struct.pack("<I", frames) + data[place + 4 :]
    made.path.write_bytes(data)
    assert last_seen(made.path) == (pytest.approx(2.0, abs=0.05), 49)


@pytest.mark.parametrize("told_s", [0.1, 1, 30])
def test_duration_of_the_movie_header_is_not_believed(make_video, told_s) -> None:
    made = make_video("v.mp4", seconds=2)
    data = made.path.read_bytes()
    place = data.index(b"mvhd") + 4 + 12  # version and flags, two dates; then the time scale
    scale, duration = struct.unpack(">II", data[place : place + 8])
    assert duration / scale == pytest.approx(2.0, abs=0.01)
    told = struct.pack(">I", round(told_s * scale))
    made.path.write_bytes(data[: place + 4] + told + data[place + 8 :])
    assert last_seen(made.path) == (pytest.approx(2.0, abs=0.05), 49)


@pytest.mark.parametrize("told_s", [0.1, 1, 30])
@pytest.mark.parametrize("header", [b"mdhd", b"tkhd"])
def test_duration_of_the_track_headers_is_not_believed(make_video, header: bytes, told_s) -> None:
    made = make_video("v.mp4", seconds=2)
    data = made.path.read_bytes()
    place = data.index(header) + (4 + 16 if header == b"mdhd" else 4 + 20)
    (duration,) = struct.unpack(">I", data[place : place + 4])
    told = struct.pack(">I", round(told_s * duration / 2))
    made.path.write_bytes(data[:place] + told + data[place + 4 :])
    assert last_seen(made.path) == (pytest.approx(2.0, abs=0.05), 49)


TRAILERS = {
    "ID3v1": b"TAG" + b"a title".ljust(125, b"\0"),
    "Lyrics3": b"LYRICSBEGIN" + b"[00:01]la la" * 9 + b"000113LYRICS200",
    "text": b"Recorded on 2024-05-01 by a dash camera.\n" * 40,
    "zeros": bytes(5000),
    "camera": b"\0\0\0\0SEFH" + bytes(range(256)) * 20 + b"SEFT",
    "maker's box": b"\0\0\x01\0thma" + bytes(248),
    "maker's box, cut": b"\x7f\xff\0\0XMP_" + bytes(900),
    "picture": b"\xff\xd8\xff\xe0\0\x10JFIF" + bytes(range(256)) * 8 + b"\xff\xd9",
}


@pytest.mark.parametrize("name", ["v.mp4", "v.mov", "v.mkv", "v.avi", "v.webm"])
@pytest.mark.parametrize("trailer", TRAILERS.values(), ids=TRAILERS)
@pytest.mark.parametrize("faststart", [False, True])
def test_bytes_after_the_end_are_no_damage(make_video, name: str, trailer, faststart) -> None:
    """Guards: read as a box, the letters of a tag promised a gigabyte that was missing."""
    made = make_video(name, seconds=1, faststart=faststart and name[2:] in ("mp4", "mov"))
    data = made.path.read_bytes()
    made.path.write_bytes(data + trailer)
    assert last_seen(made.path) == (pytest.approx(1.0, abs=0.05), 24)
    made.path.write_bytes(data[: len(data) * 2 // 3] + trailer[:100])  # really cut
    with pytest.raises(VideoError, match=r"truncated|damaged"):
        last_seen(made.path)


def test_avi_without_an_index(make_video) -> None:
    made = make_video("v.avi", seconds=2)
    data = made.path.read_bytes()
    made.path.write_bytes(re.sub(rb"idx1", b"JUNK", data))
    assert last_seen(made.path) == (pytest.approx(2.0, abs=0.05), 49)


@pytest.mark.parametrize("ending", ["mkv", "webm"])
def test_a_matroska_file_that_ends_in_zeros_is_refused(make_video, ending: str) -> None:
    """Its parts do not follow one another to the end: the header is right, the rest never came."""
    made = make_video(f"v.{ending}", seconds=8, fps=10)
    data = made.path.read_bytes()
    good = len(data) * 3 // 5
    made.path.write_bytes(data[:good] + bytes(len(data) - good))
    with pytest.raises(VideoError, match=r"truncated or damaged|it is damaged"):
        last_seen(made.path)


@pytest.mark.parametrize("name", ["v.mp4", "v.mov", "v.mkv", "v.webm"])
@pytest.mark.parametrize(("start_s", "audio"), [(3.0, 5.0), (0.48, 5.0), (3.0, None), (0.0, 2.0)])
def test_a_picture_that_begins_after_the_sound(make_video, name: str, start_s, audio) -> None:
    """Guards: subtitles for a file whose picture begins at 3 s began at 0."""
    made = make_video(name, seconds=2, start_s=start_s, audio=audio, audio_start_s=0.0)
    with Video(made.path) as video:
        assert video.info.start_s == pytest.approx(start_s, abs=0.002)
        assert video.info.duration_s == pytest.approx(2.0, abs=0.05)
        frames, times = video.frames_at([0.0, 1.0], size=32)
        assert [read_barcode(f) for f in frames] == [0, 25]
        assert times == pytest.approx([0.0, 1.0], abs=0.002)


@pytest.mark.parametrize("gop", [12, 50])
@pytest.mark.parametrize("name", ["v.mp4", "v.mov"])
def test_what_an_edit_list_cuts_off_is_not_there(make_video, name: str, gop: int) -> None:
    """As of a film that was trimmed on a phone: its keyframe lies before its beginning."""
    options = {"avoid_negative_ts": "disabled"}
    made = make_video(name, seconds=2, start_s=-0.4, gop=gop, options=options)
    with Video(made.path) as video:
        assert (video.info.start_s, video.info.duration_s) == (0.0, pytest.approx(1.6, abs=0.01))
        frames, _ = video.frames_at([0.0, 0.5, 1.59], size=32)
        assert [read_barcode(f) for f in frames] == [10, 22, 49]
        assert video.check() == 40


def test_b_frames_do_not_move_the_beginning(make_video) -> None:
    for name in ("v.mp4", "v.mkv", "v.avi"):
        made = make_video(name, seconds=2, b_frames=2)
        with Video(made.path) as video:
            assert video.info.start_s == pytest.approx(0.0, abs=0.002)
            assert video.info.duration_s == pytest.approx(2.0, abs=0.05)


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("name", ["v.mp4", "v.mkv", "v.avi", "v.webm"])
def test_videos_of_one_or_two_frames(make_video, name: str, count: int) -> None:
    made = make_video(name, seconds=count / 25)
    with Video(made.path) as video:
        assert video.info.duration_s == pytest.approx(count / 25, abs=0.005)
        frames, _ = video.frames_at([0.0, 9.0], size=32)
        assert [read_barcode(f) for f in frames] == [0, count - 1]


@pytest.mark.parametrize("fps", [12.5, 15, 24, 25, 29.97, 30, 50, 59.94, 60])
@pytest.mark.parametrize("ending", ["mp4", "avi", "mkv"])
def test_frame_rates(make_video, ending: str, fps: float) -> None:
    made = make_video(f"v.{ending}", seconds=2, fps=fps)
    count = round(2 * fps)
    with Video(made.path) as video:
        assert video.info.frame_rate == pytest.approx(fps, rel=0.01)
        assert video.info.duration_s == pytest.approx(count / fps, abs=0.02)
        frames, _ = video.frames_at([0.5, 1.0, 1.9], size=32)
        shown = [read_barcode(f) for f in frames]
        assert shown == pytest.approx([0.5 * fps, fps, 1.9 * fps], abs=1)
        assert video.check() == count
