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
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from action_recognition.errors import UsageError

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


class SpatialConv(nn.Module):
    """Convolution over height and width of each frame, BatchNorm, and ReLU6 if `active`.

    Padding is TensorFlow's "SAME", which at stride 2 adds more at the bottom and the right: the
    public ImageNet weights of MobileNetV2 expect it. Frames go through as a batch of pictures,
    (B*T, C, H, W), for which the CPU's 2D kernels train four times as fast as its 3D ones.
    """

    def __init__(
        self, inputs: int, outputs: int, kernel: int, *, stride: int = 1, groups: int = 1,
        active: bool = True,
    ) -> None:  # fmt: skip
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, groups=groups, bias=False)
        self.norm = nn.BatchNorm2d(outputs)
        self.active = active

    def forward(self, x: Tensor) -> Tensor:
        """(B*T, inputs, H, W) -> (B*T, outputs, ceil(H/stride), ceil(W/stride))."""
        kernel, stride, norm = self.conv.kernel_size[0], self.conv.stride[0], self.norm
        weight, bias = self.conv.weight, None
        if not norm.training:
            # With fixed statistics BatchNorm is an affine map: fold it into the convolution,
            # which saves a pass over the activations forward and two backward.
            mean, variance = norm.running_mean, norm.running_var
            assert mean is not None
            assert variance is not None  # for the type checker: BatchNorm keeps both here
            gain = norm.weight * torch.rsqrt(variance + norm.eps)
            weight = weight * gain[:, None, None, None]
            bias = norm.bias - mean * gain
        x, padding = pad_same(x, kernel, stride)
        x = F.conv2d(x, weight, bias, stride, padding, groups=self.conv.groups)
        if norm.training:
            x = norm(x)
        return F.relu6(x) if self.active else x


def pad_same(x: Tensor, kernel: int, stride: int) -> tuple[Tensor, int]:
    """Pads (N, C, H, W) as TensorFlow's "SAME" does; what the convolution can do itself, it gives
    back as a number.
    """
    if kernel == 1:
        return x, 0
    pads: list[int] = []
    for side in (x.shape[3], x.shape[2]):
        total = max(0, (-(-side // stride) - 1) * stride + kernel - side)
        pads += [total // 2, total - total // 2]
    if pads == [kernel // 2] * 4:
        return x, kernel // 2
    return F.pad(x, pads), 0


class TemporalConv(nn.Module):
    """Convolution over time, 3x1x1, one kernel for each channel. It begins as the identity.

    `weight` (C, 1, 3, 1, 1) is that of a grouped Conv3d. In training it is computed as three
    products and their sum, whose gradient is far quicker on the CPU.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(channels, 1, 3, 1, 1))
        with torch.no_grad():
            self.weight[:, :, 1] = 1

    def forward(self, x: Tensor, frames: int) -> Tensor:
        """(B*T, C, H, W) -> the same shape; a frame sees its neighbours on both sides."""
        channels, height, width = x.shape[1:]
        x = x.view(-1, frames, channels, height, width)  # (B, T, C, H, W)
        weight = self.weight.to(x.dtype)
        if torch.is_grad_enabled():
            before, here, after = weight.reshape(channels, 3).t().reshape(3, 1, 1, channels, 1, 1)
            padded = F.pad(x, (0, 0, 0, 0, 0, 0, 1, 1))
            x = padded[:, :-2] * before + x * here + padded[:, 2:] * after
        else:
            y = F.conv3d(x.transpose(1, 2), weight, padding=(1, 0, 0), groups=channels)
            x = y.transpose(1, 2)
        return x.reshape(-1, channels, height, width).contiguous(memory_format=torch.channels_last)


class Block(nn.Module):
    """Inverted residual with an optional convolution over time before it.

    temporal 3x1x1 -> expand 1x1 -> per channel 3x3 -> project 1x1, added to the input where the
    shapes agree.
    """

    def __init__(
        self, inputs: int, outputs: int, *, expansion: int, stride: int, temporal: bool
    ) -> None:
        super().__init__()
        hidden = inputs * expansion
        self.temporal = TemporalConv(inputs) if temporal else None
        self.expand = SpatialConv(inputs, hidden, 1) if expansion > 1 else None
        self.depthwise = SpatialConv(hidden, hidden, 3, stride=stride, groups=hidden)
        self.project = SpatialConv(hidden, outputs, 1, active=False)
        self.residual = stride == 1 and inputs == outputs

    def forward(self, x: Tensor, frames: int) -> Tensor:
        """(B*T, inputs, H, W) -> (B*T, outputs, H/stride, W/stride)."""
        y = x if self.temporal is None else self.temporal(x, frames)
        y = y if self.expand is None else self.expand(y)
        y = self.project(self.depthwise(y))
        return x + y if self.residual else y


class HybridNet(nn.Module):
    """The network: clip in, logits out.

    Parameters:
        architecture: its settings; kept as the attribute of the same name.

    The parts stand in the order in which data meets them: `stem`, `blocks`, `last` (the 3D
    trunk), `lstm`, `gru`, `dense`. `motion_blocks` and `motion_last` are the late part of the
    stream of differences.
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
        if not self.dense.weight.is_meta:  # else there are shapes only, nothing to set
            self._initialise()

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

    def frame_features(self, x: Tensor) -> Tensor:
        """The 3D trunk: clip (B, 3, T, H, W) -> one vector for each frame (B, T, width)."""
        return self.late(self.early(x))

    def forward(self, x: Tensor) -> Tensor:
        """Clip (B, 3, T, H, W), normalised, float -> logits (B, classes), float32."""
        return self.classify(x)[0]

    def classify(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """As `forward`; also the mean of the trunk's features (B, width), float32."""
        return self.head(self.frame_features(x))

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
