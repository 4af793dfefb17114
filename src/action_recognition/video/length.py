"""How long a video's picture lasts, by its own packets, and whether a file was read to its end.

Headers, tags and other streams tell other lengths: a sound that goes on after the picture, a
duration that was never corrected, a number of frames that is not the one in the file.
"""

from __future__ import annotations

from fractions import Fraction

import av
from av.container import InputContainer
from av.video.stream import VideoStream

_FAR_S = 1e6  # later than any frame: FFmpeg goes to the last keyframe


def stamp(item: av.VideoFrame | av.Packet, container: InputContainer) -> float | None:
    """The time in seconds, by the clock of the file, at which a frame or packet is shown."""
    ticks, tick = _ticks(item, container), item.time_base
    return None if ticks is None or tick is None else in_seconds(ticks, tick)


def in_seconds(ticks: int, tick: Fraction) -> float:
    """As `float(ticks * tick)`, bit for bit, at a fourth of its cost, which each frame pays."""
    return ticks * tick.numerator / tick.denominator


def _ticks(item: av.VideoFrame | av.Packet, container: InputContainer) -> int | None:
    # AVI holds no presentation times. Those that FFmpeg makes up for packed B-frames (Xvid, the
    # format of HMDB51 and UCF101) go forth and back; the place in the file does not.
    in_file_order = container.format.name == "avi" or item.pts is None
    return item.dts if in_file_order else item.pts


def is_shown(packet: av.Packet) -> bool:
    """Whether a packet holds something to show: edit lists discard what lies outside of them."""
    return bool(packet.size) and not packet.is_discard


def picture_end_s(container: InputContainer, stream: VideoStream) -> float | None:
    """When the last frame of a stream ends, in seconds by the clock of the file.

    Reads packets, from the last keyframe on where the file can seek, and decodes nothing. The
    container is left at its end.

    Returns:
        None if no packet of the stream can be read, or none has a time.
    """
    try:
        container.seek(int(_FAR_S / (stream.time_base or 1)), stream=stream, backward=True)
        end_s = _last_end_s(container, stream)
    except (av.FFmpegError, OverflowError):
        end_s = None
    if end_s is None:  # nothing behind the last keyframe of the index, or no index at all
        try:
            container.seek(0)
            end_s = _last_end_s(container, stream)
        except av.FFmpegError:
            return None
    return end_s


def lists_every_packet(container: InputContainer, stream: VideoStream) -> bool:
    """Whether the file has a list of its packets, so that those of an end that is lost are known.

    That is the index of MP4 and MOV, but not of fragmented ones.
    """
    return "mp4" in container.format.name and stream.frames > 0


def _last_end_s(container: InputContainer, stream: VideoStream) -> float | None:
    tick = stream.time_base or Fraction(0)
    usual = round(1 / stream.average_rate / tick) if stream.average_rate and tick else 0
    end: int | None = None
    try:
        for packet in container.demux(stream):
            ticks = _ticks(packet, container)
            if ticks is not None and is_shown(packet):
                here = ticks + (packet.duration or usual)
                end = here if end is None else max(end, here)
    except (av.FFmpegError, ValueError):
        pass  # damage: what was read until there counts
    return None if end is None else float(end * tick)
