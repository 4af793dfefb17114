from __future__ import annotations

import copy
import json
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from action_recognition.clips import Preprocessing
from action_recognition.errors import UsageError
from action_recognition.layers import TemporalConv
from action_recognition.models.hybridnet import (
    Architecture,
    HybridNet,
    count_macs,
    count_parameters,
)
from tiny_network import TINY


@pytest.fixture
def network(tiny_model) -> HybridNet:
    return tiny_model.network


def clip(batch: int = 2, frames: int = 4, size: int = 32, seed: int = 0) -> torch.Tensor:
    return torch.randn(batch, 3, frames, size, size, generator=torch.Generator().manual_seed(seed))


def test_shapes(network) -> None:
    with torch.no_grad():
        assert network(clip()).shape == (2, 3)
        assert network.frame_features(clip()).shape == (2, 4, 64)
        assert network(clip(1, 7, 48)).shape == (1, 3)
        assert network(clip(1, 1)).shape == (1, 3)


@pytest.mark.parametrize(
    "change",
    [
        {"conv3d": False},
        {"lstm": 0},
        {"gru": 0},
        {"skip": False},
        {"lstm": 0, "gru": 0, "conv3d": False},
    ],
)
def test_each_part_can_be_left_out(change: dict) -> None:
    network = HybridNet(replace(TINY, **change)).eval()
    assert network(clip()).shape == (2, 3)
    names = {name.split(".")[0] for name, _ in network.named_parameters()}
    assert ("lstm" in names) == (change.get("lstm", 1) > 0)
    assert ("gru" in names) == (change.get("gru", 1) > 0)
    has_temporal = any(isinstance(m, TemporalConv) for m in network.modules())
    assert has_temporal == change.get("conv3d", True)
    assert count_parameters(network) < count_parameters(HybridNet(TINY))


def test_default_network_keeps_its_budget() -> None:
    network = HybridNet(Architecture(classes=10))
    assert count_parameters(network) <= 6_500_000  # 13 MB as float16
    clip = Preprocessing()
    assert count_macs(network, frames=clip.frames, size=clip.size) <= 3_000_000_000
    assert network.training  # as before the count


@pytest.mark.parametrize("difference", [False, True])
def test_count_macs_agrees_with_a_count_by_hand(difference: bool) -> None:
    architecture = Architecture(
        classes=5, stem=8, stages=((2, 12, 1, 2),), features=20, temporal_from=8, lstm=6, gru=4,
        difference=difference,
    )  # fmt: skip
    network = HybridNet(architecture)
    frames, size = 3, 32
    trunk = (
        16 * 16 * 8 * 3 * 9  # stem, stride 2
        + 16 * 16 * 16 * 8  # expand
        + 8 * 8 * 16 * 9  # depthwise, stride 2
        + 8 * 8 * 12 * 16  # project
        + 8 * 8 * 20 * 12  # last
    )
    streams = 1 + difference
    recurrent = 4 * 6 * (20 * streams + 6) + 3 * 4 * (6 + 4)
    dense = (4 + 20 * streams) * 5  # what the GRU gives, and the skip connection
    by_hand = frames * (trunk * streams + recurrent) + dense
    assert count_macs(network, frames=frames, size=size) == by_hand


def test_temporal_block_stands_where_the_channels_are_enough() -> None:
    network = HybridNet(Architecture(classes=10))
    for block in network.blocks:
        inputs = (block.expand or block.depthwise).conv.in_channels
        assert (block.temporal is not None) == (inputs >= 96)


def test_frozen_norm_keeps_its_statistics_but_learns() -> None:
    network = HybridNet(TINY)
    network.freeze_norm = True
    network.train()
    before = copy.deepcopy(dict(network.named_buffers()))
    network(clip()).sum().backward()
    for name, values in network.named_buffers():
        assert torch.equal(values, before[name]), name
    assert network.stem.norm.weight.grad is not None
    assert network.drop.training
    network.freeze_norm = False
    network.train()
    network(clip())
    assert not torch.equal(network.stem.norm.running_mean, before["stem.norm.running_mean"])


@pytest.mark.parametrize("freeze_norm", [False, True])
def test_gradient_reaches_every_parameter(network, freeze_norm: bool) -> None:
    network.freeze_norm = freeze_norm
    network.train()
    F.cross_entropy(network(clip(4)), torch.tensor([0, 1, 2, 0])).backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().max() > 0, name


