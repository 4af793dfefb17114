"""The trunk's layers against plain loops and PyTorch's own, and the trunk in parts and pieces."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from action_recognition.models.architecture import MOVINET_A0
from action_recognition.models.backbone import (
    Backbone,
    Layer,
    SpatialConv,
    TemporalConv,
    same_padding,
)
from tiny_network import TINY


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def tensorflow_padding(size: int, kernel: int, stride: int) -> tuple[int, int]:
    """SAME as TensorFlow's documentation writes it down: by what the last step leaves."""
    total = max(kernel - (size % stride or stride), 0)
    return total // 2, total - total // 2


@pytest.mark.parametrize(
    ("size", "kernel", "stride", "padding"),
    [
        (172, 3, 2, (0, 1)),  # the stem: one more pixel at the right and the bottom
        (86, 5, 2, (1, 2)),
        (43, 3, 2, (1, 1)),
        (22, 3, 2, (0, 1)),
        (11, 3, 2, (1, 1)),
        (8, 7, 2, (2, 3)),
        (7, 5, 2, (2, 2)),
        (1, 3, 2, (1, 1)),
        (2, 1, 2, (0, 0)),
        (3, 1, 2, (0, 0)),
        (9, 5, 1, (2, 2)),
    ],
)
def testsame_padding(size: int, kernel: int, stride: int, padding: tuple[int, int]) -> None:
    assert same_padding(size, kernel, stride) == padding
    assert tensorflow_padding(size, kernel, stride) == padding


