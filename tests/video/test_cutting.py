"""Parts cut out of videos: which frames they show, when, with which sound."""

from __future__ import annotations

import io
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from action_recognition.errors import UsageError, VideoError
from action_recognition.video import Video
from action_recognition.video.cutting import Cut, Mode, write_cut
from action_recognition.video.limits import Limits
from action_recognition.video.orientation import Orientation
from video_maker import MadeVideo, quadrants, read_barcode

MakeVideo = Callable[..., MadeVideo]


def shown(path: Path) -> list[tuple[float, int]]:
    """(time, number) of each frame."""
    with av.open(str(path)) as container:
        return [
            (float(f.time or 0), read_barcode(f.to_ndarray(format="rgb24")))
            for f in container.decode(video=0)
        ]


def sound_span(path: Path) -> tuple[str, float, float]:
    """Codec of the sound, its first and its last second."""
    with av.open(str(path)) as container:
        frames = [f for f in container.decode(audio=0) if isinstance(f, av.AudioFrame)]
        last = frames[-1]
        end_s = float(last.time or 0) + last.samples / last.sample_rate
        name = container.streams.audio[0].codec_context.name
    return name, float(frames[0].time or 0), end_s


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("v.mp4", {}),
        ("v.mp4", {"b_frames": 2}),
        ("v.mov", {"b_frames": 2}),
        ("v.mkv", {"b_frames": 2}),  # its first packets do not say when they are decoded
        ("v.mp4", {"start_s": 1.0, "audio_start_s": 0.0}),  # a player shows the sound first
    ],
)
def test_from_a_key_frame_on_the_packets_are_copied(
    make_video: MakeVideo, tmp_path: Path, name: str, settings: dict[str, object]
) -> None:
    made = make_video(name, seconds=5, gop=25, audio=5.0, **settings)
    first_s = made.times_s[0]
    out = tmp_path / "out.mp4"
    cut = write_cut(made.path, out, first_s + 2.01, first_s + 4)  # less than half a frame late
    assert cut.copied
    assert (cut.start_s, cut.end_s) == (pytest.approx(first_s + 2), first_s + 4)
    frames = shown(out)
    assert [number for _, number in frames][:50] == list(range(50, 100))
    assert len(frames) <= 53  # frames that others refer to come along
    assert frames[1][0] == pytest.approx(0.04, abs=0.002)
    codec, begin_s, end_s = sound_span(out)
    assert codec == "aac"
    assert begin_s < 0.02
    assert end_s == pytest.approx(2, abs=0.03)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "span"),
    [
        ("v.mp4", (0.0, 1.0)),
        ("v.mp4", (14.5, 15.0)),  # sought
        ("v.mkv", (2.3, 4.1)),
        ("v.avi", (2.3, 4.1)),
        ("v.webm", (2.3, 4.1)),
    ],
)
def test_else_the_frames_are_encoded_from_the_very_first(
    make_video: MakeVideo, tmp_path: Path, name: str, span: tuple[float, float]
) -> None:
    seconds = span[1] + 0.5
    made = make_video(name, seconds=seconds, gop=50, audio=seconds)
    out = tmp_path / "out.mp4"
    cut = write_cut(made.path, out, *span, mode="exact")
    assert cut == Cut(*span, copied=False)
    frames = shown(out)
    assert frames[0] == (0.0, made.index_at(span[0] + 0.001))
    assert frames[-1][1] == made.index_at(span[1] - 0.002)
    assert [number for _, number in frames] == list(range(frames[0][1], frames[-1][1] + 1))
    for time_s, number in frames[1:]:  # each keeps its time
        assert span[0] + time_s == pytest.approx(made.times_s[number] - made.times_s[0], abs=0.002)
    _, begin_s, end_s = sound_span(out)
    assert begin_s < 0.02
    assert end_s == pytest.approx(span[1] - span[0], abs=0.04)


def test_the_sound_keeps_step_to_the_sample(make_video: MakeVideo, tmp_path: Path) -> None:
    """A tone begins in the middle of the part."""
    path = make_video("v.mp4", seconds=4, audio=2.0, audio_start_s=2.0).path
    write_cut(path, tmp_path / "out.mp4", 1.31, 3.0)
    with av.open(str(tmp_path / "out.mp4")) as container:
        parts = [(float(f.time or 0), np.abs(f.to_ndarray()[0])) for f in container.decode(audio=0)]
    heard = [t + np.argmax(wave > 0.05) / 48000 for t, wave in parts if (wave > 0.05).any()]
    assert heard[0] == pytest.approx(2.0 - 1.31, abs=0.01)


