"""The frames of a part of a video, upright, encoded anew as H.264 that is hard to tell from it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import Any

import av
import numpy as np
from av.container import OutputContainer
from av.video.frame import PictureType
from av.video.reformatter import ColorRange, VideoReformatter

from action_recognition.errors import VideoError
from action_recognition.video.decoder import Video
from action_recognition.video.encoder import SMPTE170M, TIME_BASE, to_yuv
from action_recognition.video.info import VideoInfo
from action_recognition.video.orientation import UPRIGHT
from action_recognition.video.overlays import Overlay, Painter
from action_recognition.video.sound import Timed
from action_recognition.video.work import Work

_ENCODER = {"preset": "veryfast", "crf": "18"}
_LEGIBLE = 360  # pixels of the short side at least where something is painted
_KEY_FRAME_S = 2.0  # at most between two key frames: players jump to these


def painted_size(info: VideoInfo) -> tuple[int, int]:
    """Width and height in pixels, even, of a picture with overlays: enlarged if letters need it.

    >>> painted_size(VideoInfo(1.0, 25, 320, 240, "h264", "mp4", UPRIGHT, has_audio=False))
    (480, 360)
    """
    scale = max(1.0, _LEGIBLE / max(1, min(info.width, info.height)))
    return _even(round(info.width * scale)), _even(round(info.height * scale))


def encoded_packets(
    video: Video,
    out: OutputContainer,
    start_s: float,
    end_s: float,
    *,
    work: Work,
    overlays: Iterable[Overlay] | None,
) -> Iterator[Timed]:
    """Adds a stream for the picture, and returns its packets, which are made as needed.

    The first frame is the one on display at the start; each keeps its time. With overlays the
    picture is as large as `painted_size` says, else pixels keep their number and shape.

    Parameters:
        start_s, end_s: in seconds as a player counts.
    """
    rate = Fraction(video.info.frame_rate or 25).limit_denominator(1001)
    stream: Any = out.add_stream("libx264", rate=rate, options=_ENCODER)
    stream.pix_fmt = "yuv420p"
    stream.codec_context.time_base = TIME_BASE
    stream.gop_size = max(1, round(_KEY_FRAME_S * float(rate)))
    convert = _Converter(video, stream, overlays)
    return _encoded(_shown(video, start_s, end_s), stream, convert, start_s, work)


def _encoded(
    frames: Iterator[tuple[av.VideoFrame, int, int]],
    stream: Any,
    convert: _Converter,
    start_s: float,
    work: Work,
) -> Iterator[Timed]:
    time_s = 0.0
    for frame, start, duration in frames:
        time_s = float(start * TIME_BASE)
        with work:
            ready = convert(frame, start_s + time_s)
            ready.pts, ready.duration, ready.time_base = start, duration, TIME_BASE
            ready.pict_type = PictureType.NONE  # else the encoder copies the choice of the original
            packets = stream.encode(ready)
        for packet in packets:
            yield time_s, packet
    for packet in stream.encode(None):
        yield time_s, packet


def _shown(video: Video, start_s: float, end_s: float) -> Iterator[tuple[av.VideoFrame, int, int]]:
    """(frame, start, duration) of what is on display, times since `start_s` in `TIME_BASE`."""
    first_s, end = video.info.start_s, round((end_s - start_s) / TIME_BASE)
    waiting: tuple[av.VideoFrame, int] | None = None
    for time_s, frame in video.timed_frames(max(0.0, start_s - first_s)):
        # A millisecond for the rounding of the file's times and of the caller's.
        since_s = time_s + first_s - start_s
        begun = since_s > 0.001
        start = max(0, round(since_s / TIME_BASE)) if begun else 0
        if start >= end:
            break
        if waiting is not None and begun:
            start = max(start, waiting[1] + 1)  # a damaged file can stand still or go back
            yield *waiting, start - waiting[1]
        waiting = (frame, start)
    if waiting is None:
        raise VideoError(video.name, f"it shows no frame from {start_s:g} s on")
    yield *waiting, max(1, end - waiting[1])


class _Converter:
    """Makes of a decoded frame what the encoder takes, and tells the encoder its size."""

    def __init__(self, video: Video, stream: Any, overlays: Iterable[Overlay] | None) -> None:
        self._orientation, info = video.info.orientation, video.info
        self._reformatter, self._to_yuv = VideoReformatter(), VideoReformatter()
        _, first = next(video.timed_frames())
        # What is painted on, or turned, goes through RGB.
        self._rgb = overlays is not None or self._orientation != UPRIGHT
        if self._rgb:
            size = _even(info.width), _even(info.height)
            self._width, self._height = size if overlays is None else painted_size(info)
            stream.codec_context.colorspace = SMPTE170M
        else:
            self._width, self._height = _even(first.width), _even(first.height)
            stream.codec_context.sample_aspect_ratio = Fraction(
                info.width * first.height, info.height * first.width
            ).limit_denominator(255)
            stream.codec_context.colorspace = first.colorspace
            stream.codec_context.color_primaries = first.color_primaries
            stream.codec_context.color_trc = first.color_trc
        stream.codec_context.color_range = ColorRange.MPEG
        stream.width, stream.height = self._width, self._height
        self._painter = Painter(overlays or (), self._width, self._height)

    def __call__(self, frame: av.VideoFrame, time_s: float) -> av.VideoFrame:
        """The frame on display at a time, in seconds as a player counts."""
        if not self._rgb:
            return self._reformatter.reformat(
                frame,
                self._width,
                self._height,
                format="yuv420p",
                dst_color_range=ColorRange.MPEG,
                threads=1,
            )
        size = (self._width, self._height)
        if self._orientation.swaps_sides:
            size = size[::-1]
        rgb = self._reformatter.reformat(frame, *size, format="rgb24", threads=1).to_ndarray()
        picture = self._orientation.upright(np.asarray(rgb))
        self._painter.paint(picture, time_s)
        return to_yuv(av.VideoFrame.from_ndarray(picture, format="rgb24"), self._to_yuv)


def _even(side: int) -> int:
    """As 4:2:0 needs it."""
    return max(2, side // 2 * 2)
