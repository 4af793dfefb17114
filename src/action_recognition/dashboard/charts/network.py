"""The network as a picture: each part with the shape of its output, read off the architecture."""

from __future__ import annotations

from dataclasses import dataclass

from action_recognition.clips import Preprocessing
from action_recognition.dashboard.charts.colours import text_colour
from action_recognition.models.architecture import Architecture

_SIGN = "\N{MULTIPLICATION SIGN}"


@dataclass(frozen=True)
class Part:
    """One part: its name, the shape of what it gives, and the places of the parts that it reads."""

    name: str
    shape: str
    reads: tuple[int, ...]


def parts(architecture: Architecture, preprocessing: Preprocessing) -> list[Part]:
    """The parts in the order in which frames meet them; shapes are those of one window."""
    a, frames, size = architecture, architecture.window, preprocessing.size
    found = [Part("Frames", _shape(frames, size, size, 3), ())]

    def add(name: str, *shape: int, reads: tuple[int, ...] = ()) -> int:
        found.append(Part(name, _shape(*shape), reads or (len(found) - 1,)))
        return len(found) - 1

    for name, channels, side in _trunk(a, size):
        add(name, frames, side, side, channels)
    vectors = add("Convolution, average pooling", frames, a.features)
    recurrent = vectors
    if a.lstm:
        recurrent = add("LSTM", frames, a.lstm)
    if a.gru:
        recurrent = add("GRU", frames, a.gru)
    add(f"Mean over {frames} frames", a.features, reads=(vectors,))
    hidden = add("Hidden layer", a.hidden)
    ends = (hidden,) if recurrent == vectors else (recurrent, hidden)
    add("Dense layer", a.classes, reads=ends)
    return found


def as_dot(architecture: Architecture, preprocessing: Preprocessing, *, dark: bool) -> str:
    """The same as a graph in the DOT language."""
    text, line = text_colour(dark=dark), "#9fb3c8" if dark else "#52667a"
    drawn = parts(architecture, preprocessing)
    return "\n".join(
        [
            "digraph {",
            '  bgcolor="transparent"; rankdir="TB"; ranksep=0.25;',
            f'  node [shape=box style=rounded fontname="sans-serif" fontsize=12 color="{line}" '
            f'fontcolor="{text}"];',
            f'  edge [color="{line}" arrowsize=0.6];',
            *(f'  p{k} [label="{part.name}\\n{part.shape}"];' for k, part in enumerate(drawn)),
            *(f"  p{r} -> p{k};" for k, part in enumerate(drawn) for r in part.reads),
            "}",
        ]
    )


def _trunk(architecture: Architecture, size: int) -> list[tuple[str, int, int]]:
    """(name, channels, side of the feature maps) of the stem, then of the layers of each size."""
    layers = architecture.layers
    side = -(-size // 2)  # the stem halves it, rounded up, as each layer of stride 2 does
    found = [("Stem: 2D convolution", architecture.stem, side)]
    starts = sorted({0, *(k for k, (*_, stride) in enumerate(layers) if stride > 1)})
    for first, end in zip(starts, [*starts[1:], len(layers)], strict=True):
        side = -(-side // layers[first][-1])
        numbers = f"Layer {end}" if end == first + 1 else f"Layers {first + 1} to {end}"
        temporal = any(frames > 1 for _, _, _, frames, _ in layers[first:end])
        kind = "causal 3D" if temporal else "2D"
        found.append((f"{numbers}: {kind} convolutions", layers[end - 1][0], side))
    return found


def _shape(*sides: int) -> str:
    return f" {_SIGN} ".join(str(n) for n in sides)
