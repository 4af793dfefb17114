"""HybridNet: 3D convolutions, then LSTM, then GRU over time, then a dense layer.

The trunk is MobileNetV2 (Sandler et al., CVPR 2018, table 2) made three-dimensional: where 96
channels or more come in, a block begins with a convolution over time. A 3D kernel is factored
into a spatial (1x3x3) and a temporal (3x1x1) part, both per channel, which is where the
parameters and the time go in a plain 3x3x3 kernel. Time is never reduced: the LSTM gets one
feature vector for each frame.

There are two streams, as in Simonyan and Zisserman (NIPS 2014), but for the difference of
successive frames in place of optical flow (Wang et al., ECCV 2016, "RGB difference"): what is
seen, and what changes. They share the first blocks of the trunk, and each has late blocks of its
own.

Beside them, a network may have a second opinion: local patterns of both streams as Fisher vectors,
read by a dense layer of its own (`fisher.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

import torch
from torch import Tensor, nn

from action_recognition.errors import UsageError
from action_recognition.fisher import FisherVector, changes
from action_recognition.layers import Block, SpatialConv

# (expansion, channels, blocks, stride of the first block), as in table 2 of the paper.
MOBILENET_V2_STAGES: tuple[tuple[int, int, int, int], ...] = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)


@dataclass(frozen=True)
class Architecture:
    """The settings of a HybridNet: all that is needed to build it again.

    Parameters:
        classes: number of classes, the width of the dense layer.
        stem: channels of the first convolution.
        stages: (expansion, channels, blocks, stride) of each stage of the trunk.
        features: channels of the last convolution of the trunk.
        temporal_from: blocks with at least this many input channels begin with a convolution
            over time.
        difference: a second stream reads the differences of successive frames.
        shared_blocks: the stem and this many first blocks serve both streams.
        conv3d: False leaves out the convolutions over time: a frame-by-frame CNN.
        lstm, gru: units of each, 0 leaves it out.
        dropout: share of features set to zero before LSTM and before the dense layer.
        skip: the dense layer reads the mean of the trunk's features beside what the recurrent
            layers give. A direct path to the trunk: recurrent layers learn slowly from few clips.
        fisher, fisher_width: `kinds` and `width` of the Fisher vectors of each stream, whose dense
            layer adds to the answer. fisher=0 leaves them out.
    """

    classes: int
    stem: int = 32
    stages: tuple[tuple[int, int, int, int], ...] = MOBILENET_V2_STAGES
    features: int = 1280
    temporal_from: int = 96
    conv3d: bool = True
    difference: bool = True
    shared_blocks: int = 13
    lstm: int = 128
    gru: int = 128
    dropout: float = 0.5
    skip: bool = True
    fisher: int = 0
    fisher_width: int = 64

    def __post_init__(self) -> None:
        # A model file can claim anything: sizes are bounded before a network is built of them.
        width = range(1, 65_537)
        for name, good, rule in (
            ("classes", self.classes in width, "from 1 to 65536"),
            ("stem", self.stem in width, "from 1 to 65536"),
            ("features", self.features in width, "from 1 to 65536"),
            ("lstm", self.lstm == 0 or self.lstm in width, "from 0 to 65536"),
            ("gru", self.gru == 0 or self.gru in width, "from 0 to 65536"),
            ("dropout", 0 <= self.dropout < 1, "from 0 to under 1"),
            ("stages", _good_stages(self.stages), "some (expansion, channels, blocks, stride)"),
            ("shared_blocks", self.shared_blocks in range(10_001), "from 0 to 10000"),
            ("fisher", self.fisher == 0 or self.fisher in width, "from 0 to 65536"),
            ("fisher_width", self.fisher_width in width, "from 1 to 65536"),
        ):
            if not good:
                raise UsageError(f"Architecture: {name}={getattr(self, name)!r}, must be {rule}")

    @property
    def streams(self) -> int:
        """2 with the differences of frames, else 1."""
        return 2 if self.difference else 1

    @property
    def width(self) -> int:
        """Length of the vector that the trunk gives for a frame: the streams side by side."""
        return self.features * self.streams

    def to_dict(self) -> dict[str, Any]:
        """Plain values, fit for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Architecture:
        """The inverse of `to_dict`. Raises UsageError for unknown or missing fields."""
        names = {f.name for f in fields(cls)}
        if set(values) != names:
            raise UsageError(
                f"Architecture: fields {sorted(values)}, but {sorted(names)} are needed"
            )
        return cls(**{**values, "stages": tuple(tuple(s) for s in values["stages"])})


