"""How well the segments of long videos are found: what LSTM and GRU, and what smoothing, give.

    python benchmarks/segments.py ../shared/clips ../shared/clips_web.csv \
        --unknown ../shared/clips_other --unknown-classes Surfing,PlayingViolin,shoot_ball

Long videos are joined, by a seeded draw, from clips of one split and, with `--unknown`, from clips
of classes that the model has not learned. Each is gone through with an answer a second, by the
model and by the same model without its recurrent part. "None of these" counts as a label like any
action. Prints a Markdown table, figures in percent: accuracy over all frames, mean edit score, F1
of all segments at an overlap of 0.5. `--videos 1` is quicker.
"""

from __future__ import annotations

import argparse
import inspect
import random
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from action_recognition.cli.options import add_model_option, add_unknown_options, read_unknown
from action_recognition.datasets.folders import load_data
from action_recognition.evaluation.segment_metrics import (
    Matches,
    edit_score,
    frame_accuracy,
    match_segments,
)
from action_recognition.models.model_file import Model, find_model, load_model
from action_recognition.models.stored_network import stored
from action_recognition.recognition.recognizer import Recognizer
from action_recognition.recognition.segmentation import Moment, find_segments
from measuring import print_table

KNOWN_CLIPS, UNKNOWN_CLIPS = 20, 8  # of each in a video
WIDTH, HEIGHT, FPS = 320, 240, 25
GRID_S, STEP_S = 0.1, 1.0  # of the labels that are scored; between answers

Labels = list[str | None]
Part = tuple[Path, str | None]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", nargs="+", help="folders of class folders, CSV files")
    parser.add_argument("--split", default="test", choices=("val", "test"))
    add_unknown_options(parser)
    add_model_option(parser)
    parser.add_argument("--videos", type=int, default=3)
    parser.add_argument("--clips", type=int, default=KNOWN_CLIPS, help="known ones in a video")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    model = load_model(find_model(options.model))
    manifest = load_data(options.data, check=False, validation=options.split == "val")
    known = [(c.path, c.label) for c in manifest.split(options.split) if c.label in model.classes]
    learned = (*model.classes, *model.background)
    unknown = [(c.path, None) for c in read_unknown(options) if c.label not in learned]
    draw = random.Random(options.seed)
    films = [draw_parts(known, unknown, options.clips, draw) for _ in range(options.videos)]
    recognizers = {"LSTM and GRU": Recognizer(model)}
    if model.architecture.lstm or model.architecture.gru:
        recognizers["without them"] = Recognizer(without_recurrent(model))
    default_s = inspect.signature(Recognizer.timeline).parameters["dwell_s"].default
    truths: list[Labels] = []
    moments: dict[str, list[list[Moment]]] = {name: [] for name in recognizers}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "film.mp4"
        for parts in films:
            truths.append(write_film(path, parts))
            for name, recognizer in recognizers.items():
                moments[name].append(list(recognizer.moments(path, step_s=STEP_S)))
    minutes = sum(map(len, truths)) * GRID_S / 60
    print(f"Split {options.split}: {len(films)} videos, {minutes:.1f} min\n")
    rows = []
    for name, answers in moments.items():
        for dwell_s in (0.0, default_s):
            found = [
                find_labels(of, model.classes, len(truth), dwell_s)
                for of, truth in zip(answers, truths, strict=True)
            ]
            smoothing = f"dwell {dwell_s:g} s" if dwell_s else "none"
            rows.append([name, smoothing, *(f"{100 * v:.1f}" for v in score(truths, found))])
    print_table(["recurrent part", "smoothing", "accuracy", "edit", "F1@0.5"], rows, texts=2)


def without_recurrent(model: Model) -> Model:
    """The same model, to whose answer LSTM and GRU add nothing."""
    network, name = stored(model.network), "recurrent_dense.weight"
    silent = {**network.weights, name: np.zeros_like(network.weights[name])}
    return replace(model, network=replace(network, weights=silent))


def find_labels(
    moments: Sequence[Moment], classes: tuple[str, ...], count: int, dwell_s: float
) -> Labels:
    """The label each `GRID_S`, as `Recognizer.timeline` finds it."""
    segments = list(
        find_segments(moments, classes, step_s=STEP_S, dwell_s=dwell_s, end_s=count * GRID_S)
    )
    grid = (np.arange(count) + 0.5) * GRID_S
    places = np.searchsorted([s.end_s for s in segments[:-1]], grid, side="right")
    return [segments[int(k)].action for k in places]


def score(truths: Sequence[Labels], founds: Sequence[Labels]) -> tuple[float, float, float]:
    """Frame accuracy, edit score and F1@0.5, in 0..1."""
    pairs = list(zip(truths, founds, strict=True))
    matches = Matches(0, 0, 0)
    for truth, found in pairs:
        matches += match_segments(truth, found, overlap=0.5)
    accuracy = frame_accuracy([t for of in truths for t in of], [f for of in founds for f in of])
    return accuracy, float(np.mean([edit_score(*pair) for pair in pairs])), matches.f1


def draw_parts(
    known: Sequence[Part], unknown: Sequence[Part], count: int, draw: random.Random
) -> list[Part]:
    """The clips of one video, with their labels."""
    parts = draw.sample(known, min(count, len(known)))
    parts += draw.sample(unknown, min(UNKNOWN_CLIPS, len(unknown)))
    draw.shuffle(parts)
    return parts


def write_film(path: Path, parts: Sequence[Part]) -> Labels:
    """All parts one after the other; returns the label of each `GRID_S`."""
    labels: Labels = []
    with av.open(str(path), "w") as file:
        stream = file.add_stream("mpeg4", rate=FPS)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.bit_rate = 2_000_000
        for part, label in parts:
            for pixels in read_frames(part):
                frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
                frame.pts, frame.time_base = len(labels), Fraction(1, FPS)
                file.mux(stream.encode(frame))
                labels.append(label)
        file.mux(stream.encode(None))
    count = int(len(labels) / FPS / GRID_S)
    return [labels[int((k + 0.5) * GRID_S * FPS)] for k in range(count)]


def read_frames(path: Path) -> Iterator[NDArray[np.uint8]]:
    """Frames at `FPS`, (HEIGHT, WIDTH, 3): whole height, the sides cut or black."""
    with av.open(str(path)) as file:
        shown, first = 0, None
        for frame in file.decode(video=0):
            assert frame.time is not None
            first = frame.time if first is None else first
            while shown / FPS <= frame.time - first + 1e-6:
                width = 2 * round(frame.width * HEIGHT / frame.height / 2)
                whole = frame.to_ndarray(format="rgb24", width=width, height=HEIGHT)
                cut, black = max(0, width - WIDTH) // 2, max(0, WIDTH - width) // 2
                pixels = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
                pixels[:, black : black + width] = whole[:, cut : cut + WIDTH]
                yield pixels
                shown += 1


if __name__ == "__main__":
    main()
