"""A directory of clips: `predict` on each of them, against PyAV alone that decodes them in full.

    python benchmarks/directory_speed.py ../shared/originals    # searched for AVI, MP4
    python benchmarks/directory_speed.py                        # generated clips like UCF101's

Both sides take turns. Prints a Markdown table: medians over the rounds, and the share, which is
100 % where recognising a clip takes no longer than decoding it.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import av

from action_recognition.recognition.recognizer import Recognizer
from action_recognition.video import Video
from predict_speed import write_clip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", nargs="?", type=Path, help="(default: generated clips)")
    parser.add_argument("--match", default="v_*", help="file names; UCF101's begin with v_")
    parser.add_argument(
        "--models", nargs="+", default=["shipped", "fast"], help="model files (default: those)"
    )
    parser.add_argument("--clips", type=int, help="of a video, at most (default: the model's)")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        if options.folder:
            files = sorted(p for p in options.folder.rglob(options.match) if p.is_file())
        else:
            files = [Path(write_clip(Path(made) / f"{k}.avi")) for k in range(10)]
        if not files:
            parser.error(f"{options.folder}: no file named {options.match}")
        recognizers = {name: Recognizer.load(name) for name in options.models}
        compare(files, recognizers, options.clips, options.rounds)


def compare(
    files: list[Path], recognizers: dict[str, Recognizer], clips: int | None, rounds: int
) -> None:
    """Prints the table."""
    sides: dict[str, Callable[[], object]] = {
        "PyAV decodes every frame": lambda: [decode(path) for path in files],
        "PyAV skips what no other frame refers to": lambda: [
            decode(path, skip="NONREF") for path in files
        ],
    }
    for name, recognizer in recognizers.items():
        recognizer.predict(files[0], clips=clips)  # the first run allocates
        answer = partial(recognizer.predict, clips=clips)
        many = partial(recognizer.predict_many, files, clips=clips)
        sides[f"{name}, `predict` one by one"] = lambda answer=answer: [answer(p) for p in files]
        sides[f"{name}, `predict_many`"] = lambda many=many: list(many())
    taken: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(rounds):
        for name, work in sides.items():
            started = time.perf_counter()
            work()
            taken[name].append(time.perf_counter() - started)
    video_s = sum(length_s(path) for path in files)
    base = statistics.median(taken["PyAV decodes every frame"])
    print(
        f"{len(os.sched_getaffinity(0))} cores, {len(files)} clips of {video_s:.0f} s in all, ",
        end="",
    )
    print(f"{rounds} rounds\n\n| side | median s | min | max | share |\n|---|---:|---:|---:|---:|")
    for name, seconds in taken.items():
        median = statistics.median(seconds)
        print(
            f"| {name} | {median:.2f} | {min(seconds):.2f} | {max(seconds):.2f} "
            f"| {base / median:.0%} |"
        )


def length_s(path: Path) -> float:
    """Of a video."""
    with Video(path) as video:
        return video.info.duration_s


def decode(path: Path, *, skip: str = "DEFAULT") -> None:
    """All frames but those that FFmpeg's `skip_frame` names, and nothing done with them."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        stream.codec_context.skip_frame = skip
        for _ in container.decode(stream):
            pass


if __name__ == "__main__":
    main()
