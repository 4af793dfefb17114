"""How a network is run for answers: frames as they are decoded in, arrays out.

The one place that knows of devices, memory and speed. Everything that answers, measures or
calibrates runs the network through `Runtime`.
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
    """What the network says at each frame, as `Output`, in arrays.

    Parameters:
        logits: (B, T, classes) float32.
        features: (B, T, hidden) float32.
        state: to go on with; None stands for the beginning.
    """

    logits: NDArray[np.float32]
    features: NDArray[np.float32]
    state: State | None


class Runtime:
    """A network on a device. Safe to share between threads: it remembers nothing.

    Parameters:
        network: its weights are moved to the device; it is set to eval mode.
        device: "cpu", "cuda" or "auto" (a GPU where there is one).
    """

    def __init__(self, network: HybridNet, *, device: str = "auto") -> None:
        self.device = pick_device(device)
        self.network = network.to(self.device).eval()

    def run(self, frames: NDArray[np.uint8], state: State | None = None) -> Answer:
        """Runs frames (B, T, H, W, 3) uint8 RGB that follow those of `state`.

        T is at least 1. Frames go through the network in pieces of a few, which changes nothing.
        """
        batch, times = frames.shape[:2]
        piece = max(1, _FRAMES_AT_ONCE // batch)
        logits, features = [], []
        with torch.inference_mode():
            for start in range(0, times, piece):
                x = to_input(torch.from_numpy(frames[:, start : start + piece]).to(self.device))
                output = self.network(x, state)
                state = output.state
                logits.append(output.logits.cpu().numpy())
                features.append(output.features.cpu().numpy())
        return Answer(np.concatenate(logits, 1), np.concatenate(features, 1), state)

    def answer(
        self, clips: NDArray[np.uint8]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float32]]:
        """What the network says of a whole video, the mean over its moments.

        Parameters:
            clips: (N, T, H, W, 3) uint8 RGB, as `clips.read_clips` gives them.

        Returns:
            logits (classes,) and features (hidden,), averaged over the clips and over the frames
            whose window lies in the clip whole (the last frame where none does); and the logits
            (moments, classes) of some of these, five frames apart.
        """
        logits, features, _ = self.run(clips)
        first = min(clips.shape[1], self.network.architecture.window) - 1
        return (
            logits[:, first:].mean((0, 1), dtype=np.float64),
            features[:, first:].mean((0, 1), dtype=np.float64),
            logits[:, first::_APART].reshape(-1, logits.shape[-1]),
        )


def to_input(frames: torch.Tensor) -> torch.Tensor:
    """Frames (B, T, H, W, 3) uint8 RGB -> network input (B, T, 3, H, W) float32 in 0..1."""
    if frames.ndim != 5 or frames.shape[-1] != 3 or frames.dtype != torch.uint8:
        raise UsageError(
            f"to_input: frames of shape {tuple(frames.shape)} and type {frames.dtype}, "
            "must be (B, T, H, W, 3) uint8"
        )
    return frames.permute(0, 1, 4, 2, 3).float() / 255
