"""What the benchmarks of `batch` share: videos, a plain loop over them, and tables compared."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import av
import pyarrow.parquet as pq

from action_recognition.dashboard.media.scenes import FOOTAGE, three_scenes
from action_recognition.recognition.recognizer import Recognizer

sys.path.append(str(Path(__file__).parents[1]))  # the other benchmarks

from whole_length import repeat

SCENES_S = 24.011  # of the three scenes
Segments = dict[str, list[list[Any]]]  # of each file: start_s, end_s, action


def add_material_options(parser: argparse.ArgumentParser) -> None:
    """Which videos are made."""
    parser.add_argument("--clips", type=int, default=60, help="of 12 and 15 seconds")
    parser.add_argument("--films", type=int, default=2)
    parser.add_argument("--minutes", type=float, default=5.0, help="of each film")


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


def loop(videos: Sequence[Path]) -> Segments:
    """One video after the other, with the library."""
    start()
    return dict(map(look, videos))


def start() -> None:
    """Loads the model, once a process."""
    global _recognizer
    _recognizer = Recognizer.load()


def look(path: Path) -> tuple[str, list[list[Any]]]:
    segments = _recognizer.timeline(path)
    return path.name, [[s.start_s, s.end_s, s.action] for s in segments]


def table(folder: Path) -> Segments:
    """The rows of a batch."""
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
