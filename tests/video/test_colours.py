"""Colours come out as they went in, whatever the encoding; and pictures that are not plain ones."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.reformatter import ColorRange, Colorspace, VideoReformatter

from action_recognition.video import Video
from video_maker import barcode, read_barcode, same_priority

BT601, BT709, RGB = 6, 1, 0  # ITU-T H.273, table 4: the matrix that a file says it uses
STUDIO, FULL = ColorRange.MPEG, ColorRange.JPEG
CONVERTED = {BT601: Colorspace.ITU601, BT709: Colorspace.ITU709}

COLOURS = [(200, 40, 80), (30, 160, 60), (60, 90, 220), (235, 225, 60)]

ENCODINGS = [
    # file, codec, pixel format, matrix, range
    ("bt601-studio.mp4", "libx264", "yuv420p", BT601, STUDIO),
    ("bt601-full.mp4", "libx264", "yuvj420p", BT601, FULL),
    ("bt709-studio.mp4", "libx264", "yuv420p", BT709, STUDIO),
    ("bt709-full.mp4", "libx264", "yuvj420p", BT709, FULL),
    ("444-full.mov", "mjpeg", "yuvj444p", BT601, FULL),
    ("422.mkv", "libx264", "yuv422p", BT709, STUDIO),
    ("10-bit.mp4", "libx265", "yuv420p10le", BT709, STUDIO),
    ("12-bit.mov", "prores_ks", "yuv422p10le", BT709, STUDIO),
    ("rgb.mp4", "libx264rgb", "rgb24", RGB, FULL),
    ("alpha.mov", "png", "rgba", RGB, FULL),
    ("vp9.webm", "libvpx-vp9", "yuv420p", BT709, STUDIO),
    ("av1.mp4", "libsvtav1", "yuv420p", BT709, STUDIO),
    ("av1-10-bit.webm", "libsvtav1", "yuv420p10le", BT709, STUDIO),
    ("xvid.avi", "mpeg4", "yuv420p", BT601, STUDIO),
]


@same_priority()
def write_colour(path: Path, encoding: tuple, colour: tuple[int, int, int], size=(128, 96)) -> None:
    _, codec, pix_fmt, matrix, scale = encoding
    with av.open(str(path), "w") as out:
        stream = out.add_stream(codec, rate=25)
        stream.width, stream.height = size
        stream.pix_fmt = pix_fmt
        if codec != "mpeg4":  # which has no place for it
            stream.codec_context.colorspace, stream.codec_context.color_range = matrix, scale
        if "mpeg4" in codec or codec == "mjpeg":
            stream.bit_rate = 4_000_000
        reformatter = VideoReformatter()
        for k in range(5):
            image = np.full((size[1], size[0], 3), colour, dtype=np.uint8)
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            if matrix == RGB:
                frame = frame.reformat(format=pix_fmt)
            else:
                frame = reformatter.reformat(
                    frame, format=pix_fmt, dst_colorspace=CONVERTED[matrix], dst_color_range=scale
                )
            frame.pts, frame.time_base = k, Fraction(1, 25)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))


@pytest.mark.parametrize("encoding", ENCODINGS, ids=lambda e: e[0])
def test_colours(tmp_path: Path, encoding: tuple) -> None:
    for number, colour in enumerate(COLOURS):
        path = tmp_path / f"{number}-{encoding[0]}"
        write_colour(path, encoding, colour)
        with Video(path) as video:
            seen = video.frames_at([0.1], size=32)[0][0].reshape(-1, 3)
        assert np.abs(seen.astype(int) - colour).max() <= 8, (colour, seen[0])


@pytest.mark.slow
def test_colours_of_the_field(shared_dir: Path) -> None:
    files = sorted((shared_dir / "cases" / "15-colours").glob("col_*"))
    assert len(files) == 10
    for file in files:
        with Video(file) as video:
            seen = video.frames_at([0.0], size=32)[0][0].reshape(-1, 3)
        assert np.abs(seen.astype(int) - (200, 40, 80)).max() <= 8, file.name


@pytest.mark.slow
@pytest.mark.parametrize("name", ["v.mp4", "v.mkv", "v.webm"])
@pytest.mark.parametrize("pix_fmt", ["yuv420p", "yuv420p10le"])
def test_av1(make_video, name: str, pix_fmt: str) -> None:
    made = make_video(name, codec="libsvtav1", pix_fmt=pix_fmt, size=(128, 96), seconds=0.8)
    with Video(made.path) as video:
        assert video.info.codec in ("av1", "libdav1d")
        assert video.info.duration_s == pytest.approx(0.8, abs=0.01)
        frames, _ = video.frames_at([0.0, 0.4, 0.76], size=64)
        assert [read_barcode(f) for f in frames] == [0, 10, 19]


@pytest.mark.parametrize("pixel_aspect", ["16/15", "8/9", "64/45", "4/3", "1/2"])
def test_pixels_that_are_not_square(make_video, pixel_aspect: str) -> None:
    """Of a film of odd pixels, the middle fills the square as it does for one of square pixels."""
    ratio = Fraction(pixel_aspect)
    odd = make_video("odd.mkv", size=(96, 96), seconds=0.2, pixel_aspect=ratio)
    width = round(96 * ratio / 2) * 2
    even = make_video("even.mkv", size=(width, 96), seconds=0.2)
    with Video(odd.path) as narrow, Video(even.path) as wide:
        assert narrow.info.width == pytest.approx(wide.info.width, abs=1)
        a, b = (v.frames_at([0.1], size=64)[0][0].astype(int) for v in (narrow, wide))
    assert np.abs(a - b).mean() < 4


@pytest.mark.parametrize(("name", "codec"), [("v.mkv", "mpeg2video"), ("v.mp4", "libx264")])
@pytest.mark.parametrize("top_field_first", ["0", "1"])
def test_interlaced(tmp_path: Path, name: str, codec: str, top_field_first: str) -> None:
    """A frame is both of its fields; what does not move is as sharp as in any other frame."""
    flags = {"flags": "+ildct+ilme"} if codec == "mpeg2video" else {}
    x264 = {"x264-params": f"{'tff' if top_field_first == '1' else 'bff'}=1"}
    path = tmp_path / name
    with av.open(str(path), "w", format="matroska" if name.endswith("mkv") else None) as out:
        stream = out.add_stream(codec, rate=25, options=flags or x264)
        stream.width, stream.height, stream.pix_fmt = 128, 96, "yuv420p"
        stream.bit_rate = 4_000_000
        for k in range(25):
            image = barcode(k, k / 25, 128, 96)
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts, frame.time_base = k, Fraction(1, 25)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    with av.open(str(path)) as container:
        assert next(container.decode(video=0)).interlaced_frame
    with Video(path) as video:
        assert video.check() == 25
        frames, _ = video.frames_at([0.0, 0.4, 0.96], size=64)
    assert [read_barcode(f) for f in frames] == [0, 10, 24]
