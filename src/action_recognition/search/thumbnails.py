"""Small pictures of moments, as data URLs: nothing is written to disk for them."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from fractions import Fraction

import av
import numpy as np
from numpy.typing import NDArray

from action_recognition.errors import VideoError
from action_recognition.recognition.segmentation import Segment
from action_recognition.video.frames import Frames

_WHOLE = 40.0  # no video is longer for its width than this: nothing is cropped


def data_url(pixels: NDArray[np.uint8], *, aspect: float, side: int) -> str:
    """A JPEG of a square picture (S, S, 3) uint8 RGB, with the shape that it had before.

    Parameters:
        aspect: width by height, before it was squeezed to the square.
        side: of the longer side, in pixels.
    """
    width, height = (_even(side * min(1.0, share)) for share in (aspect, 1 / aspect))
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24")
    frame = frame.reformat(width, height, "yuvj420p", interpolation="AREA")
    codec = av.CodecContext.create("mjpeg", "w")
    codec.width, codec.height, codec.pix_fmt = width, height, "yuvj420p"
    codec.time_base = Fraction(1, 25)
    codec.options = {"qmin": "4", "qmax": "4"}
    frame.pts = 0
    packets = [*codec.encode(frame), *codec.encode(None)]
    content = b"".join(bytes(packet) for packet in packets)
    return "data:image/jpeg;base64," + base64.b64encode(content).decode()


def _even(pixels: float) -> int:
    return max(2, 2 * round(pixels / 2))


def middles(
    segments: Sequence[Segment], open_video: Callable[[], AbstractContextManager[Frames]], side: int
) -> list[str]:
    """The picture in the middle of each segment of a video, "" where there is none.

    Parameters:
        segments: in the order of the video.
        open_video: opens it.
        side: of the longer side, in pixels.
    """
    pictures: list[str] = []
    if not segments:
        return pictures
    try:
        with open_video() as video:
            info = video.info
            times = [(s.start_s + s.end_s) / 2 - info.start_s for s in segments]
            times = [min(max(0.0, t), info.duration_s) for t in times]
            for _, pixels in video.stream_at(times, size=2 * side, max_aspect=_WHOLE):
                pictures.append(data_url(pixels, aspect=info.width / info.height, side=side))
    except VideoError:  # the search has said why
        pass
    return pictures + [""] * (len(segments) - len(pictures))
