"""Cameras on the network, as they are: LiveSource against servers in a thread."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from typing import Any

import av
import numpy as np
import pytest

from action_recognition.errors import VideoError
from action_recognition.video import Video, live_reader
from action_recognition.video.live import LiveSource
from camera_server import PARTS, CameraServer, Show, Wire, jpeg, part, parts
from file_server import FileServer
from video_maker import MadeVideo, barcode, read_barcode

MakeVideo = Callable[..., MadeVideo]

# 16 pictures are as good as any number.
JPEGS = [jpeg(k) for k in range(16)]


_NO_VIDEO = "it sends no video that is known here"


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_reader, "PAUSES_S", (0.01,) * 5)


def watched(url: str, most: int | None = None, **settings: Any) -> list[tuple[float, int]]:
    """(time, number of the picture) of each frame, made square as the model takes it."""
    with LiveSource(url, **settings) as source:
        convert = source.converter(32, 4 / 3)
        frames = itertools.islice(source.frames(), most)
        return [(time_s, read_barcode(convert(frame))) for time_s, frame in frames]


def numbers(url: str, most: int | None = None, **settings: Any) -> list[int]:
    return [number for _, number in watched(url, most, **settings)]


@pytest.mark.slow
@pytest.mark.parametrize("fps", [5, 12, 60])
def test_a_camera_without_stamps_goes_as_fast_as_the_clock(fps: int) -> None:
    """FFmpeg stamps it with 25 frames/s: guards a clock five times too slow, or too quick."""
    pieces = [part(JPEGS[k % 16]) for k in range(round(1.5 * fps))]
    with CameraServer(parts(pieces, fps=fps)) as camera:
        times = [time_s for time_s, _ in watched(camera.url)]
    assert len(times) == len(pieces)
    assert times == sorted(times)
    assert times[-1] == pytest.approx(1.5, abs=0.5)


@pytest.mark.slow
def test_two_frames_a_second_need_no_minute_to_begin() -> None:
    """FFmpeg reads ahead for five seconds of made-up stamps: guards a failure to open."""
    with CameraServer(parts(JPEGS, fps=2), kind="video/x-motion-jpeg") as camera:
        began_s = time.monotonic()
        assert numbers(camera.url, 1) == [0]
        assert time.monotonic() - began_s < 6


@pytest.mark.parametrize(
    ("kind", "boundary"),
    [
        (PARTS, b"--frame\r\n"),
        ("multipart/x-mixed-replace;boundary=--frame", b"--frame\r\n"),
        ('multipart/x-mixed-replace; boundary="frame"', b"--frame\r\n"),
        ("multipart/x-mixed-replace; boundary=frame", b"\r\n--frame\r\n"),
        ("multipart/x-mixed-replace; boundary=frame", b"frame\r\n"),
        ("multipart/x-mixed-replace", b"--frame\r\n"),
        ("image/jpeg", b"--frame\r\n"),
    ],
)
@pytest.mark.parametrize("bare", [False, True])
def test_boundaries_and_lengths_as_cameras_write_them(
    kind: str, boundary: bytes, bare: bool
) -> None:
    pieces = [part(picture, boundary=boundary, bare=bare) for picture in JPEGS]
    with CameraServer(parts(pieces), kind=kind) as camera:
        found = numbers(camera.url)
    assert found[:15] == list(range(15))  # without a length, the end of the last one is not seen


def test_bare_pictures_one_after_the_other() -> None:
    with CameraServer(parts(JPEGS), kind="video/x-motion-jpeg") as camera:
        assert numbers(camera.url) == list(range(16))


@pytest.mark.parametrize("form", ["4:2:0", "4:2:2", "4:4:4", "gray"])
def test_size_and_pixel_format_may_change_in_mid_stream(form: str) -> None:
    pieces = [part(picture) for picture in JPEGS[:8]]
    pieces += [part(jpeg(k, size=(128, 96), form=form)) for k in range(8, 12)]
    pieces += [part(jpeg(k, size=(48, 64))) for k in range(12, 16)]
    with CameraServer(parts(pieces)) as camera:
        assert numbers(camera.url) == list(range(16))


def test_broken_pictures_are_left_out_and_counted() -> None:
    pieces = [part(JPEGS[k] if k % 5 != 2 else bytes(range(256)) * 4) for k in range(16)]
    with CameraServer(parts(pieces)) as camera, LiveSource(camera.url) as source:
        convert = source.converter(32, 4 / 3)
        found = [read_barcode(convert(frame)) for _, frame in source.frames()]
        assert found == [k for k in range(16) if k % 5 != 2]
        assert (source.received, source.dropped) == (16, 3)


@pytest.mark.parametrize("wrong", [-300, 40])
def test_a_wrong_length_costs_a_picture_or_two_not_the_stream(wrong: int) -> None:
    pieces = [
        part(JPEGS[k], length=len(JPEGS[k]) + (wrong if k % 6 == 1 else 0)) for k in range(16)
    ]
    with CameraServer(parts(pieces)) as camera:
        found = numbers(camera.url)
    assert found[-1] == 15
    assert len(found) >= 10
    assert camera.connections == 1


@pytest.mark.slow
def test_a_camera_that_stutters_and_stops_for_a_while_goes_on() -> None:
    def show(wire: Wire) -> None:
        for k in range(16):
            wire.until(k // 4 * 0.4 + (1.5 if k >= 8 else 0))  # four at once
            wire.send(part(JPEGS[k]))

    with CameraServer(show) as camera:
        found = watched(camera.url)
    assert [number for _, number in found] == list(range(16))
    assert found[-1][0] == pytest.approx(2.7, abs=0.5)


def _in_the_middle(wire: Wire) -> None:
    wire.send(part(JPEGS[0])[:-200])


@pytest.mark.parametrize("end", [Wire.reset, _in_the_middle])
def test_a_camera_that_breaks_off_is_opened_again(end: Show) -> None:
    said: list[str] = []
    first = parts([part(picture) for picture in JPEGS[:6]], then=end)
    second = parts([part(picture) for picture in JPEGS[8:12]])
    with CameraServer(first, second) as camera:
        found = [n for n in numbers(camera.url, notify=said.append) if n]
    assert found[-4:] == [8, 9, 10, 11]
    assert len(said) == 1
    assert said[0].startswith(f"{camera.url}: it broke off (")


def test_a_stream_that_ends_has_ended() -> None:
    with CameraServer(parts([part(picture) for picture in JPEGS])) as camera:
        assert numbers(camera.url) == list(range(16))
        assert camera.connections == 1


def test_a_stream_that_ends_is_opened_again_for_who_asks() -> None:
    shows = [parts([part(p) for p in JPEGS[k : k + 4]]) for k in (0, 4, 8)]
    with CameraServer(*shows) as camera:
        assert numbers(camera.url, 12, reopen=True) == list(range(12))


def test_a_camera_that_has_gone_is_given_up() -> None:
    with CameraServer(parts([part(p) for p in JPEGS], then=Wire.reset)) as camera:
        with LiveSource(camera.url) as source, pytest.raises(VideoError) as caught:  # noqa: PT012
            for _ in source.frames():
                if camera.connections == 1:
                    camera.stop()
        assert str(caught.value) == (
            f"{camera.url}: it cannot be opened (Connection refused); "
            "5 tries to open it again have failed"
        )
        assert source.received == 16


@pytest.mark.parametrize(
    ("status", "sent", "reason"),
    [
        (404, b"x", "Server returned 404 Not Found"),
        (401, b"x", "Server returned 401 Unauthorized (authorization failed)"),
        (200, b"<html><body>Please log in</body></html>" * 50, _NO_VIDEO),
        (200, b"<html><body>Please log in</body></html>" * 5000, _NO_VIDEO),
        (200, b"", _NO_VIDEO),
        (200, bytes(5000), _NO_VIDEO),
    ],
)
def test_what_is_no_camera(status: int, sent: bytes, reason: str) -> None:
    camera = CameraServer(parts([sent]), kind="text/html", status=status)
    with camera, pytest.raises(VideoError) as caught:
        LiveSource(camera.url)
    assert str(caught.value) == f"{camera.url}: it cannot be opened ({reason})"


def test_a_host_that_does_not_exist() -> None:
    with pytest.raises(VideoError) as caught:
        LiveSource("http://door.invalid/live")
    assert "there is no host door.invalid" in str(caught.value)


def test_passwords_are_not_shown() -> None:
    with CameraServer(parts([b"x"]), status=404) as camera:
        secret = camera.url.replace("//", "//me:p@ss@") + "?user=me&pwd=secret"
        with pytest.raises(VideoError) as caught:
            LiveSource(secret)
    assert str(caught.value).startswith(f"{camera.url}: it cannot be opened")


class _Pipe:
    """What a muxer writes, a camera sends."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def write(self, data: bytes) -> int:
        self._wire.send(bytes(data))
        return len(data)


