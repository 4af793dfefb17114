"""Whatever a file holds: an answer or one VideoError that names the file and the reason."""

from __future__ import annotations

import io
import os
import random
import struct
import time
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from action_recognition.errors import VideoError, one_line
from action_recognition.video import Video
from action_recognition.video.limits import Limits
from video_maker import read_barcode, write_video

CONTAINERS = ["mp4", "mov", "mkv", "avi", "webm"]


def refuse(source, pattern: str, **settings) -> str:
    with pytest.raises(VideoError, match=pattern) as caught:
        read_all(source, **settings)
    message = str(caught.value)
    assert message.isprintable()
    assert message == one_line(f"{caught.value.name}: {caught.value.reason}")
    return message


def read_all(source, **settings) -> list[int]:
    """Numbers of the frames seen at ten times from start to end, as a recogniser reads them."""
    with Video(source, **settings) as video:
        frames, _ = video.frames_at(np.linspace(0, video.info.duration_s, 10), size=32)
    return [read_barcode(f) for f in frames]


def test_missing_file(tmp_path: Path) -> None:
    assert refuse(tmp_path / "no.mp4", "there is no such file").startswith("no.mp4: ")


def test_folder(tmp_path: Path) -> None:
    (tmp_path / "folder.mp4").mkdir()
    assert refuse(tmp_path / "folder.mp4", "it is a folder").startswith("folder.mp4: ")


def test_pipe(tmp_path: Path) -> None:
    """Guards: opening a pipe that nobody writes to waits for ever."""
    os.mkfifo(tmp_path / "pipe.mp4")
    refuse(tmp_path / "pipe.mp4", "it is not a regular file")


def test_nul_in_the_path(tmp_path: Path) -> None:
    refuse(str(tmp_path / "a\0b.mp4"), "there is no such file")


def test_name_longer_than_the_file_system_allows(tmp_path: Path) -> None:
    refuse(tmp_path / ("a" * 400 + ".mp4"), "cannot be read|no such file")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read all")
def test_permission_denied(make_video) -> None:
    made = make_video("secret.mp4", seconds=0.2)
    made.path.chmod(0)
    assert refuse(made.path, "it cannot be read").startswith("secret.mp4: ")


def picture(kind: str) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (64, 48), "red").save(file, kind)
    return file.getvalue()


PLAYLIST = b"#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\nother.mp4\n#EXT-X-ENDLIST\n"
NOT_VIDEOS = {
    "random bytes": random.Random(1).randbytes(5000),
    "text": b"This is not a video.\n" * 100,
    "one byte": b"\0",
    "zeros": bytes(10_000),
    "JPEG": picture("JPEG"),
    "PNG": picture("PNG"),
    "GIF": picture("GIF"),
    "WAV": b"RIFF\x24\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x40\x1f\0\0\x01\0\x08\0data",
    "HLS playlist": PLAYLIST,
    "concat script": b"ffconcat version 1.0\nfile other.mp4\n",
    "HTML": b"<!DOCTYPE html><html><body>404</body></html>",
    "ZIP": b"PK\x03\x04" + bytes(100),
}


@pytest.mark.parametrize("kind", NOT_VIDEOS)
@pytest.mark.parametrize("ending", ["mp4", "avi"])
def test_not_a_video(make_video, tmp_path: Path, kind: str, ending: str) -> None:
    """Guards: FFmpeg opens a JPEG as a video, and a playlist leads it to other files."""
    make_video("other.mp4", seconds=0.2)
    path = tmp_path / f"fake.{ending}"
    path.write_bytes(NOT_VIDEOS[kind])
    assert refuse(path, "it is not a video file in a supported").startswith(f"fake.{ending}: ")
    refuse(io.BytesIO(NOT_VIDEOS[kind]), "it is not a video file in a supported", name="upload")


def test_empty_file(tmp_path: Path) -> None:
    (tmp_path / "empty.mp4").touch()
    assert refuse(tmp_path / "empty.mp4", "the file is empty").startswith("empty.mp4: ")
    assert refuse(io.BytesIO(), "the file is empty", name="upload").startswith("upload: ")


@pytest.mark.parametrize(
    "head",
    [
        b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom",
        b"RIFF\x10\0\0\0AVI LIST\4\0\0\0hdrl",
        b"\x1a\x45\xdf\xa3\x80\x18\x53\x80\x67\x80",
    ],
)
def test_only_the_beginning_of_a_container(tmp_path: Path, head: bytes) -> None:
    path = tmp_path / "head.mp4"
    path.write_bytes(head)
    refuse(path, "truncated or damaged|no picture stream|supported container")


@pytest.mark.parametrize("ending", ["mp4", "mkv"])
def test_sound_only(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"song.{ending}"
    with av.open(str(path), "w") as out:
        sound = out.add_stream("aac", rate=48000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 96000), np.int16), "s16", "stereo")
        frame.sample_rate = 48000
        out.mux(sound.encode(frame) + sound.encode(None))
    assert (
        refuse(path, "it holds no picture stream") == f"song.{ending}: it holds no picture stream"
    )


