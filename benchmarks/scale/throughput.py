"""Hours of video an hour: `batch` with 1, 2 and 4 workers, against a plain loop and peers.

    python benchmarks/scale/throughput.py                               # 60 clips, 2 films of 5 min
    python benchmarks/scale/throughput.py --clips 1000 --films 10 --minutes 20
    python benchmarks/scale/throughput.py --sides loop batch-1 batch-2
    python benchmarks/scale/throughput.py --sides loop batch-1 --cores 2

The clips and films are joined, without encoding them anew, from the footage that comes with the
package. Each side runs in processes of its own, with one core a worker or those of `--cores`, where
the system can say so and there are so many: with one core, Ray's own processes share it with the
worker. What a side takes is measured from the start of its command to its end. The last column says
whether its segments are those of the first side.
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
from typing import NamedTuple

from material import (
    Segments,
    add_material_options,
    look,
    loop,
    same,
    start,
    table,
    videos_of,
    write_videos,
)
from measuring import machine, print_table


class Side(NamedTuple):
    """What is measured: its name, its cores, its command, and what reads its segments."""

    name: str
    cores: int
    command: Sequence[str]
    read: Callable[[str], Segments]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_material_options(parser)
    parser.add_argument("--sides", nargs="+", help="of loop batch-1 batch-2 batch-4 pool xargs")
    parser.add_argument("--cores", type=int, help="of every side (default: one for each worker)")
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
        print(f"{machine()}; {len(videos_of(videos))} videos, {hours:.2f} hours\n")
        sides = sides_of(videos, Path(folder, "out"))
        chosen = [sides[name] for name in options.sides or sides]
        if options.cores:
            chosen = [side._replace(cores=options.cores) for side in chosen]
        compare(chosen, hours)


def sides_of(videos: Path, out: Path) -> dict[str, Side]:
    out.mkdir()
    here = [sys.executable, __file__, "--folder", str(videos), "--side"]
    product = [sys.executable, "-m", "action_recognition"]
    one = f"{' '.join(product)} timeline --json {videos}/@ >{out}/@.jsonl"
    each = f"ls {videos} | xargs -P 2 -I@ sh -c '{one}'"

    def batch(workers: int) -> Side:
        folder = out / str(workers)
        more = ["--output", str(folder), "--workers", str(workers)]
        name = f"batch, {workers} worker{'s' if workers > 1 else ''}"
        return Side(name, workers, [*product, "batch", str(videos), *more], lambda _: table(folder))

    return {
        "loop": Side("plain loop, one process", 1, [*here, "loop"], json.loads),
        **{f"batch-{workers}": batch(workers) for workers in (1, 2, 4)},
        "pool": Side("multiprocessing pool of 2", 2, [*here, "pool"], json.loads),
        "xargs": Side(
            "xargs -P 2, a process a file", 2, ["sh", "-c", each], lambda _: timelines(out)
        ),
    }


def compare(sides: Sequence[Side], hours: float) -> None:
    """Runs one side after the other and prints a table."""
    rows, expected, base = [], None, 0.0
    for side in sides:
        started = time.perf_counter()
        printed = subprocess.run(
            side.command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            preexec_fn=lambda side=side: keep_to(side.cores),
        ).stdout.decode()  # fmt: skip
        taken = time.perf_counter() - started
        print(f"{side.name}: {taken:.1f} s", file=sys.stderr)
        found = side.read(printed)
        expected, base = expected or found, base or taken
        equal = "yes" if same(found, expected) else "no"
        rate, gain = hours * 3600 / taken, base / taken
        rows.append([side.name, side.cores, f"{taken:.0f}", f"{rate:.1f}", f"{gain:.2f}", equal])
    columns = ["", "cores", "seconds", "hours an hour", f"against {sides[0].name}", "equal"]
    print_table(columns, rows)


def keep_to(cores: int) -> None:
    """This process and those that it starts run on so many cores."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores])


def pool(videos: Sequence[Path]) -> Segments:
    """Two processes, each with the model."""
    with get_context("spawn").Pool(2, start) as workers:
        return dict(workers.imap_unordered(look, videos))


def timelines(folder: Path) -> Segments:
    """What `timeline --json` has written for each video, a line for each segment."""
    found: Segments = {}
    for path in folder.glob("*.jsonl"):
        rows = [json.loads(line) for line in path.read_text().splitlines()]
        found[path.stem] = [[row["start_s"], row["end_s"], row["action"]] for row in rows]
    return found


if __name__ == "__main__":
    main()
