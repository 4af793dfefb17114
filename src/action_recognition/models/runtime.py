"""Runs a network for inference: decoded frames in, arrays out.

The only place that handles devices, memory and speed. All inference, evaluation and calibration
runs the network through `Runtime`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from action_recognition.errors import UsageError
from action_recognition.models.device import pick_device
from action_recognition.models.hybridnet import HybridNet, State

_APART = 5  # frames from one of the moments of `answer` to the next
_FRAMES_AT_ONCE = 12  # bounds the memory: some 4 MB of feature maps a frame at 172 pixels


class Answer(NamedTuple):
    """The output of the network at each frame: `Output` as arrays.

    Parameters:
        logits: (B, T, classes) float32.
        likeness: (B, T, classes) float32, see `HybridNet.likeness`.
        features: (B, T, hidden) float32.
        state: the state to continue with; None: the beginning.
    """

    logits: NDArray[np.float32]
    likeness: NDArray[np.float32]
    features: NDArray[np.float32]
    state: State | None


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


class Runtime:
    """A network on a device. Safe to share between threads: it keeps no state.

    Parameters:
        network: its weights are moved to the device, and it is set to eval mode.
        device: "cpu", "cuda" or "auto" (a GPU if there is one).
    """

    def __init__(self, network: HybridNet, *, device: str = "auto") -> None:
        self.device = pick_device(device)
        self.network = network.to(self.device).eval()

    def run(self, frames: NDArray[np.uint8], state: State | None = None) -> Answer:
        """Runs frames (B, T, H, W, 3) uint8 RGB that follow those of `state`.

        T is at least 1. The frames are processed a few at a time, with the same result as at once.
        """
        batch, times = frames.shape[:2]
        piece = max(1, _FRAMES_AT_ONCE // batch)
        found: list[list[NDArray[np.float32]]] = []
        with torch.inference_mode():
            for start in range(0, times, piece):
                x = to_input(torch.from_numpy(frames[:, start : start + piece]).to(self.device))
                output = self.network(x, state)
                state = output.state
                alike = self.network.likeness(output.features)
                parts = (output.logits, alike, output.features)
                found.append([part.cpu().numpy() for part in parts])
        logits, likeness, features = (np.concatenate(part, 1) for part in zip(*found, strict=True))
        return Answer(logits, likeness, features, state)

    def answer(self, clips: NDArray[np.uint8]) -> VideoAnswer:
        """The output of the network for a whole video.

        The mean is taken over the clips and over the frames whose window lies entirely within the
        clip (over the last frame if there is no such frame).

        Parameters:
            clips: (N, T, H, W, 3) uint8 RGB, as returned by `clips.read_clips`.
        """
        answer = self.run(clips)
        first = min(clips.shape[1], self.network.architecture.window) - 1
        means = (part[:, first:].mean((0, 1), dtype=np.float64) for part in answer[:3])
        some = (np.concatenate(part[:, first::_APART]) for part in answer[:2])
        return VideoAnswer(*means, *some)


def to_input(frames: torch.Tensor) -> torch.Tensor:
    """Frames (B, T, H, W, 3) uint8 RGB -> network input (B, T, 3, H, W) float32 in 0..1."""
    if frames.ndim != 5 or frames.shape[-1] != 3 or frames.dtype != torch.uint8:
        raise UsageError(
            f"to_input: frames of shape {tuple(frames.shape)} and type {frames.dtype}, "
            "must be (B, T, H, W, 3) uint8"
        )
    return frames.permute(0, 1, 4, 2, 3).float() / 255
