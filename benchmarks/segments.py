"""How well the segments of long videos are found: without smoothing, with a model, by hysteresis.

    action-recognition data from-folder ../shared/clips --films class --output ten.csv
    python benchmarks/segments.py ten.csv --foreign ../shared/clips_other --json segments.json

Long videos are assembled, by a seeded draw, from clips of one side of the manifest and stretches
of classes that the network has never seen. The way of smoothing is chosen on the side val, by the
mean of edit score and F1 at 0.5; the side test is scored for no smoothing, for today's default
and for the choice alone. "None of these" counts as a label like any action. Prints Markdown
tables; `--quick`: one video a side.
"""

from __future__ import annotations

import argparse
import inspect
import json
import random
import tempfile
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from action_recognition.datasets.manifest import Manifest
from action_recognition.datasets.manifest_csv import read_manifest
from action_recognition.recognition.recognizer import Recognizer
from action_recognition.evaluation.segment_metrics import (
    Matches,
    edit_score,
    frame_accuracy,
    match_segments,
)
from action_recognition.recognition.segmentation import Moment, find_segments

FOREIGN = {
    "val": ("ApplyLipstick", "WallPushups"),
    "test": ("Surfing", "PlayingViolin", "shoot_ball"),
}
KNOWN_CLIPS, FOREIGN_CLIPS = 20, 8  # of each in a video
WIDTH, HEIGHT, FPS = 320, 240, 25
GRID_S, STEP_S = 0.1, 1.0  # of the labels that are scored; between answers
OVERLAPS = (0.1, 0.25, 0.5)
DWELLS_S = (1.0, 2.0, 4.0, 8.0, 16.0)
PATIENCE = (2, 3, 4)  # answers in a row that hysteresis waits for

Labels = list[str | None]
Way = Callable[[list[Moment], tuple[str, ...]], Labels]  # a label for each moment


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("manifest", type=Path)
    parser.add_argument("--foreign", type=Path, required=True, help="folder of their classes")
    parser.add_argument("--model", help="model file (default: the shipped one)")
    parser.add_argument("--videos", type=int, default=3, help="a side")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--quick", action="store_true", help="one video a side")
    parser.add_argument("--json", type=Path, help="write the figures here, too")
    options = parser.parse_args()
    videos = 1 if options.quick else options.videos
    recognizer = Recognizer.load(options.model)
    manifest = read_manifest(options.manifest)
    default = f"HMM, dwell {inspect.signature(recognizer.timeline).parameters['dwell_s'].default} s"
    figures: dict[str, dict[str, dict[str, float]]] = {}
    ways = all_ways()
    for side in ("val", "test"):
        draw = random.Random(f"{options.seed} {side}")
        seen = [answers(recognizer, manifest, options.foreign, side, draw) for _ in range(videos)]
        figures[side] = {name: score(way, seen, recognizer.classes) for name, way in ways.items()}
        minutes = sum(len(truth) for truth, _ in seen) * GRID_S / 60
        print(f"\nSide {side}: {videos} videos, {minutes:.1f} min\n")
        print_table(figures[side])
        if side == "val":
            best = max(figures[side], key=lambda name: merit(figures["val"][name]))
            print(f"\nChosen on val: {best}; today's default: {default}")
            keep = ("no smoothing", default, best)
            ways = {name: way for name, way in ways.items() if name in keep}
    if options.json:
        options.json.write_text(json.dumps({"chosen": best, **figures}, indent=2) + "\n")


def all_ways() -> dict[str, Way]:
    ways: dict[str, Way] = {"no smoothing": by_path(0)}
    ways |= {f"HMM, dwell {dwell_s} s": by_path(dwell_s) for dwell_s in DWELLS_S}
    return ways | {f"hysteresis, {n} in a row": by_hysteresis(n) for n in PATIENCE}


def by_path(dwell_s: float) -> Way:
    def way(moments: list[Moment], classes: tuple[str, ...]) -> Labels:
        step_s = moments[1].time_s - moments[0].time_s
        found = list(find_segments(moments, classes, step_s=step_s, dwell_s=dwell_s))
        ends = np.array([s.end_s for s in found[:-1]])
        return [found[int(np.searchsorted(ends, m.time_s, side="right"))].action for m in moments]

    return way