def muxed(kind: str, *, count: int, fps: float, claimed: int = 10, b_frames: int = 0) -> Show:
    """H.264 in a container, its stamps at the claimed rate."""

    def show(wire: Wire) -> None:
        pipe: Any = _Pipe(wire)
        noise = np.random.default_rng(1).integers(0, 120, (96, 128, 3), dtype=np.uint8)
        with av.open(pipe, "w", format=kind, options={"flush_packets": "1"}) as out:
            speed = {"preset": "ultrafast", "tune": "zerolatency"} | (
                {"bf": str(b_frames)} if b_frames else {}
            )
            stream: Any = out.add_stream("libx264", rate=claimed, options=speed)
            stream.width, stream.height, stream.pix_fmt = 128, 96, "yuv420p"
            stream.gop_size = 10
            for k in range(count):
                wire.until(k / fps)
                image = barcode(k, 0.0, 128, 96) // 2 + noise  # some KB, as of real cameras
                frame = av.VideoFrame.from_ndarray(image, format="rgb24")
                frame.pts, frame.time_base = k, Fraction(1, claimed)
                out.mux(stream.encode(frame))
            out.mux(stream.encode(None))

    return show


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["mpegts", "matroska", "flv"])
@pytest.mark.parametrize("b_frames", [0, 2])
def test_stamps_that_come_along_are_kept(kind: str, b_frames: int) -> None:
    show = muxed(kind, count=16, fps=20, claimed=20, b_frames=b_frames)
    with CameraServer(show, kind="application/octet-stream") as camera:
        found = watched(camera.url)
    assert [number for _, number in found] == list(range(16))
    # Exactly, whatever the moments at which they arrived; Matroska and FLV round to milliseconds.
    assert [time_s for time_s, _ in found] == pytest.approx([k / 20 for k in range(16)], abs=0.002)


