"""The convolutions against PyTorch's own."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from action_recognition.layers import SpatialConv, TemporalConv


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_training_and_inference_of_temporal_conv_agree(dtype) -> None:
    torch.manual_seed(0)
    layer = TemporalConv(6)
    nn.init.normal_(layer.weight)
    x = torch.randn(2 * 5, 6, 4, 3).to(dtype)
    trained = layer(x, 5)
    with torch.no_grad():
        inferred = layer(x, 5)
    exact = F.conv3d(
        x.float().view(2, 5, 6, 4, 3).transpose(1, 2), layer.weight, padding=(1, 0, 0), groups=6
    )
    tolerance = 1e-5 if dtype == torch.float32 else 0.1
    torch.testing.assert_close(trained, inferred, atol=tolerance, rtol=tolerance)
    expected = exact.transpose(1, 2).reshape(10, 6, 4, 3)
    torch.testing.assert_close(inferred.float(), expected, atol=tolerance, rtol=tolerance)


def test_temporal_conv_begins_as_the_identity_and_keeps_clips_apart() -> None:
    layer = TemporalConv(4)
    x = torch.randn(2 * 3, 4, 2, 2)
    torch.testing.assert_close(layer(x, 3), x)
    nn.init.constant_(layer.weight, 1.0)
    changed = x.clone()
    changed[:3] = 0  # the first clip
    torch.testing.assert_close(layer(changed, 3)[3:], layer(x, 3)[3:])


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("kernel", [1, 3])
@pytest.mark.parametrize("side", [7, 8])
def test_folded_batch_norm_is_batch_norm(stride: int, kernel: int, side: int) -> None:
    torch.manual_seed(0)
    layer = SpatialConv(4, 6, kernel, stride=stride).eval()
    nn.init.uniform_(layer.norm.running_var, 0.5, 2)
    nn.init.normal_(layer.norm.running_mean)
    nn.init.normal_(layer.norm.weight)
    nn.init.normal_(layer.norm.bias)
    x = torch.randn(2, 4, side, side)
    total = max(0, (-(-side // stride) - 1) * stride + kernel - side)
    pads = [total // 2, total - total // 2] * 2
    expected = F.relu6(layer.norm(F.conv2d(F.pad(x, pads), layer.conv.weight, stride=stride)))
    torch.testing.assert_close(layer(x), expected, atol=1e-5, rtol=1e-4)
    assert layer(x).shape[-1] == -(-side // stride)


def test_training_uses_the_statistics_of_the_batch() -> None:
    layer = SpatialConv(4, 6, 3)
    before = layer.norm.running_mean.clone()
    out = layer(torch.randn(8, 4, 6, 6) + 3)
    assert not torch.equal(layer.norm.running_mean, before)
    assert out.min() >= 0
    assert out.max() <= 6
