"""The packets of a picture between a key frame and a time, as they are."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import av
from av.container import InputContainer, OutputContainer
from av.video.stream import VideoStream

from action_recognition.video.opening import demuxed, picture_stream
from action_recognition.video.sound import Timed
from action_recognition.video.work import Work

COPYABLE = ("h264", "hevc", "vp9", "av1", "mpeg4")  # codecs that MP4 takes

_BACK_S = (0.0, 2.0, 20.0)  # how far before the wanted time key frames are looked for
_REORDERED = 17  # packets at most before the first whose time of decoding is known
_TOLERANCE_S = 0.0005  # Matroska rounds times to milliseconds


def key_frame_before(
    container: InputContainer, name: str, work: Work, time_s: float
) -> float | None:
    """When the last key frame at or before a time is shown, in seconds by the clock of the file.

    None where the file has no times, or no such frame.
    """
    stream = picture_stream(container, name, work)
    for back_s in _BACK_S:
        found: float | None = None
        for shown_s, packet in _packets(container, stream, time_s - back_s, work):
            if packet.is_keyframe and shown_s <= time_s + _TOLERANCE_S:
                found = shown_s
            if _decoded_s(packet) > time_s:
                break
        if found is not None:
            return found
    return None


def picture_packets(
    container: InputContainer,
    out: OutputContainer,
    name: str,
    work: Work,
    start_s: float,
    end_s: float,
) -> Iterator[Timed]:
    """Adds a stream for the picture, and returns its packets from the key frame at a time on.

    Parameters:
        container: opened for this alone.
        start_s: of a key frame, and `end_s`: in seconds by the clock of the file.
    """
    stream = picture_stream(container, name, work)
    made = out.add_stream_from_template(stream, opaque=True)
    return _copied(container, stream, made, work, start_s, end_s)


def _copied(
    container: InputContainer,
    stream: VideoStream,
    out: Any,
    work: Work,
    start_s: float,
    end_s: float,
) -> Iterator[Timed]:
    late: list[av.Packet] = []  # shown after the end, but perhaps needed for what comes before
    offset, begun = 0, False
    for shown_s, packet in _from_key(container, stream, work, start_s):
        if not begun:
            offset, begun = packet.pts or 0, True
        if shown_s < start_s - _TOLERANCE_S:
            continue  # a frame that refers to one before the key frame
        if _decoded_s(packet) >= end_s:
            return
        if shown_s >= end_s - _TOLERANCE_S:
            late.append(packet)
            continue
        for ready in (*late, packet):
            ready.pts = (ready.pts or 0) - offset
            ready.dts = (ready.dts or 0) - offset
            ready.stream = out
            yield float(ready.dts * (ready.time_base or 0)), ready
        late.clear()


def _from_key(
    container: InputContainer, stream: VideoStream, work: Work, start_s: float
) -> Iterator[tuple[float, av.Packet]]:
    """The packets from the key frame on that is shown at a time."""
    for back_s in _BACK_S:
        begun = False
        for shown_s, packet in _packets(container, stream, start_s - back_s, work):
            begun = begun or (packet.is_keyframe and abs(shown_s - start_s) <= _TOLERANCE_S)
            if begun:
                yield shown_s, packet
            elif _decoded_s(packet) > start_s + 1:
                break
        if begun:
            return


def _packets(
    container: InputContainer, stream: VideoStream, near_s: float, work: Work
) -> Iterator[tuple[float, av.Packet]]:
    """(when it is shown by the clock of the file, packet), from a key frame before a time on.

    Matroska tells when packets are decoded only after the first few: these are counted back.
    """
    tick = stream.time_base or Fraction(1, 90_000)
    try:
        container.seek(round(near_s / tick), stream=stream, backward=True)
    except (av.FFmpegError, OverflowError):
        container.seek(0)
    waiting: list[av.Packet] = []
    for packet in demuxed(container, stream, work):
        waiting.append(packet)
        if packet.dts is None and len(waiting) < _REORDERED:
            continue
        last = packet.pts if packet.dts is None else packet.dts
        for back, ready in enumerate(reversed(waiting)):
            ready.dts = (last or 0) - back * (packet.duration or 1)
        yield from ((float((ready.pts or 0) * tick), ready) for ready in waiting)
        waiting.clear()
    for ready in waiting:  # no time at all: the few there are come in order
        ready.dts = ready.pts
        yield float((ready.pts or 0) * tick), ready


def _decoded_s(packet: av.Packet) -> float:
    return float((packet.dts or 0) * (packet.time_base or 0))
