"""Runs the network itself, with PyTorch: on a GPU, and in training."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from action_recognition.models.device import pick_device
from action_recognition.models.evidence import evidence
from action_recognition.models.hybridnet import HybridNet, State
from action_recognition.models.runtime import Answer, Runtime, check_frames


class TorchRuntime(Runtime):
    """A network on a device.

    Parameters:
        network: its weights are moved to the device, and it is set to eval mode.
        device: "cpu", "cuda" or "auto" (a GPU if there is one).
    """

    def __init__(self, network: HybridNet, *, device: str = "auto") -> None:
        super().__init__(network.architecture)
        self.device = pick_device(device)
        self.network = network.to(self.device).eval()

    def step(self, frames: NDArray[np.uint8], state: State | None) -> Answer:
        """See `Runtime.step`."""
        with torch.inference_mode():
            output = self.network(to_input(torch.from_numpy(frames).to(self.device)), state)
            alike = self.network.likeness(output.features)
        parts = output.logits, alike, output.features
        logits, likeness, features = (part.cpu().numpy() for part in parts)
        return Answer(logits, likeness, features, output.state)

    def evidence(
        self,
        clip: NDArray[np.uint8],
        target: NDArray[np.float32],
        others: NDArray[np.float32],
        counted: NDArray[np.float32],
    ) -> NDArray[np.float32]:
        """See `Runtime.evidence`."""
        check_frames(clip[None])
        trunk, cut = self.network.trunk, self.architecture.cut
        given = (torch.from_numpy(values).to(self.device) for values in (target, others, counted))
        with torch.no_grad():
            x = to_input(torch.from_numpy(clip[None]).to(self.device))
            maps, _ = trunk(x, trunk.start(x), last=cut)
        found = evidence(self.network, maps, *given)
        return np.asarray(found.cpu().numpy(), np.float32)


def to_input(frames: torch.Tensor) -> torch.Tensor:
    """Frames (B, T, H, W, 3) uint8 RGB -> network input (B, T, 3, H, W) float32 in 0..1."""
    return frames.permute(0, 1, 4, 2, 3).float() / 255
