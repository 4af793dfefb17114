"""Encodes H.264 in MP4, in memory, with the index first: every browser plays it at once."""

from __future__ import annotations

import io
from collections.abc import Iterable
from fractions import Fraction

import av
import numpy as np
from av.video.reformatter import ColorRange, Colorspace, VideoReformatter
from numpy.typing import NDArray

TIME_BASE = Fraction(1, 90_000)  # fine enough for any frame rate, and the custom of MPEG
SMPTE170M = 6  # ITU-T H.273, table 4: the matrix that `to_yuv` uses, told to the player
_ENCODER = {"preset": "veryfast", "crf": "25"}


def to_yuv(picture: av.VideoFrame, reformatter: VideoReformatter) -> av.VideoFrame:
    """Converts an RGB frame to the format that the encoder takes."""
    return reformatter.reformat(
        picture,
        format="yuv420p",
        dst_colorspace=Colorspace.ITU601,
        dst_color_range=ColorRange.MPEG,
        threads=1,
    )


def encode_mp4(
    frames: Iterable[av.VideoFrame], *, width: int, height: int, frame_rate: float
) -> bytes:
    """Encodes frames as they arrive.

    Parameters:
        frames: as returned by `to_yuv`, with `pts` and `duration` in units of `TIME_BASE`.
        width, height: in pixels, even.
        frame_rate: in frames/s; only a hint, since the frames' own times apply.

    Raises:
        av.FFmpegError, ValueError, MemoryError: FFmpeg refuses.
    """
    out = io.BytesIO()

    def reopen(url: str, flags: int, options: dict[str, str]) -> io.BytesIO:
        # To put the index first, FFmpeg reads what it has written so far a second time.
        return io.BytesIO(out.getvalue())

    with av.open(
        out, "w", format="mp4", options={"movflags": "faststart"}, io_open=reopen
    ) as container:
        rate = Fraction(frame_rate).limit_denominator(1001)
        stream = container.add_stream("libx264", rate=rate, options=_ENCODER)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.codec_context.time_base = TIME_BASE
        stream.codec_context.colorspace = SMPTE170M
        stream.codec_context.color_range = ColorRange.MPEG
        for frame in frames:
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return out.getvalue()


def pictures_to_mp4(pictures: NDArray[np.uint8], *, interval_s: float) -> bytes:
    """Encodes pictures (T, H, W, 3) uint8 RGB of even sides, each shown for `interval_s` s."""
    reformatter, ticks = VideoReformatter(), max(1, round(interval_s / TIME_BASE))

    def frames() -> Iterable[av.VideoFrame]:
        for k, picture in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
            frame = to_yuv(frame, reformatter)
            frame.pts, frame.duration, frame.time_base = k * ticks, ticks, TIME_BASE
            yield frame

    height, width = pictures.shape[1:3]
    return encode_mp4(frames(), width=width, height=height, frame_rate=1 / interval_s)
