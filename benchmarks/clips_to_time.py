"""Clips that the speed benchmarks run on: of a folder, or generated in UCF101's format."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

SECONDS, FPS, WIDTH, HEIGHT = 5, 30, 320, 240


def add_clip_options(parser: argparse.ArgumentParser) -> None:
    """`FOLDER`, `--match` and `--files`; `find_clips` reads them."""
    parser.add_argument("folder", nargs="?", type=Path, help="(default: generated clips)")
    parser.add_argument("--match", default="v_*", help="file names; UCF101's begin with v_")
    parser.add_argument("--files", type=int, default=8, help="at most")


@contextmanager
def find_clips(options: argparse.Namespace) -> Iterator[list[Path]]:
    """The files that the options name, or as many generated ones."""
    if options.folder:
        found = sorted(p for p in options.folder.rglob(options.match) if p.is_file())
        if not found:
            raise SystemExit(f"{options.folder}: no file named {options.match}")
        yield found[: options.files]
        return
    with tempfile.TemporaryDirectory() as folder:
        yield [write_clip(Path(folder) / f"{k}.avi") for k in range(options.files)]


def write_clip(path: Path, *, seconds: int = SECONDS) -> Path:
    """A moving pattern of so many seconds in MPEG-4 AVI, the format and size of UCF101."""
    random = np.random.default_rng(0)
    ground = random.integers(0, 255, (HEIGHT // 8, WIDTH // 8, 3), dtype=np.uint8)
    ground = ground.repeat(8, 0).repeat(8, 1)
    with av.open(str(path), "w") as file:
        stream = file.add_stream("mpeg4", rate=FPS)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.bit_rate = 600_000
        for k in range(seconds * FPS):
            frame = av.VideoFrame.from_ndarray(np.roll(ground, 3 * k, axis=1), format="rgb24")
            frame.pts, frame.time_base = k, Fraction(1, FPS)
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    return path
