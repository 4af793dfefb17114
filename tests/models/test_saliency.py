"""Heat maps: where the network saw an action, in each frame."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from action_recognition.errors import UsageError
from action_recognition.models import saliency
from action_recognition.models.architecture import Architecture
from action_recognition.models.hybridnet import HybridNet
from action_recognition.models.torch_runtime import TorchRuntime
from tiny_network import TINY, randomise

Clip = NDArray[np.uint8]
RED, GREEN = (255, 0, 0), (0, 255, 0)


def noise(times: int, height: int = 32, width: int = 32) -> Clip:
    return np.random.default_rng(0).integers(0, 256, (times, height, width, 3), dtype=np.uint8)


def heat_maps(network: HybridNet, clip: Clip, target: int, *, answers: int) -> NDArray[np.float32]:
    """Those of a network, by PyTorch."""
    runtime = TorchRuntime(network, device="cpu")
    return saliency.heat_maps(runtime, clip, target, answers=answers)


@pytest.fixture
def network(tiny_model) -> HybridNet:
    return tiny_model.network


@pytest.fixture(scope="module")
def colours() -> HybridNet:
    """Class 0 is how much red there is, class 1 how much green; frame by frame, place by place."""
    layers = ((2, 2, 3, 1, 2), (2, 2, 3, 1, 2), (2, 2, 3, 1, 2))
    network = HybridNet(
        Architecture(
            classes=2, stem=2, layers=layers, features=2, window=4, hidden=2, lstm=0, gru=0
        )
    ).eval()
    with torch.no_grad():
        for name, values in network.named_parameters():
            if name.endswith("bias"):
                values.zero_()
            elif values.ndim == 4 and values.shape[1] == 1:  # depthwise
                values.fill_(1 / 9)
            elif values.ndim == 4:
                values.copy_(torch.eye(*values.shape[:2])[:, :, None, None] / values[0, 0].numel())
            elif values.ndim == 2:
                values.copy_(torch.eye(2))
    return network


def painted(times: int = 1, **places: tuple[int, int]) -> Clip:
    """Black frames with squares of 16 pixels, their top left corners at (row, column)."""
    clip = np.zeros((times, 64, 64, 3), np.uint8)
    for name, (row, column) in places.items():
        clip[:, row : row + 16, column : column + 16] = {"red": RED, "green": GREEN}[name]
    return clip


def brightest(heat: NDArray[np.float32]) -> tuple[int, int]:
    row, column = np.unravel_index(heat.argmax(), heat.shape)
    return int(row), int(column)


@pytest.mark.parametrize(("row", "column"), [(24, 24), (8, 40), (32, 16)])
def test_the_heat_lies_where_the_evidence_is(colours: HybridNet, row: int, column: int) -> None:
    """Guards: maps were enlarged as if their places were spread evenly, some pixels to the left."""
    (heat,) = heat_maps(colours, painted(red=(row, column), green=(0, 0)), 0, answers=2)
    rows, columns = np.mgrid[:64, :64]
    middle = [float((heat * at).sum() / heat.sum()) for at in (rows, columns)]
    assert middle == pytest.approx([row + 7.5, column + 7.5], abs=1)


def test_places_of_the_shipped_architecture() -> None:
    places = saliency.centres(172, Architecture(classes=2))
    assert len(places) == 11
    assert list(places[[0, -1]]) == [11, 171]


@pytest.mark.parametrize(("red", "green"), [((0, 0), (48, 48)), ((0, 48), (48, 0))])
def test_each_class_lights_the_corner_that_it_sees(
    colours: HybridNet, red: tuple[int, int], green: tuple[int, int]
) -> None:
    clip = painted(red=red, green=green)
    for target, (row, column) in ((0, red), (1, green)):
        (heat,) = heat_maps(colours, clip, target, answers=2)
        top, left = brightest(heat)
        assert row <= top < row + 16
        assert column <= left < column + 16
        corner = heat[row : row + 16, column : column + 16].sum()
        assert corner > 0.5 * heat.sum()
        # A picture of 64 pixels has 8x8 places there: nothing glows two of them away.
        rows, columns = np.mgrid[:64, :64]
        far = np.maximum(abs(rows - row - 7.5), abs(columns - column - 7.5)) > 8 + 24
        assert heat[far].max() == 0


def test_where_nothing_speaks_for_the_action_all_is_dark(colours: HybridNet) -> None:
    assert not heat_maps(colours, painted(red=(8, 8)), 1, answers=2).any()
    assert not heat_maps(colours, painted(), 0, answers=2).any()


def test_the_heat_lies_in_the_frames_that_show_it_and_moves_with_it(colours: HybridNet) -> None:
    clip = painted(8)
    for k in (2, 3, 4):
        clip[k] = painted(red=(24, 8 + 10 * (k - 2)))[0]
    heat = heat_maps(colours, clip, 0, answers=2)
    assert [bool(h.any()) for h in heat] == [2 <= k <= 4 for k in range(8)]
    for k in (2, 3, 4):
        centre = (heat[k].sum(0) * (np.arange(64) + 0.5)).sum() / heat[k].sum()
        assert centre == pytest.approx(8 + 10 * (k - 2) + 8, abs=6)  # a place is 8 wide


@pytest.mark.parametrize("times", [1, 3, 20])
@pytest.mark.parametrize("sides", [(32, 32), (31, 45)])
def test_values(network: HybridNet, times: int, sides: tuple[int, int]) -> None:
    heat = heat_maps(network, noise(times, *sides), 1, answers=3)
    assert heat.shape == (times, *sides)
    assert heat.dtype == np.float32
    assert heat.min() >= 0
    assert heat.max() == pytest.approx(1)
    assert np.array_equal(heat, heat_maps(network, noise(times, *sides), 1, answers=3))


STRIDES = [(1,), (2,), (2, 1), (1, 1), (2, 2)]


@pytest.mark.parametrize("strides", STRIDES)
def test_wherever_the_picture_is_halved(strides: tuple[int, ...]) -> None:
    """Guards: where no layer but the first halves it, the stem ran twice."""
    network = HybridNet(replace(TINY, layers=tuple((8, 16, 3, 3, s) for s in strides))).eval()
    randomise(network)
    heats = [heat_maps(network, noise(5), k, answers=3) for k in range(3)]
    assert all(h.shape == (5, 32, 32) for h in heats)
    assert max(h.max() for h in heats) == pytest.approx(1)


@pytest.mark.parametrize("change", [{}, {"lstm": 0}, {"gru": 0}, {"lstm": 0, "gru": 0}])
def test_the_network_stays_as_it_is(change: dict[str, int]) -> None:
    network = HybridNet(replace(TINY, **change)).eval()
    randomise(network)
    before = {k: w.clone() for k, w in network.state_dict().items()}
    heat_maps(network, noise(6), 1, answers=3)
    assert all(p.grad is None and p.requires_grad for p in network.parameters())
    assert all(torch.equal(before[k], w) for k, w in network.state_dict().items())
    assert not network.training


def test_lstm_and_gru_have_no_part_in_it(network: HybridNet) -> None:
    """They tell of what was before the window."""
    before = heat_maps(network, noise(12), 1, answers=3)
    with torch.no_grad():
        for part in (network.lstm, network.gru, network.recurrent_dense):
            assert part is not None
            for values in part.parameters():
                values.mul_(3)
    assert np.array_equal(heat_maps(network, noise(12), 1, answers=3), before)


def test_a_class_that_is_not_there(network: HybridNet) -> None:
    for target, answers in ((-1, 3), (3, 3), (2, 2), (0, 4)):  # the third: a background class
        with pytest.raises(UsageError, match=f"target={target}"):
            heat_maps(network, noise(4), target, answers=answers)
    with pytest.raises(UsageError, match=r"must be \(B, T, H, W, 3\) uint8"):
        heat_maps(network, noise(4)[0], 0, answers=3)


def test_background_classes_have_no_say(network: HybridNet) -> None:
    clip = noise(4)
    two, three = (heat_maps(network, clip, 0, answers=n) for n in (2, 3))
    with torch.no_grad():
        network.dense.weight[2] += 5
    assert np.array_equal(two, heat_maps(network, clip, 0, answers=2))
    assert not np.allclose(three, heat_maps(network, clip, 0, answers=3))