def test_a_picture_that_is_turned_or_stretched_looks_the_same(
    make_video: MakeVideo, tmp_path: Path
) -> None:
    orientation = Orientation(1)
    made = make_video(
        "v.mov", seconds=3, gop=25, size=(64, 48), orientation=orientation,
        pixel_aspect=Fraction(2), pattern=quadrants,
    )  # fmt: skip
    with Video(made.path) as video:
        original, _ = video.frames_at([1.5], size=48, max_aspect=9)
        shape = video.info.width, video.info.height
    modes: tuple[Mode, ...] = ("copy", "exact")
    for mode in modes:
        write_cut(made.path, tmp_path / "out.mp4", 1.0, 2.0, mode=mode)
        with Video(tmp_path / "out.mp4") as video:
            assert (video.info.width, video.info.height) == shape
            frames, _ = video.frames_at([0.5], size=48, max_aspect=9)
        for place in (12, 36):
            assert frames[0, place, 12] == pytest.approx(original[0, place, 12], abs=12)
            assert frames[0, place, 36] == pytest.approx(original[0, place, 36], abs=12)


def test_copy_begins_at_the_key_frame_before(make_video: MakeVideo, tmp_path: Path) -> None:
    path = make_video("v.mp4", seconds=6, gop=25).path
    cut = write_cut(path, tmp_path / "out.mp4", 2.7, 4, mode="copy")
    assert cut == Cut(2.0, 4, copied=True)
    assert shown(tmp_path / "out.mp4")[0] == (0.0, 50)


def test_frames_of_any_rate_keep_their_times(make_video: MakeVideo, tmp_path: Path) -> None:
    times = [0.0, 0.1, 0.15, 0.5, 1.3, 1.35, 2.0]
    path = make_video("v.mp4", timestamps=times).path
    write_cut(path, tmp_path / "out.mp4", 0.3, 1.6, mode="exact")
    assert shown(tmp_path / "out.mp4") == [
        (0.0, 2),  # on display already
        (pytest.approx(0.2, abs=0.001), 3),
        (pytest.approx(1.0, abs=0.001), 4),
        (pytest.approx(1.05, abs=0.001), 5),
    ]


def test_the_index_comes_first_and_memory_takes_the_same(
    make_video: MakeVideo, tmp_path: Path
) -> None:
    path = make_video("v.mp4", seconds=2, gop=25).path
    out = io.BytesIO()
    write_cut(io.BytesIO(path.read_bytes()), out, 1, 2)
    write_cut(path, tmp_path / "out.mp4", 1, 2)
    content = (tmp_path / "out.mp4").read_bytes()
    assert content.index(b"moov") < content.index(b"mdat")
    assert out.getvalue() == content


@pytest.mark.slow
def test_a_far_place_is_sought(make_video: MakeVideo, tmp_path: Path) -> None:
    """Guards: an hour was decoded for its last ten seconds."""
    path = make_video("v.mp4", seconds=30, fps=10, gop=10).path
    write_cut(path, tmp_path / "out.mp4", 27.03, 28, mode="exact", limits=Limits(frames=60))
    with pytest.raises(VideoError, match="more than 60 frames"):
        write_cut(path, tmp_path / "o.mp4", 20, 28, mode="exact", limits=Limits(frames=60))


@pytest.mark.parametrize(
    ("mode", "start_s", "end_s", "sentence"),
    [
        ("auto", 3.0, 4.0, "v.avi: 3 to 4 s: the video shows nothing there"),
        ("auto", 1.0, 1.0, "v.avi: 1 to 1 s: the video shows nothing there"),
        ("fast", 0.0, 1.0, "mode 'fast': must be one of auto, copy, exact"),
        ("copy", 0.0, 1.0, "v.avi: mpeg4 in avi cannot be copied into MP4; cut it in mode exact"),
    ],
)
def test_what_cannot_be_cut_is_one_sentence(
    make_video: MakeVideo, mode: Mode, start_s: float, end_s: float, sentence: str
) -> None:
    path = make_video("v.avi", seconds=2).path
    with pytest.raises((UsageError, VideoError)) as caught:
        write_cut(path, io.BytesIO(), start_s, end_s, mode=mode)
    assert str(caught.value) == sentence
