"""Stored views: what they hold, and when they are drawn anew."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from action_recognition.clips import Preprocessing
from action_recognition.models.hybridnet import HybridNet
from action_recognition.models.runtime import to_input
from action_recognition.training import views as module
from action_recognition.training.footage import Sample
from action_recognition.training.settings import Augmentation, TrainingSettings
from action_recognition.training.views import (
    RandomClips,
    ViewData,
    ViewOrder,
    Views,
    draw_views,
    frozen_layers,
)
from tiny_network import TINY, randomise
from video_maker import time_grey, write_video

PREPROCESSING = Preprocessing(interval_s=0.1, size=32)
SETTINGS = TrainingSettings(tuned_layers=1, views=3, frames=6, workers=0, seed=4)
NONE = Augmentation(speed=1, area=1, aspect=1, flip=False, colour=0)
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def network() -> HybridNet:
    network = HybridNet(TINY)
    randomise(network)
    return network.eval()


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> list[Sample]:
    """A long and a short video, one that is stilled, one that is made, and a picture."""
    folder = tmp_path_factory.mktemp("samples")
    for name, seconds in (("long", 2.0), ("short", 0.4)):
        write_video(folder / f"{name}.mp4", seconds=seconds, fps=10, pattern=time_grey)
    pixels = np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(folder / "picture.png")
    long = folder / "long.mp4"
    return [
        Sample(long, 0),
        Sample(folder / "short.mp4", 1),
        Sample(long, 2, stilled=True),
        Sample(long, 2, made=7),
        Sample(folder / "picture.png", 1),
    ]


def draw(network: HybridNet, samples: list[Sample], folder: Path, **changes: Any) -> Views:
    preprocessing = changes.pop("preprocessing", PREPROCESSING)
    settings = replace(SETTINGS, **changes)
    return draw_views(network, samples, preprocessing, settings, folder, device=CPU)


def same(one: Views, two: Views) -> bool:
    assert one.maps is not None
    assert two.maps is not None
    pairs = ((one.maps, two.maps), (one.lengths, two.lengths), (one.hidden, two.hidden))
    return all(np.array_equal(a, b) for a, b in pairs)


@pytest.fixture(scope="module")
def drawn(
    network: HybridNet, samples: list[Sample], tmp_path_factory: pytest.TempPathFactory
) -> Views:
    return draw(network, samples, tmp_path_factory.mktemp("drawn"))


# -- what they hold ------------------------------------------------------------------------


@pytest.mark.parametrize(("tuned", "frozen"), [(0, 3), (1, 2), (3, 0), (8, 0)])
def test_frozen_layers(network: HybridNet, tuned: int, frozen: int) -> None:
    assert frozen_layers(network, TrainingSettings(tuned_layers=tuned)) == frozen


def test_shapes_and_types(drawn: Views) -> None:
    assert drawn.maps is not None
    assert drawn.maps.shape == (5, 3, 6, 8, 8, 8)  # eight channels after the second layer
    assert (drawn.maps.dtype, drawn.hidden.dtype) == (np.float16, np.float16)
    assert drawn.hidden.shape == (5, 3, TINY.hidden)
    assert len(drawn) == 5
    assert drawn.lengths[0].tolist() == [6, 6, 6]
    assert drawn.lengths[1].min() >= 3  # eight frames, some two apart
    assert drawn.lengths[1].max() <= 5


def test_maps_are_those_of_the_first_layers_and_hidden_that_of_the_last_frame(
    drawn: Views, network: HybridNet, samples: list[Sample]
) -> None:
    assert drawn.maps is not None
    clips = RandomClips(samples, PREPROCESSING, SETTINGS)
    for k in range(len(samples)):
        frames, lengths = clips[k]
        assert lengths.tolist() == drawn.lengths[k].tolist()
        for view, length in enumerate(lengths.tolist()):
            clip = to_input(frames[view : view + 1, :length])
            with torch.inference_mode():
                maps, _ = network.trunk(clip, network.trunk.start(clip), last=2)
                hidden = network(clip).features[0, -1]
            found = drawn.maps[k, view, :length].astype(np.float32)
            np.testing.assert_allclose(found, maps[0].numpy(), rtol=1e-3, atol=1e-3)
            np.testing.assert_allclose(
                drawn.hidden[k, view].astype(np.float32), hidden.numpy(), rtol=1e-3, atol=1e-3
            )


def test_where_every_layer_is_tuned_the_maps_are_the_frames(
    network: HybridNet, samples: list[Sample], tmp_path: Path
) -> None:
    views = draw(network, samples[:1], tmp_path, tuned_layers=3)
    frames, _ = RandomClips(samples[:1], PREPROCESSING, replace(SETTINGS, tuned_layers=3))[0]
    assert views.maps is not None
    np.testing.assert_allclose(views.maps[0] * 255, frames.permute(0, 1, 4, 2, 3), atol=0.1)


def test_without_tuned_layers_there_are_no_maps(
    network: HybridNet, samples: list[Sample], tmp_path: Path
) -> None:
    before = draw(network, samples[:2], tmp_path)
    after = draw(network, samples[:2], tmp_path, tuned_layers=0)
    assert after.maps is None  # not those of the run before
    assert not (tmp_path / "views.npy").exists()
    assert np.array_equal(after.hidden, before.hidden)


# -- which clips ---------------------------------------------------------------------------


@pytest.mark.parametrize("workers", [1, 2])
def test_the_same_clips_however_many_workers(
    workers: int, drawn: Views, network: HybridNet, samples: list[Sample], tmp_path: Path
) -> None:
    torch.manual_seed(99)
    assert same(draw(network, samples, tmp_path, workers=workers), drawn)


def test_views_of_a_video_differ_and_other_seeds_give_others(samples: list[Sample]) -> None:
    clips = RandomClips(samples, PREPROCESSING, SETTINGS)
    for k in range(len(samples)):
        frames, _ = clips[k]
        assert len({frames[view].numpy().tobytes() for view in range(3)}) == 3
    other = RandomClips(samples, PREPROCESSING, replace(SETTINGS, seed=5))
    assert not torch.equal(clips[0][0], other[0][0])


def test_of_a_shorter_clip_the_rest_is_black(samples: list[Sample]) -> None:
    frames, lengths = RandomClips(samples, PREPROCESSING, SETTINGS)[1]
    for view, length in enumerate(lengths.tolist()):
        assert length < 6
        assert frames[view, :length].min() > 0
        assert frames[view, length:].max() == 0


def test_one_view_of_a_stilled_video_is_of_one_frame(samples: list[Sample]) -> None:
    settings = replace(SETTINGS, augmentation=NONE)
    frames, _ = RandomClips(samples, PREPROCESSING, settings)[2]
    levels = frames.float().mean((2, 3, 4))  # (views, frames): grey rises by 5 a frame
    assert torch.diff(levels[0]).abs().max() < 1
    assert torch.diff(levels[1:]).min() > 3
    moving, _ = RandomClips(samples, PREPROCESSING, settings)[0]
    assert torch.diff(moving.float().mean((2, 3, 4))).min() > 3


def test_each_view_of_a_picture_has_a_camera_of_its_own(samples: list[Sample]) -> None:
    settings = replace(SETTINGS, augmentation=NONE, frames=29)  # the whole of its three seconds
    frames, lengths = RandomClips(samples, PREPROCESSING, settings)[4]
    assert lengths.tolist() == [29, 29, 29]
    assert (frames[0].float() - frames[1].float()).abs().mean() > 10


# -- stored and taken up again -------------------------------------------------------------


class DrawnAnewError(Exception):
    pass


@pytest.fixture
def no_drawing(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """From its call on, drawing fails."""

    def refuse(*_: object) -> None:
        raise DrawnAnewError

    return lambda: monkeypatch.setattr(module, "RandomClips", refuse)


@pytest.mark.parametrize(
    "changes",
    [{}, {"workers": 2}, {"epochs": 3}, {"learning_rate": 1.0}, {"memory": 0.0}, {"batch": 1}],
)
def test_they_are_taken_up_again(
    changes: dict[str, Any],
    network: HybridNet,
    samples: list[Sample],
    tmp_path: Path,
    no_drawing: Callable[[], None],
) -> None:
    first = draw(network, samples[:2], tmp_path)
    no_drawing()
    other_targets = [replace(s, target=9) for s in samples[:2]]
    assert same(first, draw(network, other_targets, tmp_path, **changes))


@pytest.mark.parametrize(
    "changes",
    [
        {"views": 2},
        {"frames": 5},
        {"seed": 1},
        {"tuned_layers": 2},
        {"augmentation": Augmentation(flip=False)},
        {"preprocessing": Preprocessing(interval_s=0.2, size=32)},
        {"preprocessing": Preprocessing(interval_s=0.1, size=48)},
    ],
)
def test_other_settings_draw_anew(
    changes: dict[str, Any],
    network: HybridNet,
    samples: list[Sample],
    tmp_path: Path,
    no_drawing: Callable[[], None],
) -> None:
    draw(network, samples[:1], tmp_path)
    no_drawing()
    with pytest.raises(DrawnAnewError):
        draw(network, samples[:1], tmp_path, **changes)


def test_other_samples_draw_anew(
    network: HybridNet, samples: list[Sample], tmp_path: Path, no_drawing: Callable[[], None]
) -> None:
    draw(network, samples[:2], tmp_path)
    no_drawing()
    a, b = samples[:2]
    for changed in ([a], [b, a], [a, replace(b, stilled=True)], [a, replace(b, made=1)]):
        with pytest.raises(DrawnAnewError):
            draw(network, changed, tmp_path)


@pytest.mark.parametrize("part", ["trunk.layers.0.scale", "hidden.bias"])
def test_another_starting_network_draws_anew(
    part: str, samples: list[Sample], tmp_path: Path, no_drawing: Callable[[], None]
) -> None:
    network = HybridNet(TINY).eval()
    randomise(network)
    draw(network, samples[:1], tmp_path)
    no_drawing()
    with torch.no_grad():
        network.dense.weight += 1  # nothing that views are made of
    draw(network, samples[:1], tmp_path)
    with torch.no_grad():
        network.state_dict()[part] += 0.5
    with pytest.raises(DrawnAnewError):
        draw(network, samples[:1], tmp_path)


def test_an_interrupted_drawing_is_begun_anew(
    network: HybridNet, samples: list[Sample], tmp_path: Path, drawn: Views
) -> None:
    draw(network, samples, tmp_path, seed=9)  # those of an older run lie there

    def interrupt(done: int, _: int) -> None:
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        draw_views(
            network, samples, PREPROCESSING, SETTINGS, tmp_path, device=CPU, on_progress=interrupt
        )
    assert same(draw(network, samples, tmp_path), drawn)


def test_progress(network: HybridNet, samples: list[Sample], tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    draw_views(
        network, samples[:3], PREPROCESSING, SETTINGS, tmp_path, device=CPU,
        on_progress=lambda *done: seen.append(done),
    )  # fmt: skip
    assert seen == [(1, 3), (2, 3), (3, 3)]


# -- one epoch -----------------------------------------------------------------------------


def order(views: Views, seed: int, epoch: int) -> list[tuple[int, int]]:
    sampler = ViewOrder(views, seed)
    sampler.set_epoch(epoch)
    return list(sampler)


def test_an_epoch_has_each_sample_once_and_seed_and_epoch_decide_all() -> None:
    views = Views(None, np.ones((40, 3), np.int64), np.zeros((40, 3, 4), np.float16))
    assert len(ViewOrder(views, 0)) == 40
    epochs = [order(views, 0, epoch) for epoch in range(20)]
    for found in epochs:
        assert sorted(sample for sample, _ in found) == list(range(40))
        assert {view for _, view in found} == {0, 1, 2}
    assert {(s, v) for found in epochs for s, v in found} == {
        (s, v) for s in range(40) for v in range(3)
    }
    assert len({tuple(found) for found in epochs}) == 20
    torch.manual_seed(1)
    assert order(views, 0, 7) == epochs[7]
    assert order(views, 1, 7) != epochs[7]


def test_what_sample_and_view_stand_for(drawn: Views, samples: list[Sample]) -> None:
    data = ViewData(drawn, samples)
    assert len(data) == 5
    maps, length, target, hidden = data[1, 2]
    assert drawn.maps is not None
    assert np.array_equal(maps.numpy(), drawn.maps[1, 2])
    assert (length, target) == (drawn.lengths[1, 2], 1)
    assert np.array_equal(hidden.numpy(), drawn.hidden[1, 2])
