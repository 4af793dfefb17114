"""Runs a network for inference: decoded frames in, arrays out.

All inference, evaluation and calibration goes through a `Runtime`. There are two: `GraphRuntime`
runs a model's portable graph on the CPU and needs no PyTorch; `TorchRuntime` runs the network
itself, on a GPU and in training.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from action_recognition.errors import ModelFileError, UsageError
from action_recognition.models.architecture import Architecture

State = Any  # what a runtime needs to continue: it alone knows what that is

_APART = 5  # frames from one of the moments of `answer` to the next
_PIXELS_AT_ONCE = 12 * 400**2
FRAMES_AT_ONCE = 12  # bounds the memory: some 4 MB of feature maps a frame at 172 pixels


class Answer(NamedTuple):
    """The output of the network at each frame, see `hybridnet.Output`.

    Parameters:
        logits: (B, T, classes) float32.
        likeness: (B, T, classes) float32, see `HybridNet.likeness`.
        features: (B, T, hidden) float32.
        state: the state to continue with; None: the beginning.
    """

    logits: NDArray[np.float32]
    likeness: NDArray[np.float32]
    features: NDArray[np.float32]
    state: State


class VideoAnswer(NamedTuple):
    """The output of the network for a whole video: the mean over its moments, and some of them.

    Parameters:
        logits, likeness: (classes,).
        features: (hidden,).
        moments, moments_likeness: (moments, classes), for moments five frames apart.
    """

    logits: NDArray[np.float64]
    likeness: NDArray[np.float64]
    features: NDArray[np.float64]
    moments: NDArray[np.float32]
    moments_likeness: NDArray[np.float32]


class Runtime(ABC):
    """A network, ready to run. Safe to share between threads: it keeps no state.

    Parameters:
        architecture: of the network.
    """

    def __init__(self, architecture: Architecture) -> None:
        self.architecture = architecture

    @property
    def window(self) -> int:
        """The number of frames that each answer covers."""
        return self.architecture.window

    @abstractmethod
    def step(self, frames: NDArray[np.uint8], state: State) -> Answer:
        """Runs a few frames, (B, T, H, W, 3) uint8 RGB, that follow those of `state`."""

    @abstractmethod
    def evidence(
        self,
        clip: NDArray[np.uint8],
        target: NDArray[np.float32],
        others: NDArray[np.float32],
        counted: NDArray[np.float32],
    ) -> NDArray[np.float32]:
        """What each place of each frame (T, H, W, 3) adds to a score, see `evidence.evidence`.

        Returns:
            (T, h, w), at least 0.
        """

    def run(self, frames: NDArray[np.uint8], state: State = None) -> Answer:
        """Runs frames (B, T, H, W, 3) uint8 RGB that follow those of `state`.

        T is at least 1. The frames are processed a few at a time, with the same result as at once.

        Raises:
            ModelFileError: the network's weights are such that its logits are not finite.
        """
        check_frames(frames)
        batch, times = frames.shape[:2]
        pixels = frames.shape[2] * frames.shape[3]
        piece = max(1, min(FRAMES_AT_ONCE, _PIXELS_AT_ONCE // pixels) // batch)
        found: list[Answer] = []
        for start in range(0, times, piece):
            found.append(self.step(frames[:, start : start + piece], state))
            state = found[-1].state
        logits, likeness, features = (
            np.concatenate([answer[part] for answer in found], 1) for part in range(3)
        )
        if not (np.isfinite(logits).all() and np.isfinite(likeness).all()):
            raise ModelFileError("the model's network gives numbers that are not finite")
        return Answer(logits, likeness, features, state)

    def answer(self, clips: NDArray[np.uint8]) -> VideoAnswer:
        """The output of the network for a whole video.

        The mean is taken over the clips and over the frames whose window lies entirely within the
        clip (over the last frame if there is no such frame).

        Parameters:
            clips: (N, T, H, W, 3) uint8 RGB, as returned by `clips.read_clips`.
        """
        answer = self.run(clips)
        first = min(clips.shape[1], self.window) - 1
        means = (part[:, first:].mean((0, 1), dtype=np.float64) for part in answer[:3])
        some = (np.concatenate(part[:, first::_APART]) for part in answer[:2])
        return VideoAnswer(*means, *some)


def check_frames(frames: NDArray[np.uint8]) -> None:
    """Checks that frames are an array (B, T, H, W, 3) uint8.

    Raises:
        UsageError: they are not.
    """
    if frames.ndim != 5 or frames.shape[-1] != 3 or frames.dtype != np.uint8:
        raise UsageError(
            f"frames have shape {frames.shape} and type {frames.dtype}, "
            "must be (B, T, H, W, 3) uint8"
        )
