"""The network as a picture, drawn from the network itself: each part with the shape it gives."""

from __future__ import annotations

import torch

from action_recognition.clips import Preprocessing
from action_recognition.dashboard.colours import text_colour
from action_recognition.models.hybridnet import HybridNet

_SIGN = "\N{MULTIPLICATION SIGN}"


def parts(network: HybridNet, preprocessing: Preprocessing) -> list[tuple[str, str]]:
    """(name, shape of what it gives) of each part, in the order in which a clip meets them.

    The shapes are those of one clip of zeros that is put through the network, early parts first.
    """
    size, frames = preprocessing.size, preprocessing.frames
    device = network.dense.weight.device
    clip = torch.zeros(1, 3, frames, size, size, device=device)
    with torch.inference_mode():
        early = network.early(clip)
        vectors = network.late(early)
        found = [("Clip", _shape(frames, size, size, 3))]
        streams, channels, height, width = early.shape[1], *early.shape[3:]
        split = "frames and differences" if streams == 2 else "frames"
        found.append(
            (
                f"Shared blocks ({network.shared}), for {split}",
                f"{streams} {_SIGN} {_shape(frames, height, width, channels)}",
            )
        )
        late = len(network.blocks) - network.shared
        kind = "3D" if network.architecture.conv3d else "2D"
        found.append((f"{kind} blocks ({late}) of each stream", _shape(*vectors.shape[1:])))
        x = vectors.float()
        for name, layer in (("LSTM", network.lstm), ("GRU", network.gru)):
            if layer is not None:
                x, _ = layer(x)
                found.append((name, _shape(*x.shape[1:])))
    outputs = network.architecture.classes
    skip = ", and the mean of the blocks' vectors" if network.skip else ""
    found.append((f"Dense layer (reads the mean over time{skip})", f"{outputs}"))
    return found


def as_dot(network: HybridNet, preprocessing: Preprocessing, *, dark: bool) -> str:
    """The same as a graph in the DOT language."""
    text, line = text_colour(dark=dark), "#9fb3c8" if dark else "#52667a"
    lines = [
        "digraph {",
        '  bgcolor="transparent"; rankdir="TB"; ranksep=0.25;',
        f'  node [shape=box style=rounded fontname="sans-serif" fontsize=12 color="{line}" '
        f'fontcolor="{text}"];',
        f'  edge [color="{line}" arrowsize=0.6];',
    ]
    drawn = parts(network, preprocessing)
    lines += [f'  p{k} [label="{name}\\n{shape}"];' for k, (name, shape) in enumerate(drawn)]
    lines += [f"  p{k} -> p{k + 1};" for k in range(len(drawn) - 1)]
    if network.skip:
        lines.append(f"  p2 -> p{len(drawn) - 1} [style=dashed];")
    if network.fisher_dense is not None:
        vectors = f"{network.fisher_dense.in_features} for a clip"
        lines += [
            f'  f [label="Fisher vectors of local patterns\\n{vectors}"];',
            '  d [label="Dense layer of their own\\nadded to the answer"];',
            f"  p1 -> f; f -> d; d -> p{len(drawn) - 1} [style=dashed];",
        ]
    return "\n".join([*lines, "}"])


def _shape(*sides: int) -> str:
    return f" {_SIGN} ".join(str(n) for n in sides)
