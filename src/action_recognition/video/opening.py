"""Opens a video's container and finds its picture, within limits that no file can exceed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import av
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream

from action_recognition.errors import VideoError
from action_recognition.video.source import Source, why_not_opened
from action_recognition.video.work import Work

# FFmpeg's demuxers for MP4/MOV/3GP, Matroska/WebM and AVI. Everything else is refused by FFmpeg
# itself: pictures (a JPEG opens as a video of one frame) and playlists (which name other files).
_DEMUXERS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi"


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


def picture_stream(container: InputContainer, name: str, work: Work) -> VideoStream:
    """The stream to decode; a cover picture is none.

    Raises:
        VideoError: there is none, its codec is not known, or it is out of bounds.
    """
    work.streams(len(container.streams))
    stream = container.streams.best("video")
    if not isinstance(stream, VideoStream) or stream.disposition & Disposition.attached_pic:
        raise VideoError(name, "it holds no picture stream")
    if stream.codec_context is None:
        raise VideoError(name, "its picture stream has a codec that is not known here")
    codec = stream.codec_context
    work.size(codec.width, codec.height, codec.format)
    return stream


def demuxed(
    container: InputContainer, stream: VideoStream | AudioStream, work: Work
) -> Iterator[av.Packet]:
    """The packets of a stream that have a time and content, up to where the file is damaged."""
    packets = container.demux(stream)
    while True:
        try:
            with work:
                packet = next(packets, None)
        except (av.FFmpegError, ValueError):
            return  # damage: what was read until there counts
        if packet is None:
            return
        if packet.pts is not None and packet.size:
            yield packet