def by_hysteresis(patience: int) -> Way:
    """A label holds until another was the answer `patience` times in a row."""

    def way(moments: list[Moment], classes: tuple[str, ...]) -> Labels:
        labels = by_path(0)(moments, classes)
        held, run = labels[0], 0
        smooth = list(labels)
        for k, label in enumerate(labels):
            run = run + 1 if k and label == labels[k - 1] else 1
            if run >= patience:
                held = label
                smooth[k - run + 1 : k + 1] = [label] * run
            else:
                smooth[k] = held
        return smooth

    return way


def score(
    way: Way, seen: list[tuple[Labels, list[Moment]]], classes: tuple[str, ...]
) -> dict[str, float]:
    """Frame-wise accuracy of all frames, F1 of all segments, mean edit score; in 0..1."""
    truths: Labels = []
    founds: Labels = []
    edits: list[float] = []
    matches = {overlap: Matches(0, 0, 0) for overlap in OVERLAPS}
    for truth, moments in seen:
        times = np.array([m.time_s for m in moments])
        grid = (np.arange(len(truth)) + 0.5) * GRID_S
        labels = way(moments, classes)
        found = [labels[k] for k in np.searchsorted((times[1:] + times[:-1]) / 2, grid)]
        truths += truth
        founds += found
        edits.append(edit_score(truth, found))
        for overlap in OVERLAPS:
            matches[overlap] += match_segments(truth, found, overlap=overlap)
    return {
        "accuracy": frame_accuracy(truths, founds),
        "edit": float(np.mean(edits)),
        **{f"F1@{overlap}": matches[overlap].f1 for overlap in OVERLAPS},
    }


def merit(figures: dict[str, float]) -> float:
    return (figures["edit"] + figures["F1@0.5"]) / 2


def print_table(rows: dict[str, dict[str, float]]) -> None:
    columns = list(next(iter(rows.values())))
    print(f"| smoothing | {' | '.join(columns)} |\n|---|{'---:|' * len(columns)}")
    for name, row in rows.items():
        print(f"| {name} | {' | '.join(f'{100 * row[c]:.1f}' for c in columns)} |")


def answers(
    recognizer: Recognizer, manifest: Manifest, foreign: Path, side: str, draw: random.Random
) -> tuple[Labels, list[Moment]]:
    """The truth of one assembled video, a label each `GRID_S`, and what the network says of it."""
    known = sorted((c.path, c.label) for c in manifest.clips if c.split == side)
    none = sorted(p for name in FOREIGN[side] for p in (foreign / name).iterdir())
    parts: list[tuple[Path, str | None]] = []
    parts += draw.sample(known, min(KNOWN_CLIPS, len(known)))
    parts += [(path, None) for path in draw.sample(none, min(FOREIGN_CLIPS, len(none)))]
    draw.shuffle(parts)
    with tempfile.TemporaryDirectory() as folder:
        film = Path(folder) / "film.mp4"
        truth = write_film(film, parts)
        return truth, list(recognizer.moments(film, step_s=STEP_S))


def write_film(path: Path, parts: list[tuple[Path, str | None]]) -> Labels:
    """All parts one after the other; returns the label of each `GRID_S`."""
    labels: Labels = []
    with av.open(str(path), "w") as file:
        stream = file.add_stream("mpeg4", rate=FPS)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.bit_rate = 2_000_000
        for part, label in parts:
            for picture in pictures(part):
                frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
                frame.pts, frame.time_base = len(labels), Fraction(1, FPS)
                file.mux(stream.encode(frame))
                labels.append(label)
        file.mux(stream.encode(None))
    count = int(len(labels) / FPS / GRID_S)
    return [labels[int((k + 0.5) * GRID_S * FPS)] for k in range(count)]


def pictures(path: Path) -> Iterator[NDArray[np.uint8]]:
    """Frames at `FPS`, (HEIGHT, WIDTH, 3): whole height, the sides cut or black."""
    with av.open(str(path)) as file:
        shown, first = 0, None
        for frame in file.decode(video=0):
            first = frame.time if first is None else first
            while shown / FPS <= frame.time - first + 1e-6:
                width = 2 * round(frame.width * HEIGHT / frame.height / 2)
                whole = frame.to_ndarray(format="rgb24", width=width, height=HEIGHT)
                cut, black = max(0, width - WIDTH) // 2, max(0, WIDTH - width) // 2
                picture = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
                picture[:, black : black + width] = whole[:, cut : cut + WIDTH]
                yield picture
                shown += 1


if __name__ == "__main__":
    main()
