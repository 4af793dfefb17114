"""The causal 3D trunk: MoViNet-A0 (Kondratyuk et al., "MoViNets", CVPR 2021, table 7).

Each 3D convolution is factored into a spatial one, applied to each frame separately, and a temporal
one, applied to each channel separately. The temporal ones are causal: they read a frame and those
before it, never those after it. So each frame is computed once, and all that the next frame needs
is the last few inputs of each temporal convolution, which `forward` takes and returns.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from action_recognition.models.architecture import Layers, same_padding

Sizes = tuple[int, int]  # T, B: numbers of frames and of videos


class SpatialConv(nn.Conv2d):
    """A convolution over the pixels of each frame, with TensorFlow's SAME padding.

    The trunk was trained with this padding: at stride 2 it can add one more pixel at the right and
    the bottom than at the left and the top.
    """

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1):
        super().__init__(inputs, outputs, kernel, stride=stride, groups=groups)

    def forward(self, x: Tensor) -> Tensor:
        """(N, inputs, H, W) -> (N, outputs, ceil(H / stride), ceil(W / stride))."""
        kernel, stride = self.kernel_size[0], self.stride[0]
        if stride == 1:
            padding = kernel // 2
        else:
            rows, columns = (same_padding(n, kernel, stride) for n in x.shape[2:])
            x = F.pad(x, (*columns, *rows))
            padding = 0
        return F.conv2d(x, self.weight, self.bias, stride, padding, 1, self.groups)


class TemporalConv(nn.Module):
    """A causal convolution over time, of each channel and position by itself, and a ReLU6.

    Parameters:
        channels: number of input and output channels.
        frames: number of frames that it reads, the oldest first and the current one last.
    """

    def __init__(self, channels: int, frames: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(channels, frames))
        self.bias = nn.Parameter(torch.zeros(channels))
        with torch.no_grad():  # it begins as the identity
            self.weight[:, -1] = 1

    def forward(self, x: Tensor, before: Tensor, sizes: Sizes) -> tuple[Tensor, Tensor]:
        """x (T*B, C, h, w), before ((frames - 1)*B, C, h, w): inputs of the frames before.

        Returns:
            (T*B, C, h, w), and `before` for the next frames.
        """
        channels, frames = self.weight.shape
        times, batch = sizes
        rows, columns = x.shape[2:]
        x = torch.cat([before, x])
        # As a convolution of a picture whose rows are frames: channels lie last in memory already,
        # and the backward pass is five times as quick as that of a sum of products.
        count, places = times * batch, batch * rows * columns
        y = x.permute(0, 2, 3, 1).reshape(1, frames - 1 + times, places, channels)
        y = F.conv2d(
            y.permute(0, 3, 1, 2), self.weight[:, None, :, None], self.bias, 1, 0, 1, channels
        )
        y = F.relu6(y, inplace=True)
        y = (
            y.permute(0, 2, 3, 1)
            .reshape(times * batch, rows, columns, channels)
            .permute(0, 3, 1, 2)
        )
        return y, x[count:]


class Layer(nn.Module):
    """An inverted residual: expand, convolve over space, then time, project, add the input.

    Parameters:
        inputs, outputs: number of channels.
        expanded: number of channels in between.
        kernel: size of the spatial kernel.
        frames: frames that the temporal convolution reads; 1: there is none.
        stride: stride of the spatial convolution, 1 or 2.
    """

    def __init__(
        self, inputs: int, outputs: int, expanded: int, kernel: int, frames: int, stride: int
    ) -> None:
        super().__init__()
        self.expansion = SpatialConv(inputs, expanded, 1)
        self.spatial = SpatialConv(expanded, expanded, kernel, stride, groups=expanded)
        self.temporal = TemporalConv(expanded, frames) if frames > 1 else None
        self.projection = SpatialConv(expanded, outputs, 1)
        reshaped = stride > 1 or inputs != outputs
        self.skip = SpatialConv(inputs, outputs, 1) if reshaped else None
        self.scale = nn.Parameter(torch.ones(()))
        self.stride = stride

    def forward(
        self, x: Tensor, before: Tensor | None, sizes: Sizes
    ) -> tuple[Tensor, Tensor | None]:
        """x (T*B, inputs, h, w) -> (T*B, outputs, h', w'), and the next `before`."""
        y = F.relu6(self.expansion(x), inplace=True)
        y = F.relu6(self.spatial(y), inplace=True)
        if self.temporal is not None:
            assert before is not None
            y, before = self.temporal(y, before, sizes)
        y = self.projection(y) * self.scale
        if self.skip is not None:
            x = self.skip(_same_average(x) if self.stride == 2 else x)
        return x + y, before


class Backbone(nn.Module):
    """The trunk: frames in, one feature map per frame out.

    Parameters:
        stem: channels of the first convolution.
        layers: see `MOVINET_A0`.
        features: channels of the feature maps.
    """

    def __init__(self, stem: int, layers: Layers, features: int) -> None:
        super().__init__()
        self.stem = SpatialConv(3, stem, 3, stride=2)
        inputs = (stem, *(outputs for outputs, *_ in layers))
        self.layers = nn.ModuleList(
            Layer(before, *layer) for before, layer in zip(inputs, layers, strict=False)
        )
        self.head = SpatialConv(inputs[-1], features, 1)

    def start(self, x: Tensor, *, first: int = 0) -> tuple[Tensor, ...]:
        """The state before the first frame of `x`: all zeros.

        One tensor (B, k - 1, C, h, w) for each layer with a temporal convolution over k frames.

        Parameters:
            x: (B, T, C, H, W), frames or, if `first` > 0, the output of layer `first` - 1.
            first: index of the first layer to run.
        """
        rows, columns = x.shape[3:] if first else (-(-n // 2) for n in x.shape[3:])
        state = []
        for layer in self.layers[first:]:
            assert isinstance(layer, Layer)
            rows, columns = -(-rows // layer.stride), -(-columns // layer.stride)
            if layer.temporal is not None:
                channels, frames = layer.temporal.weight.shape
                state.append(x.new_zeros(x.shape[0], frames - 1, channels, rows, columns))
        return tuple(state)

    def forward(
        self, x: Tensor, state: Sequence[Tensor], *, first: int = 0, last: int | None = None
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Frames (B, T, 3, H, W) -> feature maps (B, T, features, h, w), and the next state.

        Parameters:
            state: that of all layers that run, as returned by `start` or an earlier call.
            first, last: run only layers `first` to `last` (exclusive), for training on the output
                of frozen layers: if `first` > 0, `x` is the output of layer `first` - 1; if `last`
                is given, the result is the output of layer `last` - 1.
        """
        sizes = x.shape[1], x.shape[0]
        x = frame_by_frame(x).contiguous(memory_format=torch.channels_last)
        if first == 0:
            x = F.relu6(self.stem(x), inplace=True)
        x, after = self.run_layers(x, state, sizes, first=first, last=last)
        return video_by_video(x, sizes), after

    def run_layers(
        self,
        x: Tensor,
        state: Sequence[Tensor],
        sizes: Sizes,
        *,
        first: int = 0,
        last: int | None = None,
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """`forward` without the stem, on frames in the order of `frame_by_frame`."""
        given, after = iter(state), []
        for layer in self.layers[first:last]:
            before, kept = None, 0
            if layer.temporal is not None:
                known = next(given)
                before, kept = frame_by_frame(known), known.shape[1]
            x, before = layer(x, before, sizes)
            if before is not None:
                after.append(video_by_video(before, (kept, sizes[1])))
        if last is None:
            x = F.relu6(self.head(x), inplace=True)
        return x, tuple(after)


def frame_by_frame(x: Tensor) -> Tensor:
    """(B, T, ...) -> (T*B, ...): the frames before a frame lie before it."""
    return x.transpose(0, 1).flatten(0, 1)


def video_by_video(x: Tensor, sizes: Sizes) -> Tensor:
    """(T*B, ...) -> (B, T, ...), the inverse of `frame_by_frame`."""
    return x.unflatten(0, sizes).transpose(0, 1)


def _same_average(x: Tensor) -> Tensor:
    """3x3 average with stride 2 that ignores the padding."""
    rows, columns = (same_padding(n, 3, 2) for n in x.shape[2:])
    if rows == columns == (1, 1):
        return F.avg_pool2d(x, 3, 2, padding=1, count_include_pad=False)
    inside = F.pad(torch.ones_like(x[:1, :1]), (*columns, *rows))
    return F.avg_pool2d(F.pad(x, (*columns, *rows)), 3, 2) / F.avg_pool2d(inside, 3, 2)
