"""Hours of video an hour: `batch` with one and with two workers, against a plain loop and peers.

    python benchmarks/batch_throughput.py                               # 60 clips, 2 films of 5 min
    python benchmarks/batch_throughput.py --clips 1000 --films 10 --minutes 20

The clips and films are joined, without encoding them anew, from the footage that comes with the
package. Each side runs in processes of its own, with one core a worker where the system can say so;
what a side takes is measured from the start of its command to its end. The last column says whether
its segments are those of the loop.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import av

from action_recognition.dashboard.media.scenes import FOOTAGE, three_scenes
from measuring import machine, print_table
from whole_length import repeat

SCENES_S = 24.011  # of the three scenes
Segments = dict[str, list[list[Any]]]  # of each file: start_s, end_s, action


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clips", type=int, default=60, help="of 12 and 15 seconds")
    parser.add_argument("--films", type=int, default=2)
    parser.add_argument("--minutes", type=float, default=5.0, help="of each film")
    parser.add_argument("--side", choices=("loop", "pool"), help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.side:
        print(json.dumps((loop if options.side == "loop" else pool)(videos_of(options.folder))))
        return
    os.environ["OMP_NUM_THREADS"] = "1"
    with tempfile.TemporaryDirectory() as folder:
        videos = Path(folder, "videos")
        hours = write_videos(videos, options.clips, options.films, options.minutes)
        compare(videos, Path(folder, "out"), hours)


def write_videos(folder: Path, clips: int, films: int, minutes: float) -> float:
    """Writes them; gives their length in hours."""
    folder.mkdir()
    piece = folder.parent / "piece.mp4"
    piece.write_bytes(three_scenes())
    for number in range(films):
        times = round(minutes * 60 / SCENES_S)
        repeat(piece, folder / f"film-{number}.mp4", times, SCENES_S)
    sources = [FOOTAGE / name for name in ("akiyo.mp4", "carphone.mp4")]
    for number in range(clips):
        (folder / f"clip-{number}.mp4").write_bytes(sources[number % 2].read_bytes())
    total_s = 0.0
    for path in videos_of(folder):
        with av.open(str(path)) as container:
            total_s += (container.duration or 0) / av.time_base
    return total_s / 3600


def videos_of(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.mp4"))


def compare(videos: Path, out: Path, hours: float) -> None:
    """Runs one side after the other and prints a table."""
    print(f"{machine()}; {len(videos_of(videos))} videos, {hours:.2f} hours\n")
    out.mkdir()
    here = [sys.executable, __file__, "--folder", str(videos), "--side"]
    product = [sys.executable, "-m", "action_recognition"]
    one = f"{' '.join(product)} timeline --json {videos}/@ >{out}/@.jsonl"
    each = f"ls {videos} | xargs -P 2 -I@ sh -c '{one}'"
    sides: list[tuple[str, int, Sequence[str], Callable[[str], Segments]]] = [
        ("plain loop, one process", 1, [*here, "loop"], json.loads),
        ("batch, one worker", 1, batch(product, videos, out / "1", 1), lambda _: table(out / "1")),
        ("batch, two workers", 2, batch(product, videos, out / "2", 2), lambda _: table(out / "2")),
        ("multiprocessing pool of two", 2, [*here, "pool"], json.loads),
        ("xargs -P 2, a process a file", 2, ["sh", "-c", each], lambda _: timelines(out)),
    ]
    rows, expected, base = [], None, 0.0
    for name, cores, command, read in sides:
        started = time.perf_counter()
        printed = subprocess.run(
            command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            preexec_fn=lambda cores=cores: keep_to(cores),
        ).stdout.decode()  # fmt: skip
        taken = time.perf_counter() - started
        found = read(printed)
        expected, base = expected or found, base or taken
        equal = "yes" if same(found, expected) else "no"
        rate = hours * 3600 / taken
        rows.append([name, f"{taken:.0f}", f"{rate:.1f}", f"{base / taken:.2f}", equal])
    print_table(["", "seconds", "hours an hour", "against the loop", "equal"], rows)


def batch(product: Sequence[str], videos: Path, out: Path, workers: int) -> list[str]:
    return [*product, "batch", str(videos), "--output", str(out), "--workers", str(workers)]


def keep_to(cores: int) -> None:
    """This process and those that it starts run on so many cores."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores])


def loop(videos: Sequence[Path]) -> Segments:
    """One video after the other, with the library."""
    start()
    return dict(map(look, videos))


def pool(videos: Sequence[Path]) -> Segments:
    """Two processes, each with the model."""
    with get_context("spawn").Pool(2, start) as workers:
        return dict(workers.imap_unordered(look, videos))


def start() -> None:
    """Loads the model, once a process."""
    global _recognizer
    from action_recognition.recognition.recognizer import Recognizer

    _recognizer = Recognizer.load()


def look(path: Path) -> tuple[str, list[list[Any]]]:
    segments = _recognizer.timeline(path)
    return path.name, [[s.start_s, s.end_s, s.action] for s in segments]


def timelines(folder: Path) -> Segments:
    """What `timeline --json` has written for each video, a line for each segment."""
    found: Segments = {}
    for path in folder.glob("*.jsonl"):
        rows = [json.loads(line) for line in path.read_text().splitlines()]
        found[path.stem] = [[row["start_s"], row["end_s"], row["action"]] for row in rows]
    return found


def table(folder: Path) -> Segments:
    """The rows of a batch."""
    import pyarrow.parquet as pq

    found: Segments = {}
    for part in folder.glob("part-*.parquet"):
        for row in pq.read_table(part).to_pylist():
            segment = [row["start_s"], row["end_s"], row["action"]]
            found.setdefault(Path(row["file"]).name, []).append(segment)
    return found


def same(found: Segments, expected: Segments) -> bool:
    """Whether the actions are equal, and the times within a hundredth of a second."""
    return found.keys() == expected.keys() and all(
        len(found[name]) == len(segments)
        and all(
            a[2] == b[2] and max(abs(a[0] - b[0]), abs(a[1] - b[1])) < 0.01
            for a, b in zip(sorted(found[name], key=lambda s: s[0]), segments, strict=True)
        )
        for name, segments in expected.items()
    )


if __name__ == "__main__":
    main()