@pytest.mark.slow
def test_h264_without_a_container_has_the_walls_clock() -> None:
    show = muxed("h264", count=16, fps=10, claimed=25)
    with CameraServer(show, kind="video/h264") as camera:
        found = watched(camera.url)
    assert [number for _, number in found] == list(range(16))
    assert found[-1][0] == pytest.approx(1.5, abs=0.5)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["mpegts", "h264", "mjpeg"])
def test_a_file_behind_a_url_has_its_own_pace(kind: str) -> None:
    """It comes in an instant, with its length; without stamps at the usual 25 frames/s."""

    class Store:
        data = b""

        def send(self, data: bytes) -> None:
            self.data += data

        def until(self, time_s: float) -> None: ...

    wire: Any = Store()
    show = parts(JPEGS) if kind == "mjpeg" else muxed(kind, count=16, fps=1e9, claimed=25)
    show(wire)
    with FileServer(wire.data) as server:
        found = watched(server.url("film"))
    assert [number for _, number in found] == list(range(16))
    assert [time_s for time_s, _ in found] == pytest.approx([k / 25 for k in range(16)], abs=0.002)


def test_an_avi_behind_a_url_shows_a_picture_for_as_long_as_it_says(make_video: MakeVideo) -> None:
    """It repeats a picture by an empty packet, or by the next one's place alone."""
    places = [0, 1, 2, 6, 7, 9]
    path = make_video("film.avi", timestamps=[k / 25 for k in places]).path
    with FileServer(path.read_bytes()) as server:
        times = [time_s for time_s, _ in watched(server.url("film.avi"))]
    with Video(path) as video:
        expected = [time_s for time_s, _ in video.timed_frames()]
    assert times == pytest.approx(expected)
    assert max(times) > 0.3


def _slow_pictures() -> Iterator[bytes]:
    yield from (part(JPEGS[k % 16]) for k in itertools.count())


@pytest.mark.slow
def test_who_takes_frames_too_slowly_gets_the_newest_and_the_count() -> None:
    """Guards the lag, which grew for as long as the camera went on."""
    pieces: Iterable[bytes] = itertools.islice(_slow_pictures(), 150)
    with CameraServer(parts(pieces, fps=50)) as camera, LiveSource(camera.url) as source:
        began_s, lags = time.monotonic(), []
        for time_s, _ in source.frames():
            lags.append(time.monotonic() - began_s - time_s)
            time.sleep(0.15)
        assert max(lags) < 2
        assert source.received == 150
        assert 100 <= source.dropped < 150
        assert time.monotonic() - began_s < 5  # 3 s after its start, the camera ended


def test_it_closes_at_once_though_the_camera_is_silent() -> None:
    show = parts([part(p) for p in JPEGS], then=Wire.silence)
    with CameraServer(show) as camera:
        source = LiveSource(camera.url)
        assert len(list(itertools.islice(source.frames(), 16))) == 16
        began_s = time.monotonic()
        source.close()
        assert time.monotonic() - began_s < 3
