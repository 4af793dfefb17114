"""Parts of strangers' videos, cut in a process of their own."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import av
import numpy as np
import pytest

from action_recognition.errors import UsageError, VideoError
from action_recognition.video import Video
from action_recognition.video.cutting import write_cut
from action_recognition.video.isolated import IsolatedVideo
from action_recognition.video.isolated_cut import isolated_cut
from action_recognition.video.limits import Limits
from action_recognition.video.overlays import Overlay

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="isolation needs Linux")


@pytest.fixture
def clip(make_video) -> Path:
    return make_video("clip.mp4", seconds=3, gop=25, audio=3.0).path


@pytest.mark.parametrize("in_memory", [True, False])
@pytest.mark.parametrize(("start_s", "painted"), [(1.0, False), (1.3, False), (1.3, True)])
def test_the_part_is_that_of_the_same_process(
    clip: Path, start_s: float, painted: bool, in_memory: bool
) -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (200, 200, 4), np.uint8)  # some messages
    overlays = [Overlay.of(pixels, 1.5, 2.0, (0, 0, 1, 1))] if painted else None
    here, there = io.BytesIO(), io.BytesIO()
    source = io.BytesIO(clip.read_bytes()) if in_memory else clip
    expected = write_cut(clip, here, start_s, 2.5, overlays=overlays)
    assert isolated_cut(source, there, start_s, 2.5, name="c.mp4", overlays=overlays) == expected
    if expected.copied:
        assert there.getvalue() == here.getvalue()
    with Video(there, name="there") as one, Video(here, name="here") as other:  # much the same:
        assert one.info == other.info  # the encoder does not always choose alike
        times = [0.0, 0.3, 1.0]
        frames, expected_frames = (v.frames_at(times, size=32)[0] for v in (one, other))
        assert np.abs(frames.astype(int) - expected_frames.astype(int)).mean() < 3


def test_what_is_wrong_is_said(clip: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="5 to 6 s: the video shows nothing there"):
        isolated_cut(clip, io.BytesIO(), 5, 6)
    with pytest.raises(VideoError, match="more than 5 frames would be decoded"):
        isolated_cut(clip, io.BytesIO(), 1.3, 2.5, limits=Limits(frames=5))
    (tmp_path / "no.mp4").write_bytes(b"no video")
    with pytest.raises(VideoError, match=r"no\.mp4: it is not a video file"):
        isolated_cut(tmp_path / "no.mp4", io.BytesIO(), 0, 1)


def test_the_timecode_of_a_camera_is_read(tmp_path: Path) -> None:
    path = tmp_path / "camera.mov"
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.metadata["timecode"] = "10:30:00:12"
        for k in range(5):
            frame = av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8), format="rgb24")
            frame.pts = k
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    with Video(path) as here, IsolatedVideo(path) as there:
        assert here.info.timecode == there.info.timecode == "10:30:00:12"
