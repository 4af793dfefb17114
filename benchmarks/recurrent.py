"""What LSTM and GRU give, on the vectors of the shipped model's trunk: none, one, both.

    python benchmarks/recurrent.py ../shared/clips ../shared/clips_web.csv --vectors vectors
    python benchmarks/recurrent.py ../shared/clips --vectors vectors --videos 4 --seeds 1  # a look

Prints two Markdown tables: means over seeds, and half the range.

- Films joined from videos (`training/films.py`), as in training: the parts learn from the split
  train, the best epoch is chosen on val, and the figures are those of films of the split test.
  Accuracy and loss over the frames; F1@0.5 of the segments, in which the likeliest class at each
  frame is the label, without smoothing; accuracy on single clips, as `predict` answers for them.
- Order: the same video forward and reversed (Wei, Lim, Zisserman, Freeman, "Learning and Using the
  Arrow of Time", CVPR 2018). A fall reversed is somebody who gets up. Dense layer and recurrent
  parts learn from train and val, and are measured on test; chance is 0.5. The trunk, which is a
  causal 3D CNN, sees the order, too: what matters is what the parts add.

No group of videos is in two splits. The vectors of each video, forward and reversed, are
computed once and kept in the folder `--vectors`.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor
from tqdm import tqdm

from action_recognition.actions import label_for_folder
from action_recognition.cli.options import add_model_option
from action_recognition.clips import WHOLE_FRAMES, grid_frames
from action_recognition.datasets.background import spread
from action_recognition.datasets.folders import load_data
from action_recognition.datasets.manifest import Clip
from action_recognition.evaluation.segment_metrics import Matches, match_segments
from action_recognition.models.hybridnet import HybridNet
from action_recognition.models.model_file import Model, find_model, load_model
from action_recognition.models.stored_network import restored
from action_recognition.models.torch_runtime import TorchRuntime
from action_recognition.training.answers import trunk_vectors
from action_recognition.training.films import TrunkVideo, join_films, learn_films, measure
from action_recognition.training.networks import with_recurrent
from action_recognition.video import Video
from measuring import mean_and_spread, print_table

VARIANTS = {"none": (0, 0), "LSTM": (96, 0), "GRU": (0, 64), "LSTM, then GRU": (96, 64)}
FALL = label_for_folder("fall_floor")
FILMS = 200  # that are measured
ORDER_EPOCHS, ORDER_BATCH, ORDER_RATE, ORDER_DECAY = 15, 32, 1e-3, 0.02

Vectors = NDArray[np.float32]  # (T, features)
Pair = tuple[Vectors, Vectors]  # of a video, and of the same video reversed
Examples = tuple[Tensor, Tensor, Tensor]  # vectors (N, T, features), lengths (N,), targets (N,)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", nargs="+", help="folders of class folders, CSV files")
    parser.add_argument("--vectors", type=Path, required=True, help="folder for the vectors")
    parser.add_argument("--videos", type=int, help="of each class and split, at most")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=10, help="on films")
    add_model_option(parser)
    options = parser.parse_args()
    path = find_model(options.model)
    model = load_model(path)
    manifest = load_data(options.data, check=False)
    splits: dict[str, list[Clip]] = {}
    for split in ("train", "val", "test"):
        clips = [c for c in manifest.split(split) if c.label in model.classes]
        splits[split] = spread(clips, options.videos) if options.videos else clips
    every = [c for clips in splits.values() for c in clips]
    pairs = read_vectors(model, [c.path for c in every], options.vectors / f"{path.stem}.npz")

    print(f"{', '.join(f'{split} {len(clips)}' for split, clips in splits.items())} videos\n")
    seeds = range(options.seeds)
    print_films(model, list(splits.values()), pairs, options.epochs, seeds)
    print_orders(model, [*splits["train"], *splits["val"]], splits["test"], pairs, seeds)


def print_films(
    model: Model,
    splits: Sequence[Sequence[Clip]],
    pairs: Mapping[Path, Pair],
    epochs: int,
    seeds: Sequence[int],
) -> None:
    """The first table, of clips of train, val and test."""
    videos = [
        [TrunkVideo(pairs[c.path][0], model.classes.index(c.label)) for c in clips]
        for clips in splits
    ]
    rows = (
        [name, *summary([on_films(model, variant, videos, epochs, seed) for seed in seeds])]
        for name, variant in VARIANTS.items()
    )
    print_table(["recurrent part", "frame accuracy", "loss", "F1@0.5", "accuracy on clips"], rows)


def print_orders(
    model: Model,
    train: Sequence[Clip],
    test: Sequence[Clip],
    pairs: Mapping[Path, Pair],
    seeds: Sequence[int],
) -> None:
    """The second table: a column for each task."""
    tasks: dict[str, tuple[Examples, Examples]] = {}
    for name, only in (("fall or getting up", FALL), ("forward or reversed", None)):
        of = [[pairs[c.path] for c in clips if only in (None, c.label)] for clips in (train, test)]
        if all(of):
            tasks[name] = two_ways(of[0]), two_ways(of[1])
    rows = (
        [name, *summary([[on_order(model, variant, *e, k) for e in tasks.values()] for k in seeds])]
        for name, variant in VARIANTS.items()
    )
    print_table(["recurrent part", *tasks], rows)


def summary(figures: Sequence[Sequence[float]]) -> list[str]:
    """Figures (seeds, columns) -> a cell for each column."""
    return [mean_and_spread(column) for column in zip(*figures, strict=True)]


def read_vectors(model: Model, paths: Sequence[Path], store: Path) -> dict[Path, Pair]:
    """The trunk's vectors of each video and of it reversed; those in the store are taken."""
    network = restored(model.network)
    trunk = torch.cat([w.flatten()[:8].double() for w in network.trunk.parameters()])
    found: dict[Path, Pair] = {}
    if store.exists():
        with np.load(store, allow_pickle=False) as file:
            if np.array_equal(file["trunk"], trunk.detach().numpy()):
                cuts = np.cumsum(file["lengths"])[:-1]
                ways = zip(*(np.split(file[way], cuts) for way in ("ahead", "back")), strict=True)
                found = {Path(str(p)): pair for p, pair in zip(file["paths"], ways, strict=True)}
    missing = [path for path in paths if path not in found]
    runtime = TorchRuntime(network)
    try:
        for path in tqdm(missing, "vectors", file=sys.stderr, disable=None):
            with Video(path) as video:
                grid = islice(grid_frames(video, model.preprocessing), WHOLE_FRAMES)
                frames = np.stack(list(grid))
            back = np.ascontiguousarray(frames[::-1])
            found[path] = trunk_vectors(runtime, frames), trunk_vectors(runtime, back)
    finally:  # what was computed before an interruption is kept, too
        if missing and found:
            store.parent.mkdir(parents=True, exist_ok=True)
            np.savez(
                store,
                trunk=trunk.detach().numpy(),
                paths=[str(path) for path in found],
                lengths=[len(ahead) for ahead, _ in found.values()],
                ahead=np.concatenate([ahead for ahead, _ in found.values()]),
                back=np.concatenate([back for _, back in found.values()]),
            )
    return found


