"""What 10,000 and 1,000,000 hours of video cost, from what one worker costs here.

    python benchmarks/scale/cost.py                              # footage of the package
    python benchmarks/scale/cost.py --videos ../shared/originals --gb-an-hour 1 --file-minutes 10

Measured: CPU seconds of one worker (and seconds with a GPU, where there is one), requests to an
object store, bytes of the table, CPU seconds of the process that gathers the answers. The rest is
arithmetic, which is printed.
"""

from __future__ import annotations

import argparse
import math
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import av
import psutil
import torch

from action_recognition.batch.stores import BlockFile
from action_recognition.errors import VideoError
from action_recognition.recognition.recognizer import Recognizer
from action_recognition.video import has_video_name
from material import write_videos
from measuring import machine, print_table

CORES = 64  # of a machine
NETWORK = 10e9 / 8  # bytes a second of a machine
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/optimizing-performance.html
STORE_REQUESTS = 5500  # a second, for each prefix
LISTED = 1000  # names in one answer to a request that lists


class Worker(NamedTuple):
    """What one hour of video costs one worker."""

    cpu_s: float
    bytes: float
    requests: float  # for each file, but for its content


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--videos", type=Path, help="folder of videos to measure with")
    parser.add_argument("--gb-an-hour", type=float, help="of the videos that are to be priced")
    parser.add_argument("--file-minutes", type=float, default=10.0, help="length of each of them")
    parser.add_argument("--part-s", type=float, default=30.0, help="between two part files")
    options = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"
    torch.set_num_threads(1)
    print(f"{machine()}\n")
    with tempfile.TemporaryDirectory() as folder:
        videos = options.videos
        if videos is None:
            videos = Path(folder, "videos")
            write_videos(videos, 20, 2, 5.0)
        paths = sorted(p for p in videos.rglob("*") if has_video_name(p))
        one = worker(paths, "cpu")
        rows = [[f"CPU, one core: {3600 / one.cpu_s:.0f} hours an hour", f"{one.cpu_s:.1f} CPU s"]]
        if torch.cuda.is_available():
            on_gpu = worker(paths, "cuda")
            rows.append([f"GPU: {3600 / on_gpu.cpu_s:.0f} hours an hour", f"{on_gpu.cpu_s:.1f} s"])
        driver_s, table_bytes = driver(Path(folder))
    gb = options.gb_an_hour or one.bytes / 1e9
    rows += [
        ["read from the store", f"{gb:.2f} GB"],
        ["the table", f"{table_bytes / 1e3:.1f} kB"],
        ["the process that gathers, for each file", f"{1000 * driver_s:.1f} CPU ms"],
        ["requests for each file, but for its content", f"{one.requests:.1f}"],
    ]
    print_table(["an hour of video", "costs"], rows)
    print()
    files = 60 / options.file_minutes  # for each hour
    content = gb * 1e9 / (4 * 2**20)  # requests for each hour: blocks
    prices = []
    for hours in (10_000, 1_000_000):
        cores = one.cpu_s * hours / 3600
        days = cores / CORES / 24
        requests = hours * (content + files * one.requests + files / LISTED)
        gathered = driver_s * files * hours / 3600
        prices.append([
            f"{hours:,} h", f"{cores:,.0f} core hours", f"{days:,.2f}",
            f"{gb * hours / 1000:,.1f} TB", f"{requests / 1e6:,.2f} million",
            f"{table_bytes * hours / 1e9:,.2f} GB", f"{gathered:,.1f} h",
        ])  # fmt: skip
    print_table(
        ["video", "CPU", f"days on {CORES} cores", "read", "requests", "table", "gathering"], prices
    )
    print(f"\nFiles of {options.file_minutes:g} minutes, {gb:.2f} GB an hour. The walls:\n")
    print_table(["wall", "stands at", "what moves it"], walls(one, gb, files, content, driver_s))


def walls(one: Worker, gb: float, files: float, content: float, driver_s: float) -> list[list[str]]:
    """At how many cores at work each part is at its limit, the nearest first."""
    hours_a_core = 1 / one.cpu_s  # hours of video a second
    network = NETWORK / (gb * 1e9 * hours_a_core)
    store = STORE_REQUESTS / ((content + files * one.requests) * hours_a_core)
    gathers = 1 / (driver_s * files * hours_a_core)
    found: Iterable[tuple[float, str, str]] = [
        (network, "network of one machine, 10 Gb/s", "machines with fewer cores, or more of them"),
        (store, f"object store, {STORE_REQUESTS:,} requests a second for a prefix", "prefixes"),
        (gathers, "the process that gathers", "several batches, each with an OUT of its own"),
    ]
    return [[name, f"{cores:,.0f} cores", moves] for cores, name, moves in sorted(found)]


class _Counting:
    """Counts what a store would be asked."""

    def __init__(self, file: Any) -> None:
        self._file, self.reads, self.seek = file, 0, file.seek

    def read(self, size: int) -> bytes:
        self.reads += 1
        return bytes(self._file.read(size))


def worker(paths: Sequence[Path], device: str) -> Worker:
    """Looks at all videos, at the first one once before."""
    recognizer = Recognizer.load(device=device)
    length_s, spent_s, size, reads, blocks = 0.0, 0.0, 0, 0, 0
    clock = time.process_time if device == "cpu" else time.perf_counter
    list(recognizer.timeline(paths[0]))
    for path in paths:
        began = clock()
        try:
            list(recognizer.timeline(path))
        except VideoError:
            continue
        spent_s += clock() - began
        with av.open(str(path)) as container:
            length_s += (container.duration or 0) / av.time_base
        size += path.stat().st_size
        blocks += math.ceil(path.stat().st_size / (4 * 2**20))
        with path.open("rb") as file:
            counting = _Counting(file)
            list(recognizer.timeline(BlockFile(counting), name=path.name))
            reads += counting.reads
    hours = length_s / 3600
    return Worker(spent_s / hours, size / hours, (reads - blocks) / len(paths))


def driver(folder: Path, clips: tuple[int, int] = (40, 240)) -> tuple[float, float]:
    """CPU seconds of the command for each file, from two batches of short clips; table's bytes."""
    spent = []
    for count in clips:
        videos = folder / f"driver-{count}"
        hours = write_videos(videos, count, 0, 0)
        command = [sys.executable, "-m", "action_recognition", "batch", str(videos)]
        more = ["--output", str(folder / f"out-{count}"), "--workers", "2"]
        with subprocess.Popen([*command, *more], stdout=subprocess.DEVNULL) as batch:
            process, cpu_s = psutil.Process(batch.pid), 0.0
            while batch.poll() is None:
                try:
                    times = process.cpu_times()
                    cpu_s = times.user + times.system
                except psutil.Error:
                    break
                time.sleep(0.05)
        spent.append(cpu_s)
    table_bytes = sum(p.stat().st_size for p in (folder / f"out-{count}").glob("part-*"))
    return max(0.0, spent[1] - spent[0]) / (clips[1] - clips[0]), table_bytes / hours


if __name__ == "__main__":
    main()
