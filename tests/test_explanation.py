"""Heat maps: where the network saw an action, at each time step."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from action_recognition.clips import Preprocessing
from action_recognition.dashboard.figure import WALL, jumping
from action_recognition.errors import UsageError
from action_recognition.models.saliency import heat_maps
from action_recognition.models.hybridnet import HybridNet
from action_recognition.recognition.recognizer import Recognizer
from tiny_network import TINY

SMALL = Preprocessing(frames=4, interval_s=0.1, size=32)


@pytest.fixture(scope="module")
def shipped() -> Recognizer:
    return Recognizer.load(device="cpu")


def figure_at(places: np.ndarray, preprocessing: Preprocessing) -> np.ndarray:
    """A clip (1, T, H, W, 3) of a figure that does jumping jacks, its centre at x of `places`."""
    size, frames = preprocessing.size, []
    for k, x in enumerate(places):
        figure = jumping(k * preprocessing.interval_s).crop((400, 120, 880, 900)).resize((80, 130))
        picture = Image.new("RGB", (size, size), WALL)
        picture.paste(figure, (round(x * size - figure.width / 2), 20))
        frames.append(np.asarray(picture))
    return np.stack(frames)[None]


@pytest.mark.parametrize(("start", "end"), [(0.25, 0.75), (0.75, 0.25)])
def test_the_heat_moves_with_the_moving_thing(
    shipped: Recognizer, start: float, end: float
) -> None:
    model = shipped.model
    places = np.linspace(start, end, model.preprocessing.frames)
    clip = figure_at(places, model.preprocessing)
    target = shipped.classes.index("Jumping Jack")
    heat = heat_maps(
        model.network, clip, model.preprocessing, target, answers=len(shipped.classes)
    )[0]
    x = (np.arange(heat.shape[2]) + 0.5) / heat.shape[2]
    centres = (heat.sum(1) * x).sum(1) / heat.sum((1, 2))  # of each frame
    assert np.corrcoef(places, centres)[0, 1] > 0.9
    assert np.abs(centres - places).max() < 0.2


def test_values(shipped: Recognizer) -> None:
    model = shipped.model
    clips = figure_at(np.full(8, 0.5), model.preprocessing).repeat(2, 0)
    heat = heat_maps(model.network, clips, model.preprocessing, 0)
    assert heat.shape == clips.shape[:-1]
    assert heat.dtype == np.float32
    assert heat.min() >= 0
    assert heat[0].max() == pytest.approx(1)
    assert np.array_equal(heat[0], heat[1])


@pytest.mark.parametrize(
    "change", [{}, {"difference": False}, {"lstm": 0, "gru": 0}, {"shared_blocks": 0}]
)
def test_any_network(change: dict[str, object]) -> None:
    torch.manual_seed(0)
    network = HybridNet(replace(TINY, **change)).eval()
    clips = np.random.default_rng(0).integers(0, 256, (2, 4, 32, 32, 3), dtype=np.uint8)
    before = {k: w.clone() for k, w in network.state_dict().items()}
    heat = heat_maps(network, clips, SMALL, 1)
    assert heat.shape == (2, 4, 32, 32)
    assert all(p.grad is None for p in network.parameters())
    assert all(torch.equal(before[k], w) for k, w in network.state_dict().items())


def test_a_class_that_is_not_there() -> None:
    network = HybridNet(TINY).eval()
    clips = np.zeros((1, 4, 32, 32, 3), dtype=np.uint8)
    for target in (-1, TINY.classes):
        with pytest.raises(UsageError, match=f"target={target}"):
            heat_maps(network, clips, SMALL, target)
    with pytest.raises(UsageError, match="target=2"):  # a background class is no answer
        heat_maps(network, clips, SMALL, 2, answers=2)


def test_background_classes_have_no_say_where_they_are_no_answers() -> None:
    torch.manual_seed(0)
    network = HybridNet(TINY).eval()
    clips = np.random.default_rng(0).integers(0, 256, (1, 4, 32, 32, 3), dtype=np.uint8)
    before = heat_maps(network, clips, SMALL, 0, answers=2)
    with torch.no_grad():
        network.dense.weight[2] += 5 * torch.randn_like(network.dense.weight[2])
    assert np.array_equal(before, heat_maps(network, clips, SMALL, 0, answers=2))
    assert not np.allclose(before, heat_maps(network, clips, SMALL, 0))
