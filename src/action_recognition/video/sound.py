"""The sound of a cut: the packets of the original, or encoded anew to begin on the sample."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import av
import numpy as np
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer
from numpy.typing import NDArray

from action_recognition.video.opening import demuxed
from action_recognition.video.work import Work

Timed = tuple[float, av.Packet]  # seconds from the start of the cut, for sorting

_COPIED = ("aac", "mp3", "opus")  # what browsers play in MP4
_RATES = (48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000)
_EARLIER_S = 0.5  # containers store the sound this much before or after its picture
_BIT_RATE = 96_000  # per channel


def audio_stream(container: InputContainer) -> AudioStream | None:
    """The sound that a player plays; None where there is none that can be decoded."""
    stream = container.streams.best("audio")
    if not isinstance(stream, AudioStream) or stream.codec_context is None:
        return None
    return stream if stream.codec_context.sample_rate > 0 else None


def add_sound(
    container: InputContainer,
    out: OutputContainer,
    start_s: float,
    end_s: float,
    *,
    copy: bool,
    work: Work,
) -> Iterator[Timed]:
    """Adds a stream for the sound of a part, and returns its packets, which are made as needed.

    Parameters:
        container: opened for this alone.
        start_s, end_s: the part, in seconds by the clock of the file.
        copy: take the packets as they are where browsers play them in MP4; they begin up to half a
            packet (some 10 ms) off. False: always encode.
    """
    stream = audio_stream(container)
    if stream is None:
        return iter(())
    # The work of a stranger's file is bounded, that of sound among it.
    packets = _packets(container, stream, start_s, end_s, work)
    if copy and stream.codec_context.name in _COPIED:
        template = out.add_stream_from_template(stream, opaque=True)
        return _copied(packets, template, start_s, end_s)
    context = stream.codec_context
    rate = context.sample_rate
    rate = rate if rate in _RATES else next((r for r in _RATES if r <= rate), 48_000)
    channels = 1 if context.layout.nb_channels == 1 else 2
    layout = "mono" if channels == 1 else "stereo"
    encoded: Any = out.add_stream("aac", rate=rate, layout=layout)
    encoded.bit_rate = _BIT_RATE * channels
    encoded.codec_context.time_base = Fraction(1, rate)
    return _encoded(packets, encoded, start_s, end_s, work)


def _packets(
    container: InputContainer, stream: AudioStream, start_s: float, end_s: float, work: Work
) -> Iterator[tuple[float, av.Packet]]:
    """Packets with their time by the clock of the file, from somewhat before the start on."""
    tick = stream.time_base or Fraction(1, 1000)
    try:
        container.seek(max(0, round((start_s - _EARLIER_S) / tick)), stream=stream, backward=True)
    except (av.FFmpegError, OverflowError):
        container.seek(0)
    for packet in demuxed(container, stream, work):
        time_s = float((packet.pts or 0) * tick)
        if time_s >= end_s:
            return
        yield time_s, packet


def _copied(
    packets: Iterator[tuple[float, av.Packet]], out: Any, start_s: float, end_s: float
) -> Iterator[Timed]:
    for time_s, packet in packets:
        tick = packet.time_base or Fraction(1, 1000)
        half_s = float((packet.duration or 0) * tick) / 2
        if not start_s - half_s <= time_s < end_s - half_s:
            continue
        offset = round(start_s / tick)
        pts = max(0, (packet.pts or 0) - offset)
        packet.pts = packet.dts = pts
        packet.stream = out
        yield time_s - start_s, packet


def _encoded(
    packets: Iterator[tuple[float, av.Packet]],
    out: Any,
    start_s: float,
    end_s: float,
    work: Work,
) -> Iterator[Timed]:
    rate, layout = out.codec_context.sample_rate, out.codec_context.layout.name
    decoded = _decoded(packets, rate, layout, work)
    for position, samples in _gapless(decoded, rate, layout, start_s, end_s):
        frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout=layout)
        frame.sample_rate, frame.pts, frame.time_base = rate, position, Fraction(1, rate)
        with work:
            made = out.encode(frame)
        yield from ((position / rate, packet) for packet in made)
    for packet in out.encode(None):
        yield end_s - start_s, packet


def _gapless(
    decoded: Iterator[tuple[float, NDArray[np.float32]]],
    rate: int,
    layout: str,
    start_s: float,
    end_s: float,
) -> Iterator[tuple[int, NDArray[np.float32]]]:
    """(place, samples (channels, n)) without gaps from sample 0 to the last of the part.

    A pause of the sound becomes silence; what comes twice is taken once.
    """
    done, most = 0, round((end_s - start_s) * rate)
    channels = 1 if layout == "mono" else 2
    slack = rate // 20  # times in a file are rounded: a difference up to this is no pause
    for time_s, samples in decoded:
        place = round((time_s - start_s) * rate)
        if done and abs(place - done) <= slack:
            place = done
        while place > done and done < most:
            silence = min(rate, place - done, most - done)
            yield done, np.zeros((channels, silence), np.float32)
            done += silence
        wanted = samples[:, max(0, done - place) : max(0, most - place)]
        if wanted.shape[1]:
            yield done, np.ascontiguousarray(wanted)
            done += wanted.shape[1]


def _decoded(
    packets: Iterator[tuple[float, av.Packet]], rate: int, layout: str, work: Work
) -> Iterator[tuple[float, NDArray[np.float32]]]:
    """(time by the clock of the file, samples (channels, n) float32), as the encoder takes them."""
    resampler: av.AudioResampler | None = None
    for time_s, packet in packets:
        try:
            with work:
                frames = packet.decode()
        except (av.FFmpegError, ValueError):
            continue
        for frame in frames:
            if not isinstance(frame, av.AudioFrame) or not frame.samples:
                continue
            begins_s = time_s if frame.time is None else frame.time
            frame.pts = None  # it would make the resampler keep its own account of pauses
            try:
                resampler = resampler or av.AudioResampler("fltp", layout, rate)
                parts = [part.to_ndarray() for part in resampler.resample(frame)]
            except (av.FFmpegError, ValueError):  # the sound changes its form here
                resampler = None
                continue
            if parts:
                yield begins_s, np.concatenate(parts, axis=1)
            time_s = begins_s + frame.samples / frame.sample_rate
