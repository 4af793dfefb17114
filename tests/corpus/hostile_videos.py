"""Videos that ask for too much, or are none: how each is made, and what is said of it.

Each entry stands for a fault that was found once, or that its kind can have.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from video_maker import write_video

ACCEPTED = ""  # it gets an answer
Make = Callable[[Path], None]


def _avi_with_frames_of(seconds: int) -> Make:
    """Each of its 75 frames is shown for so long, by the header of its stream."""

    def make(path: Path) -> None:
        write_video(path, seconds=3)
        data = bytearray(path.read_bytes())
        header = data.index(b"strh") + 8
        struct.pack_into("<II", data, header + 20, seconds, 1)  # scale, rate
        path.write_bytes(data)

    return make


def _avi_that_promises_frames(path: Path) -> None:
    write_video(path, seconds=3)
    data = bytearray(path.read_bytes())
    struct.pack_into("<I", data, 48, 2**31 - 1)
    struct.pack_into("<I", data, data.index(b"strh") + 40, 2**31 - 1)
    path.write_bytes(data)


def _gap_of(hours: float) -> Make:
    """Two seconds of video with so many hours between them."""

    def make(path: Path) -> None:
        times = [k / 25 + (0 if k < 25 else hours * 3600) for k in range(50)]
        write_video(path, timestamps=times)

    return make


def _single_color(codec: str, pixel_format: str, size: tuple[int, int], frames: int) -> Make:
    def make(path: Path) -> None:
        with av.open(str(path), "w") as out:
            stream = out.add_stream(codec, rate=30)
            stream.width, stream.height = size
            stream.pix_fmt = pixel_format
            frame = av.VideoFrame(*size, pixel_format)
            for plane in frame.planes:
                plane.update(bytes(plane.buffer_size))
            for number in range(frames):
                frame.pts, frame.time_base = number, Fraction(1, 30)
                out.mux(stream.encode(frame))
            out.mux(stream.encode(None))

    return make


def _streams(number: int) -> Make:
    def make(path: Path) -> None:
        with av.open(str(path), "w") as out:
            streams = [out.add_stream("mpeg4", rate=5) for _ in range(number)]
            for stream in streams:
                stream.width, stream.height, stream.pix_fmt = 32, 32, "yuv420p"
            for stream in streams:
                pixels = np.zeros((32, 32, 3), np.uint8)
                frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
                out.mux(stream.encode(frame))
                out.mux(stream.encode(None))

    return make


def _few_key_frames(path: Path) -> None:
    write_video(path, seconds=120, fps=10, gop=10_000)


def _matroska_part_beyond_all_files(path: Path) -> None:
    write_video(path, seconds=1)
    data = path.read_bytes()
    cluster = data.index(b"\x1f\x43\xb6\x75") + 4
    width = 9 - data[cluster].bit_length()
    path.write_bytes(data[:cluster] + (2**57 - 2).to_bytes(8, "big") + data[cluster + width :])


def _external_data(path: Path) -> None:
    """An MP4 whose samples lie in another file, as its data reference says."""
    write_video(path, seconds=1)
    data = path.read_bytes()
    assert b"url \0\0\0\1" in data
    path.write_bytes(data.replace(b"url \0\0\0\1", b"url \0\0\0\0"))


def _text(content: str | bytes) -> Make:
    return lambda path: path.write_bytes(  # type: ignore[return-value]
        content.encode() if isinstance(content, str) else content
    )


_NO_VIDEO = "it is not a video file in a supported container"

HOSTILE: dict[str, tuple[Make, str]] = {
    "68-years-a-frame.avi": (_avi_with_frames_of(2**31 - 1), r"it lasts .* \(limit video_s\)"),
    "an-hour-a-frame.avi": (_avi_with_frames_of(3600), r"it lasts .* \(limit video_s\)"),
    "a-minute-a-frame.avi": (_avi_with_frames_of(60), ACCEPTED),
    "promises-frames.avi": (_avi_that_promises_frames, ACCEPTED),
    "gap-of-two-hours.mkv": (_gap_of(2), ACCEPTED),
    "gap-of-thirty-hours.mkv": (_gap_of(30), r"it lasts .* \(limit video_s\)"),
    "sixteen-bits.mkv": (
        _single_color("ffv1", "gbrap16le", (5200, 4000), 1), r"takes .* \(limit frame_bytes\)",
    ),
    "nine-thousand.mkv": (
        _single_color("ffv1", "gray", (9000, 5000), 1), r"million pixels \(limit pixels\)",
    ),
    "a-line.mkv": (_single_color("ffv1", "yuv420p", (4096, 2), 2), "40 times as long as wide"),
    "many-streams.mkv": (_streams(70), r"it has 70 streams, over 64 \(limit streams\)"),
    "few-key-frames.mp4": (_few_key_frames, ACCEPTED),
    "part-beyond-all-files.mkv": (_matroska_part_beyond_all_files, ACCEPTED),
    "external-data.mp4": (_external_data, "index|decodable|codec|" + ACCEPTED),
    "empty.mp4": (_text(""), "the file is empty"),
    "playlist.mp4": (_text("#EXTM3U\n#EXTINF:10,\nhttp://127.0.0.1:9/secret\n"), _NO_VIDEO),
    "concat.avi": (_text("ffconcat version 1.0\nfile '/etc/passwd'\n"), _NO_VIDEO),
    "page.webm": (_text("<script>alert(1)</script>"), _NO_VIDEO),
    "archive.mkv": (_text(b"PK\x03\x04" + bytes(500)), _NO_VIDEO),
    "picture.mov": (_text(b"\x89PNG\r\n\x1a\n" + bytes(500)), _NO_VIDEO),
    "zeros.mp4": (_text(bytes(5000)), _NO_VIDEO),
}  # fmt: skip
