"""ONNX exports in 8 bits against those in float32: size, accuracy, speed on one thread.

    python benchmarks/int8.py ../shared/clips
    python benchmarks/int8.py ../shared/clips --form stream
    python benchmarks/int8.py ../shared/clips --videos 2 --clips 8     # of each class, a look
    python benchmarks/int8.py ../shared/clips --choices                # other ways to quantise

Calibrated with clips of the split train, as `model export --int8 --calibrate` does, and measured on
those of the split test, with the frames that `predict` sees. Speed is that of frames of the
network's size, the sides in turns, as a clip of 25 frames or as a stream, one frame a call.
`--choices` compares ways to quantise on train clips that did not calibrate, by the
root mean square of what they change in the logits, and the mean Kullback-Leibler divergence of the
answers: the test split has no say in what is chosen. Prints Markdown tables.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from scipy.special import log_softmax
from sklearn.metrics import accuracy_score, f1_score
from tqdm import tqdm

from action_recognition.cli.options import add_model_option
from action_recognition.clips import read_clips
from action_recognition.datasets.background import spread
from action_recognition.datasets.folders import load_data
from action_recognition.datasets.manifest import Clip
from action_recognition.exports.calibration import MOST_CLIPS, Calibration, read_calibration
from action_recognition.exports.int8 import COMPUTED, int8_model
from action_recognition.exports.metadata import CLIP, STREAM
from action_recognition.exports.onnx_form import onnx_model
from action_recognition.models.graph_names import FRAMES, STATE_OUTPUT
from action_recognition.models.model_file import Model, find_model, load_model
from action_recognition.models.onnxruntime_quiet import ort
from action_recognition.video import Video
from measuring import machine, print_table, take_turns

HELD_OUT = 60  # train clips that compare choices
TIMED, ROUNDS = 25, 9  # frames of a clip, rounds
SIDES = ("float32", "int8")
# What `quantize` does otherwise.
CHOICES: dict[str, dict[str, Any]] = {
    "as exported": {},
    "weights of 8 bits": {"seven_bits": False},
    "one scale for all channels": {"per_channel": False},
    "int8 between layers": {"signed": True},
    "no sums and averages": {"computed": [k for k in COMPUTED if k not in ("Add", "AveragePool")]},
}

Frames = NDArray[np.uint8]
Logits = NDArray[np.float32]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", nargs="+", help="folders of class folders")
    parser.add_argument("--form", choices=(CLIP, STREAM), default=CLIP)
    parser.add_argument("--clips", type=int, default=MOST_CLIPS, help="that calibrate")
    parser.add_argument("--videos", type=int, help="of each class of the test split, at most")
    parser.add_argument("--choices", action="store_true", help="compare ways to quantise instead")
    add_model_option(parser)
    options = parser.parse_args()
    model = load_model(find_model(options.model))
    manifest = load_data(options.data, check=False, validation=False)
    train = [c for c in manifest.split("train") if c.label in model.classes]
    calibrate = partial(
        read_calibration, preprocessing=model.preprocessing, window=model.architecture.window,
        most=options.clips,
    )  # fmt: skip
    if options.choices:
        print_choices(model, calibrate([c.path for c in train[::2]]), train[1::2])
        return
    calibration = calibrate(options.data)
    print(f"{machine()}; {options.form}s; calibrated with {calibration.described()}\n", flush=True)
    graphs = onnx_model(model, options.form), int8_model(model, options.form, calibration)
    print_sizes(graphs)
    sides = {side: Opened(graph) for side, graph in zip(SIDES, graphs, strict=True)}
    clips = [c for c in manifest.split("test") if c.label in model.classes]
    print_speed(sides, model.preprocessing.size, options.form)
    print_accuracy(model, sides, spread(clips, options.videos) if options.videos else clips)


def print_sizes(graphs: tuple[onnx.ModelProto, onnx.ModelProto]) -> None:
    """Megabytes of each file."""
    sizes = [graph.ByteSize() / 1e6 for graph in graphs]
    rows = [[side, f"{n:.2f}", f"{n / sizes[0]:.2f}"] for side, n in zip(SIDES, sizes, strict=True)]
    print_table(["file", "MB", "of float32"], rows)


def print_speed(sides: dict[str, Opened], size: int, form: str) -> None:
    """Milliseconds a frame of `size` by `size` pixels, one thread."""
    random = np.random.default_rng(0)
    frames = random.integers(0, 256, (1, TIMED, size, size, 3), dtype=np.uint8)
    work = {side: partial(one.run, frames, form) for side, one in sides.items()}
    taken = take_turns(work, ROUNDS, of=TIMED)
    rows = []
    for side in SIDES:
        ratios = [b / a for a, b in zip(taken[SIDES[0]], taken[side], strict=True)]
        median = 1000 * statistics.median(taken[side])
        rows.append([side, f"{median:.2f}", f"{statistics.median(ratios):.2f}"])
    print_table(["file", "ms a frame", "of float32"], rows)


def print_accuracy(model: Model, sides: dict[str, Opened], clips: Sequence[Clip]) -> None:
    """On whole videos, and how often a clip, or a moment of a stream, is answered as in float32."""
    known = len(model.classes)
    videos: dict[str, list[Logits]] = {side: [] for side in sides}
    single: dict[str, list[Logits]] = {side: [] for side in sides}
    for frames in tqdm(read(model, clips), file=sys.stderr, total=len(clips), disable=None):
        for side, one in sides.items():
            logits = one.logits(frames)[..., :known].reshape(-1, known)
            videos[side].append(logits.mean(0))
            single[side].append(logits.argmax(1))
    truth = [model.classes.index(c.label) for c in clips]
    first = np.concatenate(single[SIDES[0]])
    rows = []
    for side in SIDES:
        told = np.stack(videos[side]).argmax(1)
        f1 = f1_score(truth, told, labels=sorted(set(truth)), average="macro", zero_division=0)
        alike = float((np.concatenate(single[side]) == first).mean())
        figures = f1, accuracy_score(truth, told), alike
        rows.append([side, *(f"{figure:.3f}" for figure in figures)])
    print_table(["file", f"macro-F1 of {len(clips)} videos", "accuracy",
                 f"alike of {len(first)} answers"], rows)  # fmt: skip


def print_choices(model: Model, calibration: Calibration, others: Sequence[Clip]) -> None:
    """How far each way of quantising is from float32, on some of the others."""
    places = np.linspace(0, len(others) - 1, min(HELD_OUT, len(others))).round().astype(int)
    clips = [frames[:1] for frames in read(model, [others[k] for k in places])]
    known = len(model.classes)

    def logits(graph: onnx.ModelProto) -> tuple[Logits, Logits]:
        opened = Opened(graph)
        found = np.concatenate([opened.logits(frames) for frames in clips])
        return found, log_softmax(found[:, :known], 1)

    expected, certain = logits(onnx_model(model, CLIP))
    rows = []
    for name, choice in CHOICES.items():
        started = time.perf_counter()
        graph = int8_model(model, CLIP, calibration, **choice)
        seconds = time.perf_counter() - started
        found, told = logits(graph)
        apart = float(np.sqrt(((found - expected) ** 2).mean()))
        divergence = float((np.exp(certain) * (certain - told)).sum(1).mean())
        rows.append([name, f"{apart:.3f}", f"{divergence:.5f}", f"{graph.ByteSize() / 1e6:.1f}",
                     f"{seconds:.0f}"])  # fmt: skip
    print_table(["choice", "change of logits", "divergence", "MB", "s to make"], rows)


def read(model: Model, clips: Sequence[Clip]) -> Iterator[Frames]:
    """The frames (N, T, size, size, 3) that `predict` sees, of one video after the other."""
    for clip in clips:
        with Video(clip.path) as video:
            found = read_clips(video, model.preprocessing, window=model.architecture.window)
            yield found.frames


class Opened:
    """A file as other programs open it, with one thread."""

    def __init__(self, graph: onnx.ModelProto) -> None:
        options = ort.SessionOptions()
        options.intra_op_num_threads, options.log_severity_level = 1, 3
        self._session = ort.InferenceSession(
            graph.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
        self._outputs = [port.name for port in self._session.get_outputs()]
        self._state = [port for port in self._session.get_inputs() if port.name != FRAMES]

    def logits(self, frames: Frames) -> Logits:
        """(B, classes), or of a stream (B, T, classes)."""
        given = {FRAMES: frames, **self._start(len(frames))}
        found: Logits = self._session.run(["logits"], given)[0]
        return found

    def run(self, frames: Frames, form: str) -> None:
        """A clip at once, a stream frame by frame."""
        state = self._start(len(frames))
        for k in range(frames.shape[1] if form == STREAM else 1):
            part = frames[:, k : k + 1] if form == STREAM else frames
            found = self._session.run(self._outputs, {FRAMES: part, **state})
            answer = dict(zip(self._outputs, found, strict=True))
            state = {name: answer[STATE_OUTPUT + name] for name in state}

    def _start(self, batch: int) -> dict[str, NDArray[Any]]:
        return {
            port.name: np.zeros(
                [size if isinstance(size, int) else batch for size in port.shape],
                np.int64 if port.type == "tensor(int64)" else np.float32,
            )
            for port in self._state
        }


if __name__ == "__main__":
    main()