def build(network: HybridNet, variant: tuple[int, int], seed: int) -> HybridNet:
    """The trunk, hidden and dense layer of a network, with new recurrent parts."""
    torch.manual_seed(seed)
    return with_recurrent(network, *variant)


def on_films(
    model: Model,
    variant: tuple[int, int],
    videos: Sequence[Sequence[TrunkVideo]],
    epochs: int,
    seed: int,
) -> tuple[float, ...]:
    """Frame accuracy, loss, F1@0.5 on test films, accuracy on test clips."""
    train, val, test = videos
    network = build(restored(model.network), variant, seed)
    if network.recurrent_dense is not None:
        learn_films(network, train, val, epochs=epochs, seed=seed)
    window = network.architecture.window
    vectors, targets = join_films(test, FILMS, window, np.random.default_rng(2))
    loss, accuracy = measure(network, vectors, targets)
    matches = Matches(0, 0, 0)
    with torch.inference_mode():
        logits = network.answer(vectors, network.start_answer(vectors)).logits
        for truth, found in zip(targets.tolist(), logits.argmax(2).tolist(), strict=True):
            matches += match_segments(truth, found, overlap=0.5)
        x, lengths = pad([v.vectors for v in test])
        answers = clip_logits(network, x, lengths).argmax(1)
    right = answers == torch.tensor([v.target for v in test])
    return accuracy, loss, matches.f1, float(right.float().mean())


def pad(videos: Sequence[Vectors]) -> tuple[Tensor, Tensor]:
    """Zeros after the end of the shorter ones; the network is causal and does not mind."""
    lengths = torch.tensor([len(v) for v in videos])
    return torch.nn.utils.rnn.pad_sequence([torch.from_numpy(v) for v in videos], True), lengths


def clip_logits(network: HybridNet, vectors: Tensor, lengths: Tensor) -> Tensor:
    """The mean over the moments of each clip that `Runtime.answer` takes: (N, classes)."""
    logits = network.answer(vectors, network.start_answer(vectors)).logits
    first = lengths.clamp(max=network.architecture.window) - 1
    moments = torch.arange(vectors.shape[1])
    taken = (moments >= first[:, None]) & (moments < lengths[:, None])
    return (logits * taken[..., None]).sum(1) / taken.sum(1, keepdim=True)


def two_ways(pairs: Sequence[Pair]) -> Examples:
    """Each video forward, target 0, and reversed, target 1."""
    vectors, lengths = pad([ahead for ahead, _ in pairs] + [back for _, back in pairs])
    return vectors, lengths, torch.arange(2).repeat_interleave(len(pairs))


def on_order(
    model: Model, variant: tuple[int, int], train: Examples, test: Examples, seed: int
) -> float:
    """Share of right answers on test."""
    network = HybridNet(replace(model.architecture, classes=2))
    state = restored(model.network).state_dict()
    kept = {name: w for name, w in state.items() if name.startswith(("trunk.", "hidden."))}
    network.load_state_dict(kept, strict=False)
    torch.nn.init.zeros_(network.dense.weight)
    torch.nn.init.zeros_(network.dense.bias)
    network = build(network, variant, seed).requires_grad_(False)
    parts = (network.dense, network.lstm, network.gru, network.recurrent_dense)
    learned = [p for part in parts if part is not None for p in part.parameters()]
    for values in learned:
        values.requires_grad_(True)
    optimizer = torch.optim.AdamW(learned, ORDER_RATE, weight_decay=ORDER_DECAY)
    vectors, lengths, targets = train
    for _ in range(ORDER_EPOCHS):
        for rows in torch.randperm(len(targets)).split(ORDER_BATCH):
            length = int(lengths[rows].max())
            logits = clip_logits(network, vectors[rows, :length], lengths[rows])
            loss = F.cross_entropy(logits, targets[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    with torch.inference_mode():
        answers = clip_logits(network, *test[:2]).argmax(1)
    return float((answers == test[2]).float().mean())


if __name__ == "__main__":
    main()
