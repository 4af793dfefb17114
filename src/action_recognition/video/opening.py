"""Opens a video's container and finds its picture, within limits that no file can exceed."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

import av
from av.container import InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream

from action_recognition.errors import VideoError
from action_recognition.video.source import Source, why_not_opened

# FFmpeg's demuxers for MP4/MOV/3GP, Matroska/WebM and AVI. Everything else is refused by FFmpeg
# itself: pictures (a JPEG opens as a video of one frame) and playlists (which name other files).
_DEMUXERS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi"

# 8K is 33 million pixels. A header that promises more is damaged or hostile: a file of 4 MB can
# decode to 8 GB.
MAX_PIXELS = 40_000_000

_MAX_SIDES = 40  # long side / short side; scaling the short side up makes the long one grow too


def open_container(source: Source, name: str) -> InputContainer:
    """Opens the container, of which nothing has been decoded yet.

    Raises:
        VideoError: FFmpeg cannot read it.
    """
    if isinstance(source, (str, Path)):
        # Absolute: FFmpeg takes a relative "http:a.mp4" or "concat:a.mp4" for a protocol.
        file: str | BinaryIO = str(Path(source).absolute())
    else:
        file = source
        file.seek(0)
    try:
        return av.open(
            file,
            mode="r",
            metadata_errors="replace",
            options={"format_whitelist": _DEMUXERS, "protocol_whitelist": "file"},
        )
    except (av.FFmpegError, ValueError, UnicodeError, MemoryError):
        raise VideoError(name, why_not_opened(source)) from None


def picture_stream(container: InputContainer, name: str) -> VideoStream:
    """The stream to decode; a cover picture is none.

    Raises:
        VideoError: there is none, its codec is not known, or its size is out of bounds.
    """
    stream = container.streams.best("video")
    if not isinstance(stream, VideoStream) or stream.disposition & Disposition.attached_pic:
        raise VideoError(name, "it holds no picture stream")
    if stream.codec_context is None:
        raise VideoError(name, "its picture stream has a codec that is not known here")
    check_size(stream.codec_context.width, stream.codec_context.height, name)
    return stream


def check_size(width: int, height: int, name: str) -> None:
    """Checks the size of a picture, in pixels.

    Raises:
        VideoError: it is too large, or too long for its width.
    """
    shape = f"its picture of {width}x{height} pixels"
    if width * height > MAX_PIXELS:
        limit = MAX_PIXELS // 1_000_000
        raise VideoError(name, f"{shape} is over the limit of {limit} million pixels")
    if max(width, height) > _MAX_SIDES * min(width, height) > 0:
        raise VideoError(name, f"{shape} is more than {_MAX_SIDES} times as long as wide")
