"""The names of a portable graph's inputs and outputs, and the shapes of its state."""

from __future__ import annotations

from action_recognition.models.architecture import Architecture

FRAMES = "frames"
OUTPUTS = ("logits", "likeness", "features", "maps")
STATE_OUTPUT = "next_"  # before the name of a state's input


def state_names(architecture: Architecture) -> list[str]:
    """The inputs that hold the state, in the order of `State`'s tensors."""
    temporal = sum(frames > 1 for *_, frames, _ in architecture.layers)
    names = [f"trunk_{k}" for k in range(temporal)] + ["recent", "seen"]
    if architecture.lstm:
        names += ["lstm_h", "lstm_c"]
    if architecture.gru:
        names += ["gru_h"]
    return names
