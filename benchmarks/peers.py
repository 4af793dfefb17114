"""End to end, video file to answer: this project and networks of the field, on the same clips.

    python benchmarks/peers.py ../shared/originals    # searched for v_*
    python benchmarks/peers.py                        # generated clips like UCF101's

The peers have random weights (`peer_networks.py`), which time does not mind, in float32 as their
users run them, and look at one clip a video; this project sees every frame of its grid, five a
second. Peers decode every frame, as is usual, and scale those that they need. All sides take turns.
Prints Markdown tables: medians over the rounds of the mean over the clips, and the stages of this
project's answer.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path

import av
import numpy as np
import torch
from torch import Tensor, nn

from action_recognition.cli.options import add_model_option
from action_recognition.recognition.recognizer import Recognizer
from clips_to_time import add_clip_options, find_clips
from measuring import machine, print_table, print_times, take_turns
from peer_networks import C3D, R3D18, X3D, FrameCnnLstm, UsualRecipe, check_parameters


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_clip_options(parser)
    add_model_option(parser)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    recognizer = Recognizer.load(options.model, device="cpu")
    sides: dict[str, Callable[[Path], object]] = {"this project": recognizer.predict, **peers()}
    with find_clips(options) as files:
        work = {name: partial(answer_all, answer, files) for name, answer in sides.items()}
        taken = take_turns(work, options.rounds, of=len(files))
        stages = [asdict(recognizer.predict(path).timings) for path in files]
    print(f"{machine()}; {len(files)} clips, {options.rounds} rounds\n")
    print_times(taken, "side", "ms", "times as long")
    names = list(stages[0])
    medians = [1000 * statistics.median(s[name] for s in stages) for name in names]
    header = [f"{name.removesuffix('_s')} ms" for name in names]
    print_table(["stage", *header], [["this project", *(f"{m:.0f}" for m in medians)]])


def peers() -> dict[str, Callable[[Path], object]]:
    """Name -> what answers for a file."""
    frame_cnn, c3d, r3d, x3d = FrameCnnLstm(), C3D(), R3D18(), X3D()
    check_parameters([(frame_cnn.trunk, 2.22), (c3d, 78.4), (r3d, 33.37), (x3d, 3.79)])
    return {
        "usual recipe: 3D CNN, LSTM, GRU, 20 frames of 64": peer(UsualRecipe(), 20, 64),
        "MobileNetV2 on frames, LSTM, 16 frames of 224": peer(frame_cnn, 16, 224),
        "C3D, 16 frames of 112": peer(c3d, 16, 112),
        "R3D-18, 16 frames of 112": peer(r3d, 16, 112),
        "X3D-XS, 4 frames of 182": peer(x3d, 4, 182),
        "X3D-S, 13 frames of 182": peer(x3d, 13, 182),
    }


def peer(network: nn.Module, frames: int, size: int) -> Callable[[Path], Tensor]:
    """Decodes every frame, takes some spread over the video, scales them, asks the network."""
    network.eval()

    def answer(path: Path) -> Tensor:
        with av.open(str(path)) as container:
            stream = container.streams.video[0]
            stream.thread_type = "AUTO"
            decoded = list(container.decode(stream))
        chosen = np.linspace(0, len(decoded) - 1, frames).round().astype(int)
        scaled = [decoded[k].reformat(size, size, "rgb24").to_ndarray() for k in chosen]
        x = torch.from_numpy(np.stack(scaled)).permute(3, 0, 1, 2)[None].float() / 127.5 - 1
        with torch.inference_mode():
            probabilities: Tensor = network(x).softmax(1)
            return probabilities

    return answer


def answer_all(answer: Callable[[Path], object], files: list[Path]) -> None:
    """One video after the other."""
    for path in files:
        answer(path)


if __name__ == "__main__":
    main()
