"""Seconds that `Recognizer.predict` takes for one video, once the model is loaded.

    python benchmarks/predict_speed.py                 # a generated clip of 7 s, 320x240
    python benchmarks/predict_speed.py a.avi b.mp4     # clips of your own

Prints a Markdown table: median, fastest and slowest of several runs, for each stage.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import torch

from action_recognition.recognition.results import Prediction
from action_recognition.recognition.recognizer import Recognizer

SECONDS, FPS, WIDTH, HEIGHT = 7, 30, 320, 240


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", nargs="*", help="videos (default: a generated one)")
    parser.add_argument("--model", help="model file (default: the shipped one)")
    parser.add_argument("--runs", type=int, default=15)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        files = options.files or [write_clip(Path(folder) / f"generated {SECONDS} s.avi")]
        started = time.perf_counter()
        recognizer = Recognizer.load(options.model)
        load_s = time.perf_counter() - started
        print(
            f"{os.cpu_count()} cores, {torch.get_num_threads()} threads, device "
            f"{recognizer.device}, model loaded in {load_s:.2f} s, {options.runs} runs each\n"
        )
        print("| video | s | clips | open ms | decode ms | network ms | median ms | min | max |")
        print("|---|---:|---:|---:|---:|---:|---:|---:|---:|")
        recognizer.predict(files[0])  # the first run allocates
        for file in files:
            print(row([recognizer.predict(file) for _ in range(options.runs)]))


def row(runs: list[Prediction]) -> str:
    def median(values: list[float]) -> str:
        return f"{1000 * statistics.median(values):.0f}"

    totals = [p.timings.total_s for p in runs]
    stages = (
        median([p.timings.open_s for p in runs]),
        median([p.timings.decode_s for p in runs]),
        median([p.timings.network_s for p in runs]),
        median(totals),
    )
    first = runs[0]
    return (
        f"| {first.file} | {first.video.duration_s:.1f} | {len(first.clips_s)} | "
        f"{' | '.join(stages)} | {1000 * min(totals):.0f} | {1000 * max(totals):.0f} |"
    )


def write_clip(path: Path) -> str:
    """A moving pattern in MPEG-4 AVI, the format and size of UCF101."""
    random = np.random.default_rng(0)
    ground = random.integers(0, 255, (HEIGHT // 8, WIDTH // 8, 3), dtype=np.uint8)
    ground = ground.repeat(8, 0).repeat(8, 1)
    with av.open(str(path), "w") as file:
        stream = file.add_stream("mpeg4", rate=FPS)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.bit_rate = 600_000
        for k in range(SECONDS * FPS):
            frame = av.VideoFrame.from_ndarray(np.roll(ground, 3 * k, axis=1), format="rgb24")
            frame.pts, frame.time_base = k, Fraction(1, FPS)
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    return str(path)


if __name__ == "__main__":
    main()
