"""Networks of the field, written from their papers, for timing: the weights are random.

Each takes clips (B, 3, T, H, W) and gives logits (B, classes). `check_parameters` compares their
sizes with the published ones.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

Triple = tuple[int, int, int]


class C3D(nn.Module):
    """Tran et al., "Learning Spatiotemporal Features with 3D Convolutional Networks", ICCV 2015."""

    def __init__(self, classes: int = 101) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        inputs = 3
        for channels, pool in (
            (64, (1, 2, 2)), (128, (2, 2, 2)), (256, None), (256, (2, 2, 2)), (512, None),
            (512, (2, 2, 2)), (512, None), (512, None),
        ):  # fmt: skip
            layers += [nn.Conv3d(inputs, channels, 3, padding=1), nn.ReLU(inplace=True)]
            if pool:
                layers.append(nn.MaxPool3d(pool))
            inputs = channels
        self.layers = nn.Sequential(
            *layers,
            nn.MaxPool3d(2, padding=(0, 1, 1)),
            nn.Flatten(),
            nn.Linear(8192, 4096),
            nn.ReLU(),
            nn.Linear(4096, 4096),
            nn.ReLU(),
            nn.Linear(4096, classes),
        )

    def forward(self, x: Tensor) -> Tensor:
        """(B, 3, T, H, W) -> (B, classes)."""
        return self.layers(x)


class R3D18(nn.Module):
    """R3D-18: Tran et al., "A Closer Look at Spatiotemporal Convolutions", CVPR 2018."""

    def __init__(self, classes: int = 400) -> None:
        super().__init__()
        self.stem = nn.Sequential(*_conv(3, 64, (3, 7, 7), (1, 2, 2)), nn.ReLU())
        blocks: list[nn.Module] = []
        inputs = 64
        for channels, stride in ((64, 1), (128, 2), (256, 2), (512, 2)):
            blocks += [_Residual(inputs, channels, stride), _Residual(channels, channels, 1)]
            inputs = channels
        self.blocks = nn.Sequential(*blocks)
        self.dense = nn.Linear(512, classes)

    def forward(self, x: Tensor) -> Tensor:
        """(B, 3, T, H, W) -> (B, classes)."""
        return self.dense(self.blocks(self.stem(x)).mean((2, 3, 4)))


class _Residual(nn.Module):
    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        steps = (stride, stride, stride)
        self.way = nn.Sequential(
            *_conv(inputs, outputs, (3, 3, 3), steps),
            nn.ReLU(),
            *_conv(outputs, outputs, (3, 3, 3), (1, 1, 1)),
        )
        straight = inputs == outputs and stride == 1
        self.past = nn.Sequential(*([] if straight else _conv(inputs, outputs, (1, 1, 1), steps)))

    def forward(self, x: Tensor) -> Tensor:
        """Feature maps to feature maps."""
        return torch.relu(self.way(x) + self.past(x))


class X3D(nn.Module):
    """X3D-XS and X3D-S, which differ in their input alone: Feichtenhofer, CVPR 2020."""

    def __init__(self, classes: int = 400) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv3d(3, 24, (1, 3, 3), (1, 2, 2), (0, 1, 1), bias=False),
            *_conv(24, 24, (5, 1, 1), (1, 1, 1), groups=24),
            nn.ReLU(),
        )
        blocks: list[nn.Module] = []
        inputs = 24
        for channels, depth in ((24, 3), (48, 5), (96, 11), (192, 7)):
            for k in range(depth):
                blocks.append(_Inverted(inputs, channels, 2 if k == 0 else 1, squeeze=k % 2 == 0))
                inputs = channels
        self.blocks = nn.Sequential(*blocks)
        self.last = nn.Sequential(*_conv(192, 432, (1, 1, 1), (1, 1, 1)), nn.ReLU())
        self.head = nn.Sequential(
            nn.Linear(432, 2048, bias=False), nn.ReLU(), nn.Dropout(0.5), nn.Linear(2048, classes)
        )

    def forward(self, x: Tensor) -> Tensor:
        """(B, 3, T, H, W) -> (B, classes)."""
        return self.head(self.last(self.blocks(self.stem(x))).mean((2, 3, 4)))


class _Inverted(nn.Module):
    def __init__(self, inputs: int, outputs: int, stride: int, *, squeeze: bool) -> None:
        super().__init__()
        inner = int(2.25 * outputs)
        self.way = nn.Sequential(
            *_conv(inputs, inner, (1, 1, 1), (1, 1, 1)),
            nn.ReLU(),
            *_conv(inner, inner, (3, 3, 3), (1, stride, stride), groups=inner),
            _Squeeze(inner) if squeeze else nn.Identity(),
            nn.SiLU(),
            *_conv(inner, outputs, (1, 1, 1), (1, 1, 1)),
        )
        step = (1, stride, stride)
        if inputs != outputs:
            past = _conv(inputs, outputs, (1, 1, 1), step)
        else:
            past = [nn.Conv3d(inputs, outputs, 1, step, bias=False)] if stride > 1 else []
        self.past = nn.Sequential(*past)

    def forward(self, x: Tensor) -> Tensor:
        """Feature maps to feature maps."""
        return torch.relu(self.way(x) + self.past(x))


class _Squeeze(nn.Module):
    """Squeeze and excitation; a sixteenth of the channels, in eights."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        wanted = channels / 16
        width = max(8, int(wanted + 4) // 8 * 8)
        width += 8 * (width < 0.9 * wanted)
        self.way = nn.Sequential(
            nn.Conv3d(channels, width, 1), nn.ReLU(), nn.Conv3d(width, channels, 1), nn.Sigmoid()
        )

    def forward(self, x: Tensor) -> Tensor:
        """Feature maps to feature maps."""
        return x * self.way(x.mean((2, 3, 4), keepdim=True))


class UsualRecipe(nn.Module):
    """What tutorials build in Keras: three 3D convolutions with pooling, LSTM, GRU, dense layer."""

    def __init__(self, classes: int = 10, size: int = 64) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        inputs = 3
        for channels in (32, 64, 128):
            layers += [
                nn.Conv3d(inputs, channels, 3, padding=1), nn.ReLU(), nn.MaxPool3d((1, 2, 2))
            ]  # fmt: skip
            inputs = channels
        self.layers = nn.Sequential(*layers)
        self.lstm = nn.LSTM(128 * (size // 8) ** 2, 128, batch_first=True)
        self.gru = nn.GRU(128, 64, batch_first=True)
        self.dense = nn.Linear(64, classes)

    def forward(self, x: Tensor) -> Tensor:
        """(B, 3, T, H, W) -> (B, classes)."""
        y = self.layers(x).transpose(1, 2).flatten(2)  # (B, T, features)
        return self.dense(self.gru(self.lstm(y)[0])[0][:, -1])


class FrameCnnLstm(nn.Module):
    """MobileNetV2 (Sandler et al., CVPR 2018) on each frame, then an LSTM, then a dense layer."""

    def __init__(self, classes: int = 10, units: int = 128) -> None:
        super().__init__()
        layers = _pixels(3, 32, 3, 2)
        inputs = 32
        for factor, channels, depth, stride in (
            (1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1),
            (6, 160, 3, 2), (6, 320, 1, 1),
        ):  # fmt: skip
            for k in range(depth):
                layers.append(_Bottleneck(inputs, channels, factor, stride if k == 0 else 1))
                inputs = channels
        self.trunk = nn.Sequential(*layers, *_pixels(inputs, 1280, 1, 1))
        self.lstm = nn.LSTM(1280, units, batch_first=True)
        self.dense = nn.Linear(units, classes)

    def forward(self, x: Tensor) -> Tensor:
        """(B, 3, T, H, W) -> (B, classes)."""
        y = self.trunk(x.transpose(1, 2).flatten(0, 1)).mean((2, 3))  # (B T, 1280)
        return self.dense(self.lstm(y.unflatten(0, (len(x), -1)))[0][:, -1])


class _Bottleneck(nn.Module):
    def __init__(self, inputs: int, outputs: int, factor: int, stride: int) -> None:
        super().__init__()
        inner = factor * inputs
        self.way = nn.Sequential(
            *(_pixels(inputs, inner, 1, 1) if factor > 1 else []),
            *_pixels(inner, inner, 3, stride, groups=inner),
            nn.Conv2d(inner, outputs, 1, bias=False),
            nn.BatchNorm2d(outputs),
        )
        self.straight = inputs == outputs and stride == 1

    def forward(self, x: Tensor) -> Tensor:
        """Feature maps to feature maps."""
        return x + self.way(x) if self.straight else self.way(x)


def _pixels(
    inputs: int, outputs: int, kernel: int, stride: int, *, groups: int = 1
) -> list[nn.Module]:
    return [
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU6(inplace=True),
    ]


def _conv(
    inputs: int, outputs: int, kernel: Triple, stride: Triple, *, groups: int = 1
) -> list[nn.Module]:
    padding = (kernel[0] // 2, kernel[1] // 2, kernel[2] // 2)
    return [
        nn.Conv3d(inputs, outputs, kernel, stride, padding, groups=groups, bias=False),
        nn.BatchNorm3d(outputs),
    ]


def check_parameters(networks: Sequence[tuple[nn.Module, float]]) -> None:
    """Raises ValueError where a network is not of its published size (millions) within 1 %."""
    for network, published in networks:
        found = sum(p.numel() for p in network.parameters()) / 1e6
        if abs(found - published) > 0.01 * published:
            raise ValueError(f"{type(network).__name__}: {found:.2f} M, published {published} M")
