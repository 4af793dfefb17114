"""Live sources: the pace of files and streams, and what cannot be watched."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from action_recognition.errors import VideoError
from action_recognition.video import Video
from action_recognition.video.live import LiveSource
from file_server import FileServer
from video_maker import MadeVideo

MakeVideo = Callable[..., MadeVideo]


class Clock:
    """A clock that only sleeping, and what a test adds, moves on."""

    def __init__(self) -> None:
        self.now, self.slept = 500.0, 0.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.slept += seconds


def test_a_file_is_played_in_real_time(make_video: MakeVideo) -> None:
    clock = Clock()
    with LiveSource(str(make_video(seconds=2).path)) as source:
        seen = []
        for time_s, _ in source.frames(clock=clock, sleep=clock.sleep):
            assert clock.now - 500 == pytest.approx(time_s)
            seen.append(time_s)
            if time_s == pytest.approx(1.0):
                clock.now += 0.3  # the caller was slow: the next frames come at once
                break
        assert clock.slept == pytest.approx(1.0)
    assert seen == pytest.approx([k / 25 for k in range(26)])


def test_a_slide_show_is_played_in_real_time(make_video: MakeVideo) -> None:
    """Guards: frames that lay more than a second apart came at once."""
    clock = Clock()
    path = make_video("slides.mp4", timestamps=[0.0, 2.0, 4.5, 4.6]).path
    with LiveSource(str(path)) as source:
        for time_s, _ in source.frames(clock=clock, sleep=clock.sleep):
            assert clock.now - 500 == pytest.approx(time_s)
        assert (source.received, source.dropped) == (4, 0)


def test_lost_time_is_made_up_for_without_sleep(make_video: MakeVideo) -> None:
    clock = Clock()
    with LiveSource(str(make_video(seconds=2).path)) as source:
        for time_s, _ in source.frames(clock=clock, sleep=clock.sleep):
            if time_s == pytest.approx(1.0):
                clock.now += 0.3
    assert clock.now - 500 == pytest.approx(1.96)
    assert clock.slept == pytest.approx(1.66)


def test_a_url_gives_the_frames_of_its_file(make_video: MakeVideo) -> None:
    path = make_video("film.mp4", seconds=1, faststart=True).path
    clock = Clock()
    with (
        FileServer(path.read_bytes()) as server,
        LiveSource(server.url("film.mp4")) as source,
        Video(path) as video,
    ):
        received = list(source.frames(clock=clock, sleep=clock.sleep))
        expected = list(video.timed_frames())
        assert [t for t, _ in received] == pytest.approx([t for t, _ in expected])
        to_square = source.converter(32, 4 / 3)
        same = video.square_converter(32)
        assert np.array_equal(to_square(received[7][1]), same(expected[7][1]))


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ("gone.mp4", "gone.mp4: there is no such file"),
        ("99", "/dev/video99: it cannot be opened"),
        ("/dev/null", "/dev/null: it cannot be opened"),
        ("rtsp://user:secret@127.0.0.1:1/door", "rtsp://127.0.0.1:1/door: it cannot be opened"),
        ("http://127.0.0.1:1/film.mp4", "film.mp4: it cannot be opened"),
    ],
)
def test_what_cannot_be_watched(source: str, sentence: str) -> None:
    with pytest.raises(VideoError, match=sentence) as caught:
        LiveSource(source)
    assert "secret" not in str(caught.value)


def test_a_sound_is_no_source(tmp_path: Path) -> None:
    path = tmp_path / "sound.wav"
    with av.open(str(path), "w") as out:
        stream = out.add_stream("pcm_s16le", rate=8000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), "s16", "mono")
        frame.sample_rate, frame.pts, frame.time_base = 8000, 0, Fraction(1, 8000)
        out.mux(stream.encode(frame))
    with FileServer(path.read_bytes()) as server, pytest.raises(VideoError, match="no picture"):
        LiveSource(server.url("sound.wav"))
