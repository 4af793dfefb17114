"""The convolutions that the trunk is made of."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


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
