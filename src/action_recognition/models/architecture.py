"""The settings of a HybridNet, from which it can be rebuilt; no more than numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

from action_recognition.errors import UsageError

# (channels, expanded channels, spatial kernel, temporal kernel (1: none), stride) of each layer.
Layers = tuple[tuple[int, int, int, int, int], ...]
MOVINET_A0: Layers = (
    (8, 24, 5, 1, 2),
    (32, 80, 3, 3, 2), (32, 80, 3, 3, 1), (32, 80, 3, 3, 1),
    (56, 184, 3, 5, 2), (56, 112, 3, 3, 1), (56, 184, 3, 3, 1),
    (56, 184, 3, 5, 1), (56, 184, 3, 3, 1), (56, 184, 3, 3, 1), (56, 184, 3, 3, 1),
    (104, 384, 3, 5, 2), (104, 280, 5, 1, 1), (104, 280, 5, 1, 1), (104, 344, 5, 1, 1),
)  # fmt: skip


@dataclass(frozen=True)
class Architecture:
    """The settings of a HybridNet: everything needed to rebuild it.

    Parameters:
        classes: number of classes, the width of the dense layer.
        stem, layers, features: settings of the trunk, see `Backbone`.
        window: number of frames that each answer covers: the current frame and those before it.
        hidden: units of the layer between the mean of the features and the dense layer.
        lstm, gru: units of each; 0 leaves it out.
        pretrained: number of classes of the network that this one started from, whose answers are
            kept for comparison (see `HybridNet.likeness`); 0: not kept.
    """

    classes: int
    stem: int = 8
    layers: Layers = MOVINET_A0
    features: int = 480
    window: int = 16
    hidden: int = 2048
    lstm: int = 0
    gru: int = 0
    pretrained: int = 0

    def __post_init__(self) -> None:
        # A model file can claim anything: sizes are bounded before a network is built of them.
        width = range(1, 65_537)
        for name, good, rule in (
            ("classes", _whole(self.classes, width), "from 1 to 65536"),
            ("stem", _whole(self.stem, width), "from 1 to 65536"),
            ("layers", _good_layers(self.layers),
             "some (channels, expanded, kernel, frames, stride)"),
            ("features", _whole(self.features, width), "from 1 to 65536"),
            ("window", _whole(self.window, range(1, 10_001)), "from 1 to 10000"),
            ("hidden", _whole(self.hidden, width), "from 1 to 65536"),
            ("lstm", _whole(self.lstm, range(65_537)), "from 0 to 65536"),
            ("gru", _whole(self.gru, range(65_537)), "from 0 to 65536"),
            ("pretrained", _whole(self.pretrained, range(65_537)), "from 0 to 65536"),
        ):  # fmt: skip
            if not good:
                raise UsageError(f"Architecture: {name}={getattr(self, name)!r}, must be {rule}")

    @property
    def cut(self) -> int:
        """The last layer that halves the resolution; heat maps are taken before it."""
        return max([1, *(k for k, (*_, stride) in enumerate(self.layers) if stride > 1)])

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Architecture:
        """The inverse of `to_dict`. Raises UsageError for unknown or missing fields."""
        names = {f.name for f in fields(cls)}
        if set(values) != names:
            raise UsageError(
                f"Architecture: fields {sorted(values)}, but {sorted(names)} are needed"
            )
        return cls(**{**values, "layers": tuple(tuple(layer) for layer in values["layers"])})


def same_padding(size: int, kernel: int, stride: int) -> tuple[int, int]:
    """TensorFlow's SAME padding of a side of `size` pixels: before and after it."""
    total = max(0, (-(-size // stride) - 1) * stride + kernel - size)
    return total // 2, total - total // 2


def weight_shapes(architecture: Architecture) -> dict[str, tuple[int, ...]]:
    """The shapes of a network's weights by their names, in the order of its layers."""
    a, shapes = architecture, dict[str, tuple[int, ...]]()

    def layer(name: str, outputs: int, *inputs: int, bias: bool = True) -> None:
        shapes[f"{name}.weight"] = (outputs, *inputs)
        if bias:
            shapes[f"{name}.bias"] = (outputs,)

    def recurrent(name: str, gates: int, inputs: int, units: int) -> None:
        for of, width in (("ih", inputs), ("hh", units)):
            shapes[f"{name}.weight_{of}_l0"] = (gates * units, width)
        for of in ("ih", "hh"):
            shapes[f"{name}.bias_{of}_l0"] = (gates * units,)

    layer("trunk.stem", a.stem, 3, 3, 3)
    inputs = a.stem
    for k, (outputs, expanded, kernel, frames, stride) in enumerate(a.layers):
        name = f"trunk.layers.{k}"
        shapes[f"{name}.scale"] = ()
        layer(f"{name}.expansion", expanded, inputs, 1, 1)
        layer(f"{name}.spatial", expanded, 1, kernel, kernel)
        if frames > 1:
            layer(f"{name}.temporal", expanded, frames)
        layer(f"{name}.projection", outputs, expanded, 1, 1)
        if stride > 1 or inputs != outputs:
            layer(f"{name}.skip", outputs, inputs, 1, 1)
        inputs = outputs
    layer("trunk.head", a.features, inputs, 1, 1)
    if a.lstm:
        recurrent("lstm", 4, a.features, a.lstm)
    if a.gru:
        recurrent("gru", 3, a.lstm or a.features, a.gru)
    layer("hidden", a.hidden, a.features)
    layer("dense", a.classes, a.hidden)
    if a.gru or a.lstm:
        layer("recurrent_dense", a.classes, a.gru or a.lstm, bias=False)
    if a.pretrained:
        layer("pretrained", a.pretrained, a.hidden)
        shapes["typical"] = (a.classes, a.pretrained)
    return shapes


def _whole(value: object, allowed: Sequence[int]) -> bool:
    return type(value) is int and value in allowed  # 4.0 equals 4, but is no size


def _good_layers(layers: Layers) -> bool:
    bounds = (range(1, 65_537), range(1, 65_537), (1, 3, 5, 7), range(1, 17), (1, 2))
    return 1 <= len(layers) <= 100 and all(
        len(layer) == 5 and all(_whole(v, b) for v, b in zip(layer, bounds, strict=True))
        for layer in layers
    )
