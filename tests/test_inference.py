"""The quick network answers as the trained one does, and does no work twice."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from action_recognition.clips import Preprocessing, to_input
from action_recognition.inference import Inference, Kept, TorchParts, fold, single_blocks
from action_recognition.models.hybridnet import HybridNet
from action_recognition.models.model_file import Model, load_model, shipped_model_path
from action_recognition.prefetch import Window
from tiny_network import TINY, build_tiny_model, randomise

SMALL = Preprocessing(frames=4, interval_s=0.1, size=32)


def noise(count: int, size: int = 32, seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (count, size, size, 3), dtype=np.uint8)


class Counting(TorchParts):
    """Counts the pictures that it is given."""

    seen = 0

    def pictures(self, x: torch.Tensor) -> torch.Tensor:
        self.seen += len(x)
        return super().pictures(x)


def inference(network: HybridNet, preprocessing: Preprocessing) -> tuple[Inference, Counting]:
    parts = Counting(network, dtype=torch.float32)
    streams = network.architecture.streams
    return Inference(parts, preprocessing, streams=streams), parts


def exact(network: HybridNet, frames: NDArray[np.uint8], settings: Preprocessing) -> list[object]:
    with torch.inference_mode():
        return [y.double().numpy() for y in network.classify(to_input(frames, settings))]


def test_the_shipped_network_folded_is_exact() -> None:
    model = load_model(shipped_model_path())
    settings = model.preprocessing
    frames = noise(16, settings.size).reshape(2, 8, settings.size, settings.size, 3)
    quick, parts = inference(model.network, settings)
    before = {k: v.clone() for k, v in model.network.state_dict().items()}
    found = quick.clips(frames)
    for one, other in zip(found, exact(model.network, frames, settings), strict=True):
        assert one == pytest.approx(other, abs=1e-4)
    assert parts.seen == 2 * 15  # 8 pictures and 7 differences: the last is not computed again
    assert all(torch.equal(v, before[k]) for k, v in model.network.state_dict().items())


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"difference": False},
        {"shared_blocks": 0},
        {"shared_blocks": 3},  # a convolution over time among them
        {"conv3d": False, "shared_blocks": 3},
        {"lstm": 0, "gru": 0},
        {"fisher": 3, "fisher_width": 8},
    ],
)
@pytest.mark.parametrize("length", [1, 2, 4])
def test_any_network_is_exact(change: dict[str, object], length: int) -> None:
    network = HybridNet(replace(TINY, **change)).eval()
    randomise(network.fisher, network.fisher_dense)
    settings = replace(SMALL, frames=length)
    frames = noise(11 * length).reshape(11, length, 32, 32, 3)
    found = inference(network, settings)[0].clips(frames)
    for one, other in zip(found, exact(network, frames, settings), strict=True):
        assert one == pytest.approx(other, abs=1e-4)


def windows(frames: NDArray[np.uint8], step: int, length: int = 4) -> list[Window]:
    starts = range(0, len(frames) - length + 1, step)
    return [Window(k, k / 10, frames[k : k + length]) for k in starts]


@pytest.mark.parametrize("step", [1, 2, 3, 4, 6])
@pytest.mark.parametrize("at_once", [1, 3])
def test_clips_that_overlap_share_work_and_answer_as_alone(step: int, at_once: int) -> None:
    model = build_tiny_model(SMALL)
    quick, parts = inference(model.network, SMALL)
    frames = noise(25)
    clips = windows(frames, step)
    kept = Kept()
    groups = [clips[k : k + at_once] for k in range(0, len(clips), at_once)]
    found = np.concatenate([quick.windows(group, kept)[0] for group in groups])
    shared, parts.seen = parts.seen, 0
    alone = np.concatenate([quick.windows([clip], Kept())[0] for clip in clips])
    assert found == pytest.approx(alone, abs=1e-4)
    expected = exact(model.network, np.stack([c.frames for c in clips]), SMALL)[0]
    assert found == pytest.approx(expected, abs=1e-4)
    places = {k for clip in clips for k in range(clip.first, clip.first + 4)}
    pairs = {k for clip in clips for k in range(clip.first, clip.first + 3)}
    assert shared == len(places) + len(pairs)
    assert parts.seen == 7 * len(clips)


def test_a_grid_that_begins_anew_takes_nothing_over() -> None:
    """Places return after a pause of the camera, with other pictures."""
    quick, _ = inference(build_tiny_model(SMALL).network, SMALL)
    kept = Kept()
    quick.windows(windows(noise(7), 3)[:1], kept)
    after = [Window(1, 0.1, noise(4, seed=1))]
    assert quick.windows(after, kept)[0] == pytest.approx(quick.windows(after, Kept())[0], abs=1e-4)


def test_memory_does_not_grow() -> None:
    quick, _ = inference(build_tiny_model(SMALL).network, SMALL)
    kept = Kept()
    held = []
    for clip in windows(noise(60), 1):
        quick.windows([clip], kept)
        held.append(len(kept._items))
    assert set(held) == {3 + 2}


def test_pictures_of_another_size_are_no_mistake() -> None:
    network = build_tiny_model(SMALL).network
    quick = inference(network, SMALL)[0]
    for size in (32, 48, 32):
        frames = noise(8, size).reshape(2, 4, size, size, 3)
        expected = exact(network, frames, SMALL)[0]
        assert quick.clips(frames)[0] == pytest.approx(expected, abs=1e-4)


def test_bfloat16_stays_near(tiny_model: Model) -> None:
    frames = noise(40).reshape(10, 4, 32, 32, 3)
    network = tiny_model.network
    parts = TorchParts(network, dtype=torch.bfloat16)
    found, _ = Inference(parts, SMALL, streams=2).clips(frames)
    expected = exact(network, frames, SMALL)[0]
    shares = [np.exp(x) / np.exp(x).sum(1, keepdims=True) for x in (found, expected)]
    assert shares[0] == pytest.approx(shares[1], abs=0.02)
    assert fold(network, torch.bfloat16).dense.weight.dtype == torch.float32


def test_the_part_for_single_pictures_ends_before_time_comes_in() -> None:
    assert single_blocks(load_model(shipped_model_path()).network) == 11
    assert single_blocks(HybridNet(replace(TINY, shared_blocks=0))) == 0
