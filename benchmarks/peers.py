"""End to end, video file to answer: this project and networks of the field, on the same clips.

    python benchmarks/peers.py ../shared/originals    # searched for v_*.avi
    python benchmarks/peers.py                        # generated clips like UCF101's

The peers have random weights (`peer_networks.py`), which time does not mind, in float32 as their
users run them, and look at one clip a video; this project at up to five, its default, and at one,
which is the default of its small model.
Peers decode every frame, as is usual, and scale those that they need. All sides take turns. Prints
a Markdown table: medians over the rounds of the mean over the clips.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import torch
from torch import Tensor, nn

from action_recognition.recognition.recognizer import Recognizer
from peer_networks import C3D, X3D, ResNet18, UsualRecipe, check_parameters, frame_cnn_lstm
from predict_speed import write_clip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", nargs="?", type=Path, help="(default: generated clips)")
    parser.add_argument("--match", default="v_*", help="file names; UCF101's begin with v_")
    parser.add_argument("--files", type=int, default=6)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path, help="file for the figures")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        if options.folder:
            files = sorted(p for p in options.folder.rglob(options.match) if p.is_file())
        else:
            files = [Path(write_clip(Path(made) / f"{k}.avi")) for k in range(options.files)]
        if not files:
            parser.error(f"{options.folder}: no file named {options.match}")
        taken = measure(files[: options.files], options.rounds)
    base = statistics.median(taken["this project"])
    print(f"{len(os.sched_getaffinity(0))} cores, {options.files} clips, {options.rounds} rounds\n")
    print("| side | ms a video | min | max | times as long |")
    print("|---|---:|---:|---:|---:|")
    for name, seconds in taken.items():
        median = statistics.median(seconds)
        cells = " | ".join(f"{1000 * s:.0f}" for s in (median, min(seconds), max(seconds)))
        print(f"| {name} | {cells} | {median / base:.2f} |")
    if options.json:
        options.json.write_text(json.dumps(taken, indent=1) + "\n", encoding="utf-8")


def measure(files: list[Path], rounds: int) -> dict[str, list[float]]:
    """Seconds a video of each side, one figure a round; the first round does not count."""
    sides = find_sides()
    taken: dict[str, list[float]] = {name: [] for name in sides}
    for turn in range(rounds + 1):
        for name, answer in sides.items():
            started = time.perf_counter()
            for path in files[: None if turn else 1]:
                answer(path)
            if turn:
                taken[name].append((time.perf_counter() - started) / len(files))
    return taken


def find_sides() -> dict[str, Callable[[Path], object]]:
    """Name -> what answers for a file."""
    accurate, fast = (Recognizer.load(name, device="cpu") for name in ("shipped", "fast"))
    c3d, r3d, r21d = C3D(), ResNet18(factored=False), ResNet18(factored=True)
    x3d = X3D()
    check_parameters([(c3d, 78.4), (r3d, 33.37), (r21d, 31.51), (x3d, 3.79)])
    return {
        "this project": accurate.predict,
        "this project, one clip a video": lambda path: accurate.predict(path, clips=1),
        "this project, `--fast`": fast.predict,
        "usual recipe: 3D CNN, LSTM, GRU, 20 frames of 64": peer(UsualRecipe(), 20, 64),
        "MobileNetV2 on frames, LSTM, 16 frames of 224": peer(frame_cnn_lstm(), 16, 224),
        "C3D, 16 frames of 112": peer(c3d, 16, 112),
        "R3D-18, 16 frames of 112": peer(r3d, 16, 112),
        "R(2+1)D-18, 16 frames of 112": peer(r21d, 16, 112),
        "X3D-XS, 4 frames of 182": peer(x3d, 4, 182),
        "X3D-S, 13 frames of 182": peer(x3d, 13, 182),
    }


def peer(network: nn.Module, frames: int, size: int) -> Callable[[Path], object]:
    """Decodes every frame, takes some spread over the video, scales them, asks the network."""
    network.eval()

    def answer(path: Path) -> Tensor:
        with av.open(str(path)) as container:
            stream = container.streams.video[0]
            stream.thread_type = "AUTO"
            seen = list(container.decode(stream))
        chosen = np.linspace(0, len(seen) - 1, frames).round().astype(int)
        pictures = [seen[k].reformat(size, size, "rgb24").to_ndarray() for k in chosen]
        x = torch.from_numpy(np.stack(pictures)).permute(3, 0, 1, 2)[None].float() / 127.5 - 1
        with torch.inference_mode():
            return network(x).softmax(1)

    return answer


if __name__ == "__main__":
    main()
