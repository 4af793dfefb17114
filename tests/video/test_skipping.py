"""Frames that nobody asks for are not decoded, and the others come out as if they were."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import av
import numpy as np
import pytest

import action_recognition.video.frame_reader as frame_reader
from action_recognition.video import Video
from action_recognition.video.skipping import FewAtOnce
from video_maker import MadeVideo, read_barcode

MakeVideo = Callable[..., MadeVideo]

UNEVEN = np.cumsum([0.0, *([0.04, 0.02, 0.01, 0.25, 0.03, 0.4, 0.02] * 12)]).round(3).tolist()
GRID = np.arange(0, 6, 0.2)
KINDS = {
    "B-frames": {"name": "a.mp4", "seconds": 6, "fps": 30, "b_frames": 3},
    "pyramid": {"name": "a.mp4", "seconds": 6, "fps": 25, "b_frames": 7,
                "encoder": {"preset": "medium", "x264-params": "b-pyramid=normal:keyint=40"}},
    "open groups": {"name": "a.mp4", "seconds": 6, "fps": 50, "b_frames": 3,
                    "encoder": {"preset": "medium", "x264-params": "open-gop=1:keyint=25"}},
    "Matroska": {"name": "a.mkv", "seconds": 6, "fps": 30, "b_frames": 2},
    "HEVC": {"name": "a.mp4", "codec": "libx265", "seconds": 6, "fps": 30, "b_frames": 4,
             "encoder": {"x265-params": "log-level=none"}},
    "uneven": {"name": "a.mp4", "timestamps": UNEVEN, "b_frames": 3},
    "uneven, Matroska": {"name": "a.mkv", "timestamps": UNEVEN, "b_frames": 3},
    "few frames": {"name": "a.mp4", "seconds": 12, "fps": 2, "b_frames": 3},
    "no B-frames": {"name": "a.mp4", "seconds": 6, "fps": 30, "b_frames": 0},
    "late": {"name": "a.mp4", "seconds": 6, "fps": 30, "b_frames": 3, "start_s": 7.3},
}  # fmt: skip


def decoded(video: Video) -> int:
    return video._reader.work._frames


@pytest.fixture(params=KINDS)
def made(request: pytest.FixtureRequest, make_video: MakeVideo) -> MadeVideo:
    settings: dict[str, Any] = dict(KINDS[request.param])
    return make_video(settings.pop("name"), **settings)


@pytest.mark.parametrize(
    "wanted",
    [GRID, GRID + 0.013, np.array([0.0, 0.31, 3.3, 3.3, 5.96, 30.0]), np.array([4.0])],
    ids=["grid", "grid that begins later", "some", "one"],
)
def test_the_frames_are_those_of_a_film_that_is_decoded_whole(
    made: MadeVideo, wanted: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Video(made.path) as video:
        found, times_s = video.frames_at(wanted, size=64)
        skipping = decoded(video)
    monkeypatch.setattr(frame_reader, "can_skip", lambda *_: False)
    with Video(made.path) as video:
        expected, expected_s = video.frames_at(wanted, size=64)
        assert skipping <= 2 * decoded(video)
    assert np.array_equal(found, expected)
    assert np.array_equal(times_s, expected_s)
    assert [read_barcode(frame) for frame in found] == [made.index_at(t) for t in wanted]


def test_half_of_a_film_is_not_decoded(make_video: MakeVideo) -> None:
    path = make_video("a.mp4", seconds=6, fps=30, b_frames=3).path
    with Video(path) as video:
        video.frames_at(GRID, size=32)
        assert decoded(video) < 120
        assert video.check() == 180  # nothing is left out where all are asked for
        video.frames_at(GRID, size=32)
        assert sum(1 for _ in video.timed_frames()) == 180


def test_durations_that_are_wrong_cost_time_and_no_frame(make_video: MakeVideo) -> None:
    """A frame is on display longer than its packet says: what would have been there is decoded."""
    whole = make_video("whole.mp4", seconds=4, fps=30, b_frames=3)
    lies = whole.path.with_name("lies.mkv")
    with av.open(str(whole.path)) as source, av.open(str(lies), "w") as output:
        stream = output.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(source.streams.video[0]):
            if packet.dts is not None:
                packet.stream, packet.duration = stream, 1
                output.mux(packet)
    with Video(lies) as video:
        wanted = np.arange(0, 3.9, 0.15) + 0.02
        found, _ = video.frames_at(wanted, size=64)
    assert [read_barcode(frame) for frame in found] == [whole.index_at(t) for t in wanted]


def test_a_damaged_end_is_still_found(make_video: MakeVideo) -> None:
    path = make_video("a.mp4", seconds=8, fps=30, b_frames=3, faststart=True).path
    with av.open(str(path)) as container:
        positions = [(p.pos, p.size) for p in container.demux(video=0) if p.pos]
    content = bytearray(path.read_bytes())
    for position, size in positions[len(positions) // 2 :]:
        content[position : position + size] = bytes(size)
    path.write_bytes(content)
    with Video(path) as video, pytest.raises(Exception, match="cannot be decoded"):
        video.frames_at(np.arange(0, 8, 0.2), size=32)


def test_times_that_are_not_known_yet_are_not_asked_for(make_video: MakeVideo) -> None:
    """Whoever gives them a few at once waits for the frames of those before."""
    made = make_video("a.mp4", seconds=6, fps=30, b_frames=3)
    wanted, seen, given = GRID.tolist(), list[int](), list[float]()

    def more() -> list[float]:
        assert len(seen) == len(given)
        given.extend(wanted[len(given) : len(given) + 10])
        return given[len(seen) :]

    with Video(made.path) as video:
        for _, frame in video.stream_at(FewAtOnce(more), size=64):
            seen.append(read_barcode(frame))
        assert decoded(video) < 140
    assert seen == [made.index_at(t) for t in wanted]
