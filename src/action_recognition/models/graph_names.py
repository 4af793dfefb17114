"""The names of a portable graph's inputs and outputs, and the shapes of its state."""

from __future__ import annotations

from typing import NamedTuple

from action_recognition.models.architecture import Architecture

FRAMES = "frames"
OUTPUTS = ("logits", "likeness", "features", "maps")
STATE_OUTPUT = "next_"  # before the name of a state's input

HEAT_INPUTS = ("maps", "target", "others", "counted")  # of the graph behind heat maps
HEAT_OUTPUT = "evidence"


class Graphs(NamedTuple):
    """The graphs of a network, as the bytes of ONNX models.

    Parameters:
        network: the streaming form, see `graph_export`.
        heat: what heat maps are made of, see `graph_heat_export`.
    """

    network: bytes
    heat: bytes


def state_names(architecture: Architecture) -> list[str]:
    """The inputs that hold the state, in the order of `State`'s tensors."""
    temporal = sum(frames > 1 for *_, frames, _ in architecture.layers)
    names = [f"trunk_{k}" for k in range(temporal)] + ["recent", "seen"]
    if architecture.lstm:
        names += ["lstm_h", "lstm_c"]
    if architecture.gru:
        names += ["gru_h"]
    return names
