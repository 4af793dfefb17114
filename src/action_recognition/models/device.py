"""Chooses the device that a network runs on."""

from __future__ import annotations

import torch

from action_recognition.errors import UsageError


def pick_device(device: str) -> torch.device:
    """The torch device for "auto" (a GPU if there is one), "cpu" or "cuda"."""
    if device not in ("auto", "cpu", "cuda"):
        raise UsageError(f"device={device!r}, must be one of auto, cpu, cuda")
    if device == "cuda" and not torch.cuda.is_available():
        raise UsageError("device='cuda', but PyTorch finds no GPU here; use auto or cpu")
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(device)