def testsame_padding_is_tensorflows_at_every_size() -> None:
    for size in range(1, 60):
        for kernel in (1, 3, 5, 7):
            for stride in (1, 2):
                case = (size, kernel, stride)
                assert same_padding(*case) == tensorflow_padding(*case), case


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("kernel", [1, 3, 5])
@pytest.mark.parametrize("sides", [(7, 8), (8, 5), (1, 2)])
def test_spatial_conv_is_a_sum_over_neighbours(
    sides: tuple[int, int], kernel: int, stride: int
) -> None:
    torch.manual_seed(0)
    layer = SpatialConv(2, 3, kernel, stride)
    x = noise(2, 2, *sides)
    with torch.no_grad():
        found = layer(x).numpy()
    height, width = (-(-n // stride) for n in sides)
    assert found.shape == (2, 3, height, width)
    weight, bias = layer.weight.detach().numpy(), layer.bias.detach().numpy()
    top, left = (tensorflow_padding(n, kernel, stride)[0] for n in sides)
    for i in range(height):
        for j in range(width):
            expected = np.repeat(bias[None], 2, 0).astype(np.float64)
            for a in range(kernel):
                for b in range(kernel):
                    row, column = i * stride - top + a, j * stride - left + b
                    if 0 <= row < sides[0] and 0 <= column < sides[1]:
                        expected += x[:, :, row, column].numpy() @ weight[:, :, a, b].T
            np.testing.assert_allclose(found[:, :, i, j], expected, atol=1e-5)


def test_depthwise_conv_keeps_channels_apart() -> None:
    torch.manual_seed(0)
    layer = SpatialConv(4, 4, 3, 2, groups=4)
    x = noise(1, 4, 9, 6)
    changed = x.clone()
    changed[:, 2] = 0
    with torch.no_grad():
        moved = (layer(x) - layer(changed)).abs().amax((0, 2, 3))
    assert (moved > 0).tolist() == [False, False, True, False]


@pytest.mark.parametrize("frames", [2, 3, 5])
@pytest.mark.parametrize("times", [1, 2, 9])
def test_temporal_conv_is_a_causal_conv1d(frames: int, times: int) -> None:
    layer = TemporalConv(6, frames)
    nn.init.normal_(layer.weight, generator=torch.Generator().manual_seed(1))
    nn.init.normal_(layer.bias, generator=torch.Generator().manual_seed(2))
    x, before = noise(times, 2, 6, 4, 3), noise(frames - 1, 2, 6, 4, 3, seed=3)
    with torch.no_grad():
        found, after = layer(x.flatten(0, 1), before.flatten(0, 1), (times, 2))
        series = torch.cat([before, x]).permute(1, 3, 4, 2, 0).reshape(24, 6, -1)
        exact = F.conv1d(series, layer.weight[:, None], layer.bias, groups=6)
    expected = exact.clamp(0, 6).view(2, 4, 3, 6, times).permute(4, 0, 3, 1, 2).flatten(0, 1)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)
    assert torch.equal(after, torch.cat([before, x])[-(frames - 1) :].flatten(0, 1))


def test_temporal_conv_begins_as_the_identity() -> None:
    x = noise(5 * 2, 4, 2, 2)
    found, _ = TemporalConv(4, 3)(x, noise(2 * 2, 4, 2, 2, seed=1), (5, 2))
    assert torch.equal(found, x.clamp(0, 6))


@pytest.mark.parametrize("sides", [(8, 8), (7, 8), (8, 7), (7, 7), (1, 1), (2, 1)])
def test_the_skip_of_a_halving_layer_averages_real_neighbours_only(sides: tuple[int, int]) -> None:
    layer = Layer(2, 2, 4, 3, 1, 2)
    assert layer.skip is not None
    with torch.no_grad():
        layer.scale.zero_()  # only the skip is left
        layer.skip.weight.copy_(torch.eye(2)[:, :, None, None])
        layer.skip.bias.zero_()
        x = noise(1, 2, *sides)
        found, _ = layer(x.clone(), None, (1, 1))
    top, left = (tensorflow_padding(n, 3, 2)[0] for n in sides)
    assert found.shape[2:] == tuple(-(-n // 2) for n in sides)
    for i in range(found.shape[2]):
        for j in range(found.shape[3]):
            row, column = 2 * i - top, 2 * j - left
            around = x[:, :, max(row, 0) : row + 3, max(column, 0) : column + 3]
            torch.testing.assert_close(found[:, :, i, j], around.mean((2, 3)))


def test_a_layer_that_keeps_its_shape_adds_its_input() -> None:
    layer = Layer(6, 6, 8, 3, 1, 1)
    assert layer.skip is None
    assert layer.temporal is None
    nn.init.zeros_(layer.scale)
    x = noise(2, 6, 5, 5)
    assert torch.equal(layer(x.clone(), None, (1, 2))[0], x)


@pytest.fixture
def trunk(tiny_model) -> Backbone:
    return tiny_model.network.trunk


def test_shapes_of_maps_and_state(trunk: Backbone) -> None:
    x = noise(2, 3, 3, 31, 45)
    state = trunk.start(x)
    # Temporal convolutions over 3 and 5 frames, after two and three halvings: 8x12 and 4x6 places.
    assert [s.shape for s in state] == [(2, 2, 16, 8, 12), (2, 4, 24, 4, 6)]
    assert not any(s.any() for s in state)
    with torch.no_grad():
        maps, after = trunk(x, state)
    assert maps.shape == (2, 3, 32, 4, 6)
    assert [s.shape for s in after] == [s.shape for s in state]


def test_state_of_movinet_a0_at_its_own_size() -> None:
    x = torch.zeros(1, 1, 3, 172, 172)
    state = Backbone(8, MOVINET_A0, 480).start(x)
    temporal = [(e, k - 1) for _, e, _, k, _ in MOVINET_A0 if k > 1]
    assert [(s.shape[2], s.shape[1]) for s in state] == temporal
    assert [s.shape[3] for s in state] == [22] * 3 + [11] * 7 + [6]


@pytest.mark.parametrize("cut", [1, 2, 3])
@pytest.mark.parametrize("times", [1, 5])
def test_first_and_last_layers_make_the_whole(trunk: Backbone, cut: int, times: int) -> None:
    x = noise(2, times, 3, 32, 40)
    state = tuple(torch.rand_like(s) for s in trunk.start(x))
    early = sum(layer.temporal is not None for layer in trunk.layers[:cut])
    with torch.no_grad():
        whole, after = trunk(x, state)
        maps, first = trunk(x, state[:early], last=cut)
        assert maps.shape[2] == TINY.layers[cut - 1][0]
        late, second = trunk(maps, state[early:], first=cut)
    torch.testing.assert_close(late, whole)
    for one, other in zip((*first, *second), after, strict=True):
        torch.testing.assert_close(one, other)


def test_without_temporal_convolutions_frames_do_not_see_each_other() -> None:
    torch.manual_seed(0)
    trunk = Backbone(8, tuple((c, e, k, 1, s) for c, e, k, _, s in TINY.layers), 32)
    x = noise(1, 6, 3, 32, 32)
    assert trunk.start(x) == ()
    changed = x.clone()
    changed[:, 3] = 0
    with torch.no_grad():
        moved = (trunk(x, ())[0] - trunk(changed, ())[0]).abs().amax((0, 2, 3, 4))
    assert (moved > 1e-6).tolist() == [k == 3 for k in range(6)]


def test_a_temporal_convolution_sees_as_far_back_as_it_is_long(trunk: Backbone) -> None:
    x = noise(1, 12, 3, 32, 32)
    changed = x.clone()
    changed[:, 3] = 0
    with torch.no_grad():
        moved = trunk(x, trunk.start(x))[0] - trunk(changed, trunk.start(x))[0]
    seen = (moved.abs().amax((0, 2, 3, 4)) > 1e-6).tolist()
    # Over 3 frames, then over 5: two back, then four.
    assert seen == [3 <= k <= 9 for k in range(12)]