@pytest.mark.slow
@pytest.mark.parametrize("ending", CONTAINERS)
@pytest.mark.parametrize("sound", [None, 6.0, 9.0])
@pytest.mark.parametrize("faststart", [False, True])
def test_truncated(make_video, ending: str, sound: float | None, faststart: bool) -> None:
    """Guards: FFmpeg opens files that were cut, and shortens an AVI's duration to what is left."""
    if faststart and ending not in ("mp4", "mov"):
        pytest.skip("only MP4 and MOV have their index at the end")
    made = make_video(f"v.{ending}", seconds=6, fps=10, audio=sound, faststart=faststart)
    data = made.path.read_bytes()
    cut = made.path.with_name(f"cut.{ending}")
    for share in (0.1, 0.3, 0.5, 0.7, 0.9, 0.94):
        cut.write_bytes(data[: int(share * len(data))])
        assert refuse(cut, "truncated").startswith(f"cut.{ending}: ")
        refuse(io.BytesIO(cut.read_bytes()), "truncated", name="upload")
    assert read_all(made.path)[-1] == 59


@pytest.mark.parametrize("ending", CONTAINERS)
def test_download_that_is_ends_in_zeros(make_video, ending: str) -> None:
    """Guards: a download whose rest never came: its last good frame stood for all of the rest."""
    made = make_video(f"v.{ending}", seconds=6, fps=10, faststart=ending in ("mp4", "mov"))
    data = made.path.read_bytes()
    good = len(data) * 3 // 4
    made.path.write_bytes(data[:good] + bytes(len(data) - good))
    refuse(made.path, "truncated or damaged|it is damaged")


@pytest.mark.parametrize("ending", CONTAINERS)
def test_hole_in_the_middle(make_video, ending: str) -> None:
    made = make_video(f"v.{ending}", seconds=4, fps=10, gop=5)
    data = bytearray(made.path.read_bytes())
    names = {f"v.{ending}"}
    for start in np.linspace(0, len(data) * 0.9, 12).astype(int):
        holed = data.copy()
        holed[start : start + len(data) // 20] = bytes(len(holed[start : start + len(data) // 20]))
        made.path.write_bytes(holed)
        try:
            seen = read_all(made.path)
        except VideoError as error:
            names.add(error.name)
        else:
            assert len(seen) == 10
    assert names == {f"v.{ending}"}


@pytest.mark.parametrize(("width", "height"), [(60_000, 60_000), (30_000, 30_000)])
def test_header_that_promises_a_gigantic_picture(make_video, width: int, height: int) -> None:
    made = make_video("v.avi", codec="mjpeg", pix_fmt="yuvj420p", seconds=0.2)
    data = made.path.read_bytes()
    # Start-of-frame marker of each JPEG, and the header of the stream.
    data = data.replace(struct.pack(">HH", 48, 64), struct.pack(">HH", height, width))
    data = data.replace(struct.pack("<II", 64, 48), struct.pack("<II", width, height))
    made.path.write_bytes(data)
    refuse(made.path, "v.avi: .*(million pixels|no decodable frame|index cannot be read)")


def test_picture_over_the_limit(make_video) -> None:
    made = make_video(seconds=0.2)
    refuse(made.path, "its picture of 64x48 pixels is over the limit", limits=Limits(pixels=3000))


def test_picture_that_is_a_line(make_video) -> None:
    """Guards: scaling a line's short side to the clip's size asked for gigabytes."""
    made = make_video("v.mkv", codec="ffv1", size=(4096, 2), seconds=0.2)
    refuse(made.path, "4096x2 pixels is more than 40 times as long as wide")


def test_hostile_duration_tag(make_video) -> None:
    """Guards: a tag of "nan" or of days reached the choice of clips."""
    made = make_video("v.mkv")
    data = made.path.read_bytes()
    tag = b"00:00:02.000000000"
    assert tag in data
    for wrong in (b"99:00:02.000000000", b"00:00:nan000000000", b"-9:00:02.000000000"):
        made.path.write_bytes(data.replace(tag, wrong))
        with Video(made.path) as video:
            assert video.info.duration_s == pytest.approx(2.0, abs=0.05)


def mutate(data: bytes, rng: random.Random) -> bytes:
    changed = bytearray(data)
    size = len(changed)
    kind = rng.choice(["bytes", "head", "tail", "cut", "zeros", "ones"])
    if kind == "cut":
        return data[: rng.randrange(size)]
    if kind in ("zeros", "ones"):
        start, length = rng.randrange(size), rng.randrange(1, size // 3)
        end = min(size, start + length)
        changed[start:end] = (b"\0" if kind == "zeros" else b"\xff") * (end - start)
        return bytes(changed)
    for _ in range(rng.randint(1, 12)):
        near = rng.randrange(min(size, 1500))
        position = {"bytes": rng.randrange(size), "head": near, "tail": size - 1 - near}[kind]
        changed[position] = rng.choice([0, 255, 127, 128, rng.randrange(256)])
    return bytes(changed)


@pytest.mark.slow
@pytest.mark.parametrize("ending", CONTAINERS)
def test_random_damage_gives_an_answer_or_a_video_error(tmp_path: Path, ending: str) -> None:
    settings = {"seconds": 1, "fps": 10, "b_frames": 2, "audio": 1.0}
    made = write_video(tmp_path / f"v.{ending}", **settings, faststart=ending == "mp4")
    data, rng = made.path.read_bytes(), random.Random(ending)
    names: list[str] = []
    started = time.process_time()
    for _ in range(150):
        made.path.write_bytes(mutate(data, rng))
        try:
            read_all(made.path)
        except VideoError as error:
            names.append(error.name)
    assert len(names) > 10
    assert set(names) == {f"v.{ending}"}
    assert time.process_time() - started < 60
