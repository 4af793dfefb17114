"""Writes small videos whose frames tell which frame they are.

The default picture is a barcode: 4x4 black or white cells hold the number of the frame as 16 bits.
It survives every codec, colour conversion and scaling, so a test can read back what it was given.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from action_recognition.video.orientation import UPRIGHT, Orientation

Image = NDArray[np.uint8]
Pattern = Callable[[int, float, int, int], Image]  # (index, time_s, width, height) -> (h, w, 3)

_CODECS = {
    "mp4": "libx264",
    "mov": "libx264",
    "mkv": "libx264",
    "avi": "mpeg4",
    "webm": "libvpx-vp9",
}
_AUDIO = {"mp4": "aac", "mov": "aac", "mkv": "aac", "avi": "pcm_s16le", "webm": "libopus"}
_SPEED = {
    "libx264": {"preset": "ultrafast"},
    "libvpx-vp9": {"deadline": "realtime", "cpu-used": "8", "lag-in-frames": "0"},
}
_CELLS = 4


@dataclass(frozen=True)
class MadeVideo:
    """A written video: where it is, and the time at which each of its frames begins."""

    path: Path
    times_s: tuple[float, ...]

    def index_at(self, time_s: float) -> int:
        """Number of the frame on display at `time_s` after the first frame."""
        shown = [k for k, t in enumerate(self.times_s) if t - self.times_s[0] <= time_s + 1e-6]
        return shown[-1] if shown else 0


def barcode(index: int, time_s: float, width: int, height: int) -> Image:
    """The number of the frame as 4x4 cells, most significant bit first."""
    bits = [255 * (index >> (15 - k) & 1) for k in range(16)]
    rows = np.arange(height) * _CELLS // height
    columns = np.arange(width) * _CELLS // width
    grey = np.array(bits, dtype=np.uint8).reshape(_CELLS, _CELLS)[rows][:, columns]
    return np.repeat(grey[:, :, None], 3, axis=2)


def read_barcode(image: Image) -> int:
    """The number that `barcode` wrote, from a picture of any size."""
    height, width = image.shape[:2]
    index = 0
    for row in range(_CELLS):
        for column in range(_CELLS):
            y = int((row + 0.5) * height / _CELLS)
            x = int((column + 0.5) * width / _CELLS)
            index = index << 1 | int(image[y, x].mean() > 127)
    return index


def time_grey(index: int, time_s: float, width: int, height: int) -> Image:
    """Grey whose level rises with time, 50 levels a second."""
    return np.full((height, width, 3), 20 + round(50 * time_s), dtype=np.uint8)


def quadrants(index: int, time_s: float, width: int, height: int) -> Image:
    """Red top left, green top right, blue bottom left, white bottom right."""
    image = np.zeros((height, width, 3), dtype=np.uint8)
    top, left = height // 2, width // 2
    image[:top, :left] = (255, 0, 0)
    image[:top, left:] = (0, 255, 0)
    image[top:, :left] = (0, 0, 255)
    image[top:, left:] = (255, 255, 255)
    return image


@contextmanager
def same_priority() -> Iterator[None]:
    """SVT-AV1, run as root, gives its caller the priority of a real-time program.

    The caller would pass it on to whatever it starts, and take the machine from all others.
    """
    if not hasattr(os, "sched_setscheduler"):  # not Linux
        yield
        return
    policy, parameter = os.sched_getscheduler(0), os.sched_getparam(0)
    try:
        yield
    finally:
        os.sched_setscheduler(0, policy, parameter)


@same_priority()
def write_video(
    target: Path | io.RawIOBase,
    *,
    seconds: float = 2.0,
    fps: float = 25,
    size: tuple[int, int] = (64, 48),
    codec: str | None = None,
    tag: str | None = None,
    container: str | None = None,
    orientation: Orientation = UPRIGHT,
    timestamps: Sequence[float] | None = None,
    start_s: float = 0.0,
    audio: float | None = None,
    audio_start_s: float | None = None,
    pattern: Pattern | Sequence[Pattern] = barcode,
    pixel_aspect: Fraction | None = None,
    pix_fmt: str = "yuv420p",
    gop: int | None = None,
    b_frames: int = 0,
    faststart: bool = False,
    options: dict[str, str] | None = None,
    encoder: dict[str, str] | None = None,
) -> MadeVideo:
    """Writes one video.

    Parameters:
        target: a path, or a file object (then `container` is needed).
        tag: the four letters by which the file names its codec, for example "XVID".
        orientation: how a player turns and mirrors the picture.
        timestamps: seconds of each frame (variable frame rate); replaces `seconds` and `fps`.
        start_s: time stamp of the first frame.
        audio: seconds of a tone.
        audio_start_s: time stamp at which it begins; None: with the first frame.
        pattern: the picture; several patterns give several video streams.
        gop: frames between keyframes.
        options: further options of the muxer.
        encoder: further options of the encoder.
    """
    ending = container or Path(str(target)).suffix.lstrip(".")
    times = (
        list(timestamps)
        if timestamps is not None
        else [k / fps for k in range(round(seconds * fps))]
    )
    times = [start_s + t for t in times]
    sound_s = start_s if audio_start_s is None else audio_start_s
    rate = Fraction(fps).limit_denominator(1001)
    muxer = dict(options or {}) | ({"movflags": "faststart"} if faststart else {})
    formats = {"mkv": "matroska"}
    file: Any = str(target.absolute()) if isinstance(target, Path) else target
    name = codec or _CODECS[ending]
    patterns = list(pattern) if isinstance(pattern, Sequence) else [pattern]
    with av.open(file, "w", format=formats.get(ending, ending), options=muxer) as out:
        streams = []
        for _ in patterns:
            stream: Any = out.add_stream(
                name, rate=rate, options=_SPEED.get(name, {}) | (encoder or {})
            )
            stream.width, stream.height = size
            stream.pix_fmt = pix_fmt
            stream.gop_size = gop or 12
            if tag:
                stream.codec_context.codec_tag = tag
            if name != "mjpeg" and "vp" not in name and name != "ffv1":
                stream.max_b_frames = b_frames
            if name == "mpeg4":
                stream.bit_rate = 2_000_000
            if pixel_aspect:
                stream.codec_context.sample_aspect_ratio = pixel_aspect
            if timestamps is not None:
                stream.time_base = stream.codec_context.time_base = Fraction(1, 1000)
            if orientation != UPRIGHT:
                # PyAV mirrors after turning: turning left is then turning right.
                degrees, mirrored = 90 * orientation.quarter_turns, orientation.mirrored
                stream.set_display_rotation(-degrees if mirrored else degrees, hflip=mirrored)
            streams.append(stream)
        sound = out.add_stream(_AUDIO[ending], rate=48000) if audio else None
        for k, time_s in enumerate(times):
            for stream, draw in zip(streams, patterns, strict=True):
                image = draw(k, time_s - start_s, *size)
                frame = av.VideoFrame.from_ndarray(image, format="rgb24")
                frame.time_base = Fraction(1, 1000) if timestamps is not None else 1 / rate
                ticks = 1 / frame.time_base
                frame.pts = round(start_s * ticks) + round((time_s - start_s) * ticks)
                out.mux(stream.encode(frame))
            if sound is not None and k % fps == 0 and k / fps < audio and audio_start_s is None:
                out.mux(sound.encode(_tone(sound_s + k / fps, min(1.0, audio - k / fps))))
        if sound is not None:
            done = -(-len(times) // round(fps)) if audio_start_s is None else 0
            while done < audio:  # the sound goes on after the picture
                out.mux(sound.encode(_tone(sound_s + done, min(1.0, audio - done))))
                done += 1
            out.mux(sound.encode(None))
        for stream in streams:
            out.mux(stream.encode(None))
    return MadeVideo(target if isinstance(target, Path) else Path(), tuple(times))


def _tone(start_s: float, seconds: float) -> av.AudioFrame:
    wave = 8000 * np.sin(np.arange(round(48000 * seconds)) / 20)
    samples = np.repeat(wave.astype(np.int16)[:, None], 2, axis=1).reshape(1, -1)
    frame = av.AudioFrame.from_ndarray(samples, format="s16", layout="stereo")
    frame.sample_rate = 48000
    frame.pts = round(start_s * 48000)
    frame.time_base = Fraction(1, 48000)
    return frame
