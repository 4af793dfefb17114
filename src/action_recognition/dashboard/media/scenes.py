"""A film of several scenes, joined from the footage that comes with the package and a drawing."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import av
from av.video.reformatter import VideoReformatter

from action_recognition.dashboard.media.figure import film, jumping
from action_recognition.video.encoder import TIME_BASE, encode_mp4

FOOTAGE = Path(__file__).parents[1] / "footage"  # of Xiph.org, see NOTICE
_SIZE = (352, 288)
_FRAME_RATE = 25
_JUMPING_S = 8.0


def three_scenes() -> bytes:
    """An MP4 file of 24 s: a man talks in a car, a figure does jumping jacks, a woman talks."""
    drawn = film(_JUMPING_S, jumping, fps=_FRAME_RATE, size=_SIZE)
    scenes = ((FOOTAGE / "carphone.mp4").read_bytes(), drawn, (FOOTAGE / "akiyo.mp4").read_bytes())

    def frames() -> Iterator[av.VideoFrame]:
        reformatter, begin, each = VideoReformatter(), 0, round(1 / _FRAME_RATE / TIME_BASE)
        for scene in scenes:
            with av.open(io.BytesIO(scene), "r") as container:
                for frame in container.decode(video=0):
                    scaled = reformatter.reformat(frame, *_SIZE, format="yuv420p", threads=1)
                    place = begin + round((frame.time or 0.0) / TIME_BASE)
                    scaled.pts, scaled.duration, scaled.time_base = place, each, TIME_BASE
                    yield scaled
            begin = place + each

    return encode_mp4(frames(), width=_SIZE[0], height=_SIZE[1], frame_rate=_FRAME_RATE)
