"""An epoch of clips read from shards against loose files, and the requests that a store would see.

    python benchmarks/shards.py                                 # 3,000 clips, 5 rounds
    python benchmarks/shards.py --clips 20000 --shard-mb 256    # more
    python benchmarks/shards.py --folder /mnt/disk              # on another disk

The clips are copies of the footage that comes with the package. Each side reads all bytes of all
clips, in the order in which a training asks for them; nothing is decoded. Each turn is a process of
its own, before which the disk's cache is emptied: wholly for root, else of the files at hand. The
last table counts what `batch` asks of an object store: the calls for a listing, for an object's
size, and for a range of its bytes.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from pyarrow import fs

from action_recognition.batch import sources, worker
from action_recognition.dashboard.media.scenes import FOOTAGE
from action_recognition.datasets.manifest import Clip, Manifest
from action_recognition.datasets.shards.read import INDEX, find_shards, read_shards
from action_recognition.datasets.shards.write import write_shards
from action_recognition.training.footage import Sample
from action_recognition.training.random_clips import ClipOrder
from action_recognition.training.settings import TrainingSettings
from action_recognition.video.part import to_source
from measuring import machine, print_table

CLASSES = 10
SIDES = {
    "loose": "loose files, in random order",
    "shards": "shards, eight at a time",
    "whole": "shards, from end to end",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clips", type=int, default=3000)
    parser.add_argument("--shard-mb", type=float, default=32.0)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--folder", help="where to write the clips (default: the system's)")
    parser.add_argument("--side", choices=SIDES, help=argparse.SUPPRESS)
    parser.add_argument("--epoch", type=int, default=0, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.side:
        print(json.dumps(read(options.side, Path(options.folder), options.epoch)))
        return
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        folder = Path(name)
        manifest = write_clips(folder / "clips", options.clips)
        write_shards(manifest, folder / "shards", shard_bytes=round(options.shard_mb * 2**20))
        size = sum(clip.size() for clip in manifest.clips)
        shards = find_shards(folder / "shards")
        print(
            f"{machine()}; {len(manifest.clips)} clips, {size / 1e6:.0f} MB, in {len(shards)} ",
            end="",
        )
        print(f"shards; {drop(folder)}\n")
        compare(folder, options.rounds)
        count_requests(folder)


def write_clips(folder: Path, count: int) -> Manifest:
    """Writes them into class folders."""
    footage = [path.read_bytes() for path in sorted(FOOTAGE.glob("*.mp4"))]
    clips = []
    for number in range(count):
        path = folder / f"class-{number % CLASSES}" / f"{number:06d}.mp4"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(footage[number % len(footage)])
        label = f"Class {number % CLASSES}"
        clips.append(Clip(path, label, "own", label, str(number), "train"))
    return Manifest(tuple(clips))


def drop(folder: Path) -> str:
    """Empties the cache of the disk; says how."""
    os.sync()
    with suppress(OSError):
        Path("/proc/sys/vm/drop_caches").write_text("3\n")
        return "the whole cache of the disk is emptied before each turn"
    for path in (p for p in folder.rglob("*") if p.is_file()):
        with path.open("rb") as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    return "the files are taken out of the disk's cache before each turn"


def compare(folder: Path, rounds: int) -> None:
    """The sides take turns; prints medians."""
    taken: dict[str, list[dict[str, float]]] = {side: [] for side in SIDES}
    for epoch in range(rounds):
        for side in SIDES:
            drop(folder)
            command = [sys.executable, __file__, "--side", side, "--folder", str(folder)]
            done = subprocess.run(
                [*command, "--epoch", str(epoch)], check=True, stdout=subprocess.PIPE
            )
            taken[side].append(json.loads(done.stdout))
    rows = []
    for side, text in SIDES.items():
        seconds = [turn["seconds"] for turn in taken[side]]
        last = taken[side][-1]
        times = [f"{s:.2f}" for s in (statistics.median(seconds), min(seconds), max(seconds))]
        mega = statistics.median(turn["bytes"] for turn in taken[side]) / 1e6
        rows.append([text, *times, f"{mega:.0f}", f"{last['opens']:,}", f"{last['ranges']:,}"])
    print_table(["", "median s", "min", "max", "MB read", "files opened", "ranges read"], rows)


def read(side: str, folder: Path, epoch: int) -> dict[str, float]:
    """Reads all clips in this process."""
    opened = [0]

    def count(event: str, arguments: tuple[Any, ...]) -> None:
        opened[0] += event == "open" and str(arguments[0]).startswith(str(folder))

    shards = find_shards(folder / "shards")
    if side == "loose":
        places = [Sample(p, 0) for p in sorted((folder / "clips").rglob("*.mp4"))]
    else:
        places = [Sample(clip.place, 0) for clip in read_shards(shards)]
    order = ClipOrder(places, 1, TrainingSettings())
    order.set_epoch(epoch)
    indices = [index for index, _ in order]
    sys.addaudithook(count)
    before, started, total, ranges = from_disk(), time.perf_counter(), 0, 0
    if side == "whole":
        for shard in shards:
            ranges += 1
            with shard.open("rb", buffering=0) as file:
                while content := file.read(2**20):
                    total += len(content)
    else:
        for index in indices:
            ranges += 1
            source = to_source(places[index].path)
            total += len(source.read_bytes() if isinstance(source, Path) else source.read())
    seconds = time.perf_counter() - started
    disk = from_disk() - before
    return {"seconds": seconds, "bytes": disk or total, "opens": opened[0], "ranges": ranges}


def from_disk() -> int:
    """Bytes that this process has had the disk read so far; 0: the system does not say."""
    with suppress(OSError):
        lines = Path("/proc/self/io").read_text().splitlines()
        return int(dict(line.split(": ") for line in lines)["read_bytes"])
    return 0


# -- requests ------------------------------------------------------------------------------


class CountedFile:
    """A file of a store: each read is a request."""

    def __init__(self, file: Any, counts: dict[str, int]) -> None:
        self._file, self._counts = file, counts

    def read(self, size: int = -1) -> bytes:
        """Counts and reads."""
        self._counts["range"] += 1
        return bytes(self._file.read(size))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def __enter__(self) -> CountedFile:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()


class CountedStore(fs.SubTreeFileSystem):  # type: ignore[misc]
    """A folder as a store that counts what it is asked for."""

    counts: dict[str, int]

    def open_input_file(self, path: str) -> Any:
        """Counts the question for its size, and opens it."""
        self.counts["size"] += 1
        return CountedFile(super().open_input_file(path), self.counts)

    def get_file_info(self, what: Any) -> Any:
        """Counts a call for each thousand names."""
        found = super().get_file_info(what)
        pages = math.ceil(len(found) / 1000) if isinstance(found, list) else 1
        self.counts["list"] += pages
        return found


def count_requests(folder: Path) -> None:
    """What `batch` asks of a store: all videos are found, then each is read twice."""
    rows = []
    for text, name, indexed in (
        ("loose files", "clips", True),
        ("shards with their index", "shards", True),
        ("shards of others", "shards", False),
    ):
        if not indexed:
            (folder / name / INDEX).unlink()
        store = CountedStore(str(folder), fs.LocalFileSystem())
        store.counts = {"list": 0, "size": 0, "range": 0}
        for module in (sources, worker):
            module.open_store = lambda _, store=store: store  # type: ignore[attr-defined]
        files, errors = sources.find_sources([f"s3://{name}"])
        assert not errors
        found = sum(store.counts.values())
        for _ in ("pieces", "answers"):  # in different processes
            worker._held.cache_clear()
            for file in files:
                with worker._source({"key": "", **file.row}) as source:
                    source.read()  # type: ignore[union-attr]
        total = sum(store.counts.values())
        rows.append([text, f"{len(files):,}", f"{found:,}", f"{total - found:,}", f"{total:,}"])
    print_table(["batch from a store", "clips", "to find them", "to read them", "requests"], rows)


if __name__ == "__main__":
    main()