def _good_stages(stages: tuple[tuple[int, int, int, int], ...]) -> bool:
    bounds = (range(1, 65), range(1, 65_537), range(1, 101), range(1, 5))
    return 1 <= len(stages) <= 100 and all(
        len(stage) == 4 and all(v in bound for v, bound in zip(stage, bounds, strict=True))
        for stage in stages
    )


class HybridNet(nn.Module):
    """The network: clip in, logits out.

    Parameters:
        architecture: its settings; kept as the attribute of the same name.

    The parts stand in the order in which data meets them: `stem`, `blocks`, `last` (the 3D
    trunk), `lstm`, `gru`, `dense`. `motion_blocks` and `motion_last` are the late part of the
    stream of differences. `fisher` and `fisher_dense` are the second opinion.
    """

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        a = architecture
        self.architecture = a
        self.freeze_norm = False
        self.stem = SpatialConv(3, a.stem, 3, stride=2)
        self.blocks = nn.ModuleList(_blocks(a))
        self.shared = min(a.shared_blocks, len(self.blocks))
        self.motion_blocks = nn.ModuleList(_blocks(a)[self.shared :] if a.difference else [])
        inputs = a.stages[-1][1]
        self.last = SpatialConv(inputs, a.features, 1)
        self.motion_last = SpatialConv(inputs, a.features, 1) if a.difference else None
        self.feature_norm = nn.LayerNorm(a.features)
        self.drop = nn.Dropout(a.dropout)
        width = a.width
        self.lstm = nn.LSTM(width, a.lstm, batch_first=True) if a.lstm else None
        width = a.lstm or width
        self.gru = nn.GRU(width, a.gru, batch_first=True) if a.gru else None
        width = a.gru or width
        recurrent = bool(a.lstm or a.gru)
        self.skip = a.skip and recurrent  # without recurrent layers both paths are the same
        self.dense = nn.Linear(width + a.width * self.skip, a.classes)
        vectors = [FisherVector(self.mapped, a.fisher, a.fisher_width) for _ in range(a.streams)]
        self.fisher = nn.ModuleList(vectors if a.fisher else [])
        size = sum(vector.size for vector in vectors)
        self.fisher_dense = nn.Linear(size, a.classes) if a.fisher else None
        if not self.dense.weight.is_meta:  # else there are shapes only, nothing to set
            self._initialise()

    @property
    def mapped(self) -> int:
        """Channels of the maps that `early` gives."""
        last = self.blocks[self.shared - 1].project if self.shared else self.stem
        assert isinstance(last, SpatialConv)
        return last.conv.out_channels

    def order_channels_last(self) -> None:
        """Stores the convolutions' weights in the order in which they are read."""
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def _initialise(self) -> None:
        self.order_channels_last()
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        if self.fisher_dense is not None:  # until it is fitted, it says nothing
            nn.init.zeros_(self.fisher_dense.weight)
            nn.init.zeros_(self.fisher_dense.bias)
        if self.lstm is not None:
            # Forget gates open at the start, so that gradients reach the first frames
            # (Jozefowicz et al., ICML 2015).
            units = self.lstm.hidden_size
            nn.init.ones_(self.lstm.get_parameter("bias_hh_l0").detach()[units : 2 * units])

    def train(self, mode: bool = True) -> HybridNet:
        """As nn.Module.train; BatchNorm keeps its statistics where `freeze_norm` is set."""
        super().train(mode)
        if mode and self.freeze_norm:
            for module in self.modules():
                if isinstance(module, nn.BatchNorm2d):
                    module.eval()
        return self

    def early(self, x: Tensor) -> Tensor:
        """Stem and shared blocks: clip (B, 3, T, H, W) -> maps (B, S, T, C, h, w) of S streams.

        The stream of differences gets, for each frame, the next frame minus it; for the last
        one, the difference before is taken again.
        """
        batch, _, frames, height, width = x.shape
        x = x.transpose(1, 2)  # (B, T, 3, H, W)
        streams = [x]
        if self.architecture.difference:
            later = torch.arange(1, frames + 1, device=x.device).clamp(max=max(frames - 1, 0))
            here = (later - 1).clamp(min=0)
            streams.append(x[:, later] - x[:, here])
        x = torch.stack(streams, 1).reshape(-1, 3, height, width)
        x = x.contiguous(memory_format=torch.channels_last)
        x = self.stem(x)  # (B*S*T, stem, H/2, W/2)
        for block in self.blocks[: self.shared]:
            x = block(x, frames)
        return x.view(batch, len(streams), frames, *x.shape[1:])

    def late(self, x: Tensor) -> Tensor:
        """The rest of the trunk: maps as `early` gives them -> (B, T, features of all streams)."""
        batch, _, frames = x.shape[:3]
        paths = [(self.blocks[self.shared :], self.last)]
        if self.motion_last is not None:
            paths.append((self.motion_blocks, self.motion_last))
        vectors = []
        for (blocks, last), maps in zip(paths, x.unbind(1), strict=True):
            y = maps.flatten(0, 1).contiguous(memory_format=torch.channels_last)
            for block in blocks:
                y = block(y, frames)  # at the end (B*T, 320, H/32, W/32)
            vectors.append(last(y).mean((2, 3)).view(batch, frames, -1))
        return torch.cat(vectors, 2)

    def answer(self, maps: Tensor) -> tuple[Tensor, Tensor]:
        """Maps as `early` gives them -> as `classify`: the sum of the two opinions' logits."""
        logits, features = self.head(self.late(maps))
        if self.fisher_dense is not None:
            logits = logits + self.fisher_logits(self.fisher_vectors(maps))
        return logits, features

    def fisher_vectors(self, maps: Tensor) -> Tensor:
        """Maps as `early` gives them -> (B, values of all streams), float32."""
        weights = changes(maps[:, 0])
        streams = zip(self.fisher, maps.unbind(1), strict=True)
        return torch.cat([vector(stream, weights) for vector, stream in streams], 1)

    def fisher_logits(self, vectors: Tensor) -> Tensor:
        """What Fisher vectors say: (B, classes), float32."""
        assert self.fisher_dense is not None
        with torch.autocast(vectors.device.type, enabled=False):
            logits: Tensor = self.fisher_dense(vectors)
            return logits

    def frame_features(self, x: Tensor) -> Tensor:
        """The 3D trunk: clip (B, 3, T, H, W) -> one vector for each frame (B, T, width)."""
        return self.late(self.early(x))

    def forward(self, x: Tensor) -> Tensor:
        """Clip (B, 3, T, H, W), normalised, float -> logits (B, classes), float32."""
        return self.classify(x)[0]

    def classify(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """As `forward`; also the mean of the trunk's features (B, width), float32."""
        return self.answer(self.early(x))

    def head(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """LSTM, GRU and dense layer: vectors (B, T, width) -> as `classify`."""
        # The recurrent layers cost under a millisecond: float32 keeps their sums exact.
        with torch.autocast(x.device.type, enabled=False):
            streams = x.float().unflatten(2, (self.architecture.streams, -1))
            features = self.feature_norm(streams).flatten(2)  # (B, T, width)
            x = self.drop(features)
            if self.lstm is not None:
                x, _ = self.lstm(x)  # (B, T, lstm)
            if self.gru is not None:
                x, _ = self.gru(x)  # (B, T, gru)
            x, mean = x.mean(1), features.mean(1)  # (B, gru), (B, width)
            if self.skip:
                x = torch.cat([x, mean], 1)  # (B, gru + width)
            return self.dense(self.drop(x)), mean  # (B, classes)


def _blocks(a: Architecture) -> list[Block]:
    """The blocks of one trunk."""
    blocks: list[Block] = []
    inputs = a.stem
    for expansion, channels, repeats, stride in a.stages:
        for k in range(repeats):
            temporal = a.conv3d and bool(blocks) and inputs >= a.temporal_from
            blocks.append(
                Block(
                    inputs, channels, expansion=expansion, stride=stride if k == 0 else 1,
                    temporal=temporal,
                )
            )  # fmt: skip
            inputs = channels
    return blocks


def count_parameters(network: nn.Module) -> int:
    """Number of trained parameters."""
    return sum(p.numel() for p in network.parameters())


def count_macs(network: HybridNet, *, frames: int, size: int) -> int:
    """Multiply-accumulate operations for one clip of frames x size x size pixels.

    Counted by PyTorch's FlopCounterMode (two operations each) for the convolutions and the
    dense layer; the recurrent layers, which it does not see on the CPU, are added by their
    matrix sizes.
    """
    from torch.utils.flop_counter import FlopCounterMode

    was_training = network.training
    network.eval()
    device = network.dense.weight.device
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        network(torch.zeros(1, 3, frames, size, size, device=device))
    network.train(was_training)
    seen = counter.get_flop_counts()
    macs = counter.get_total_flops() // 2
    for name, layer in (("lstm", network.lstm), ("gru", network.gru)):
        if layer is not None and not any(key.endswith(f".{name}") for key in seen):
            macs += frames * sum(w.numel() for w in layer.parameters() if w.ndim == 2)
    return macs
