"""LSTM and GRU learn from films: training videos joined one after the other.

The trunk, the hidden layer and the dense layer stay as they are; the recurrent layers learn what to
add to the answer at each moment. What they can add is order and change: where a window reaches
across the border between two actions, its mean is of neither.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from action_recognition.models.hybridnet import HybridNet
from action_recognition.training.divergence import check_loss, check_weights

_FRAMES = 80  # of a film: 16 s at 5 frames a second
_FILMS = 16  # in a step
_VALIDATION_FILMS = 96
_RATE, _DECAY = 2e-3, 0.01
_REMEDY = "do without LSTM and GRU: the same command with --film-epochs 0 --resume"


@dataclass(frozen=True)
class TrunkVideo:
    """One video as the trunk sees it: vectors (T, features) float32, and the index of its class."""

    vectors: NDArray[np.float32]
    target: int


def learn_films(
    network: HybridNet,
    train: Sequence[TrunkVideo],
    validation: Sequence[TrunkVideo],
    *,
    epochs: int,
    seed: int,
    on_epoch: Callable[[int, float], None] | None = None,
) -> dict[str, float]:
    """Trains LSTM, GRU and the layer after them in place; the rest stays as it is.

    The weights of the epoch with the lowest loss on films of validation videos are kept. Where none
    is better than without them, they go on to say nothing. Without validation videos the weights of
    the last epoch are kept.

    Parameters:
        on_epoch: called with (epochs done, loss on validation films).

    Returns:
        loss and accuracy over the moments of validation films, without and with them, and the
        epoch whose weights are kept, 0: none.

    Raises:
        TrainingError: it has diverged.
    """
    parts = [p for p in (network.lstm, network.gru, network.recurrent_dense) if p is not None]
    random = np.random.default_rng(seed)
    torch.manual_seed(seed)
    network.eval().requires_grad_(False)
    for part in parts:
        part.requires_grad_(True)
    learned = [p for part in parts for p in part.parameters()]
    optimizer = torch.optim.AdamW(learned, lr=_RATE, weight_decay=_DECAY)
    steps = max(1, sum(len(s.vectors) for s in train) // (_FRAMES * _FILMS)) * epochs
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, _RATE, total_steps=steps + 1)
    window = network.architecture.window
    held = join_films(validation or train, _VALIDATION_FILMS, window, np.random.default_rng(1))
    best, without = copy.deepcopy(network.state_dict()), measure(network, *held)
    figures = {"loss_without": without[0], "accuracy_without": without[1]}
    (lowest, right), best_epoch = without, 0
    for epoch in range(epochs):
        where = f"in film epoch {epoch + 1}"
        for _ in range(steps // epochs):
            vectors, targets = join_films(train, _FILMS, window, random)
            logits = network.answer(vectors, network.start_answer(vectors)).logits
            loss = F.cross_entropy(logits.flatten(0, 1), targets.flatten(), label_smoothing=0.1)
            check_loss(loss.item(), "loss of LSTM and GRU", where, _REMEDY)
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(learned, 1.0)
            optimizer.step()
            schedule.step()
        now = measure(network, *held)
        check_loss(now[0], "validation loss of LSTM and GRU", where, _REMEDY)
        check_weights(network, where, _REMEDY)
        if now[0] < lowest or not validation:
            (lowest, right), best_epoch = now, epoch + 1
            best = copy.deepcopy(network.state_dict())
        if on_epoch is not None:
            on_epoch(epoch + 1, now[0])
    network.load_state_dict(best)
    network.requires_grad_(True)
    return figures | {"loss_with": lowest, "accuracy_with": right, "best_epoch": best_epoch}


def measure(network: HybridNet, vectors: Tensor, targets: Tensor) -> tuple[float, float]:
    """Loss and accuracy over the moments of films."""
    with torch.inference_mode():
        logits = network.answer(vectors, network.start_answer(vectors)).logits
        logits, targets = logits.flatten(0, 1), targets.flatten()
        loss = F.cross_entropy(logits, targets)
        right = logits.argmax(1) == targets
    return float(loss), float(right.float().mean())


def join_films(
    videos: Sequence[TrunkVideo], films: int, window: int, random: np.random.Generator
) -> tuple[Tensor, Tensor]:
    """Films of videos drawn at random, and the class at each moment.

    The answer at a frame is about the window that ends with it, so what is to be answered is the
    class in the middle of the window.

    Returns:
        vectors (films, 80, features) float32, targets (films, 80) int64.
    """
    width = videos[0].vectors.shape[1]
    vectors = np.zeros((films, _FRAMES, width), np.float32)
    targets = np.zeros((films, _FRAMES), np.int64)
    middles = [t - (min(t + 1, window) - 1) // 2 for t in range(_FRAMES)]
    for film in range(films):
        shown = np.zeros(_FRAMES, np.int64)
        place = 0
        while place < _FRAMES:
            video = videos[int(random.integers(len(videos)))]
            length = min(len(video.vectors), int(random.integers(8, 41)), _FRAMES - place)
            first = int(random.integers(len(video.vectors) - length + 1))
            vectors[film, place : place + length] = video.vectors[first : first + length]
            shown[place : place + length] = video.target
            place += length
        targets[film] = shown[middles]
    return torch.from_numpy(vectors), torch.from_numpy(targets)