def test_a_frame_sees_its_neighbours_only_through_the_temporal_convolution(network) -> None:
    architecture = replace(TINY, difference=False)
    state = {k: w for k, w in network.state_dict().items() if not k.startswith("motion_")}
    state = {k: w for k, w in state.items() if not k.startswith(("lstm.", "dense."))}
    network = HybridNet(architecture).eval()
    network.load_state_dict(state, strict=False)
    x = clip(1, 8)
    changed = x.clone()
    changed[:, :, 4] = 0
    with torch.no_grad():
        moved = (network.frame_features(x) - network.frame_features(changed)).abs().amax(2)[0]
    assert moved[3] > 1e-4
    assert moved[4] > 1e-4
    assert moved[5] > 1e-4
    assert moved[0] < 1e-6  # two temporal layers reach two frames far
    alone = HybridNet(replace(TINY, conv3d=False, difference=False)).eval()
    with torch.no_grad():
        moved = (alone.frame_features(x) - alone.frame_features(changed)).abs().amax(2)[0]
    assert (moved > 1e-6).tolist() == [k == 4 for k in range(8)]


def test_the_second_stream_reads_what_changes() -> None:
    network = HybridNet(replace(TINY, conv3d=False, shared_blocks=0)).eval()
    network.motion_blocks.load_state_dict(network.blocks.state_dict())
    network.motion_last.load_state_dict(network.last.state_dict())
    x = clip(1, 5)
    later = torch.cat([x[:, :, 1:], x[:, :, -1:]], 2)
    here = torch.cat([x[:, :, :-1], x[:, :, -2:-1]], 2)
    with torch.no_grad():
        _, change = network.frame_features(x).chunk(2, dim=2)
        seen, _ = network.frame_features(later - here).chunk(2, dim=2)
    torch.testing.assert_close(change, seen)


def test_streams_share_the_first_blocks_only() -> None:
    network = HybridNet(TINY)
    assert network.shared == 1
    assert len(network.motion_blocks) == len(network.blocks) - 1
    alone = HybridNet(replace(TINY, difference=False))
    assert alone.motion_last is None
    assert len(alone.motion_blocks) == 0


@pytest.mark.parametrize("part", [{"conv3d": False}, {"lstm": 0, "gru": 0}])
def test_order_of_frames_matters(part: dict) -> None:
    torch.manual_seed(1)
    network = HybridNet(replace(TINY, **part)).eval()
    for module in network.modules():
        if isinstance(module, TemporalConv):
            nn.init.normal_(module.weight)
    x = clip(1, 6)
    with torch.no_grad():
        assert (network(x) - network(x.flip(2))).abs().max() > 1e-4


def test_without_3d_and_recurrent_parts_order_does_not_matter() -> None:
    network = HybridNet(replace(TINY, conv3d=False, difference=False, lstm=0, gru=0)).eval()
    x = clip(1, 6)
    with torch.no_grad():
        torch.testing.assert_close(network(x), network(x.flip(2)), atol=1e-5, rtol=1e-4)


def test_clips_of_a_batch_do_not_see_each_other(network) -> None:
    x = clip(3)
    with torch.no_grad():
        together = network(x)
        alone = torch.cat([network(x[k : k + 1]) for k in range(3)])
    torch.testing.assert_close(together, alone, atol=1e-4, rtol=1e-4)


def test_memory_format_does_not_matter(network) -> None:
    x = clip()
    with torch.no_grad():
        other = network(x.contiguous(memory_format=torch.channels_last_3d))
        torch.testing.assert_close(network(x), other, atol=1e-5, rtol=1e-4)


def test_architecture_survives_json() -> None:
    assert Architecture.from_dict(json.loads(json.dumps(TINY.to_dict()))) == TINY


def test_architecture_with_other_fields_is_refused() -> None:
    with pytest.raises(UsageError, match="fields"):
        Architecture.from_dict({**TINY.to_dict(), "layers": 3})


@pytest.mark.parametrize(
    "change",
    [
        {"classes": 0},
        {"classes": 10**9},
        {"lstm": 10**6},
        {"gru": -1},
        {"stem": 0},
        {"features": 1.5},
        {"dropout": 1.0},
        {"dropout": float("nan")},
        {"stages": ()},
        {"stages": ((1, 8, 10**9, 1),)},
        {"stages": ((1, 8, 1),)},
        {"stages": ((1, 8, 1, 0),)},
    ],
)
def test_impossible_architecture_is_refused_by_name(change: dict) -> None:
    """Guards: a size from a model file built a network of it before anything was checked."""
    with pytest.raises(UsageError, match=f"Architecture: {next(iter(change))}="):
        replace(TINY, **change)
