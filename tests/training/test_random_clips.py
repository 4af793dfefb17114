"""Random clips: what a sample and an epoch stand for, and which of them an epoch takes."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader

from action_recognition.clips import Preprocessing
from action_recognition.errors import VideoError
from action_recognition.models.hybridnet import HybridNet
from action_recognition.models.torch_runtime import TorchRuntime, to_input
from action_recognition.training import random_clips as module
from action_recognition.training.augmentation import random_clip
from action_recognition.training.footage import Sample, read_sample
from action_recognition.training.random_clips import ClipOrder, Place, RandomClips, draw_features
from action_recognition.training.settings import Augmentation, TrainingSettings
from tiny_network import TINY, randomise
from video_maker import time_grey, write_video

pytestmark = pytest.mark.slow  # the whole file: some seconds

Frames = NDArray[np.uint8]
PREPROCESSING = Preprocessing(interval_s=0.1, size=32)
SETTINGS = TrainingSettings(frames=6, workers=0, seed=4)
NONE = Augmentation(speed=1, area=1, aspect=1, flip=False, colour=0)
LONG, SHORT, STILLED, MADE, PICTURE = range(5)


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
        Sample(long, 3, made=7),
        Sample(folder / "picture.png", 1),
    ]


def clips_of(samples: list[Sample], **changes: Any) -> RandomClips:
    return RandomClips(samples, PREPROCESSING, replace(SETTINGS, **changes))


def levels(frames: Tensor) -> Tensor:
    """Mean grey of each frame."""
    return frames.float().mean((1, 2, 3))


# -- a clip --------------------------------------------------------------------------------


def test_shapes_types_and_targets(samples: list[Sample]) -> None:
    clips = clips_of(samples)
    assert len(clips) == 5
    for index, sample in enumerate(samples):
        frames, count, target = clips[index, 0]
        assert frames.shape == (6, 32, 32, 3)
        assert frames.dtype == torch.uint8
        assert type(count) is int
        assert 1 <= count <= 6
        assert target == sample.target
    assert clips[LONG, 0][1] == 6


@pytest.fixture
def sources(monkeypatch: pytest.MonkeyPatch) -> list[Frames]:
    """The footage that clips are drawn from, one after the other."""
    found: list[Frames] = []

    def draw(frames: Frames, *rest: Any, **options: Any) -> Frames:
        found.append(frames)
        return random_clip(frames, *rest, **options)

    monkeypatch.setattr(module, "random_clip", draw)
    return found


def test_its_frames_follow_each_other_in_the_footage(
    samples: list[Sample], sources: list[Frames]
) -> None:
    frames, _, _ = clips_of(samples, augmentation=NONE)[LONG, 0]
    assert np.array_equal(sources[0], read_sample(samples[LONG], PREPROCESSING)[0])
    shown, found = levels(torch.from_numpy(sources[0])), levels(frames)
    off = [float((shown[k : k + 11 : 2] - found).abs().max()) for k in range(len(shown) - 10)]
    assert min(off) < 1 < 3 < max(off)  # they are those from one place on


@pytest.mark.parametrize("workers", [0, 1, 2])
def test_the_same_clips_however_many_workers(samples: list[Sample], workers: int) -> None:
    places = [(index, epoch) for epoch in (5, 0) for index in range(5)]
    torch.manual_seed(workers)
    loaded = DataLoader(clips_of(samples), None, sampler=places, num_workers=workers)
    for place, (frames, count, target) in zip(places, loaded, strict=True):
        torch.manual_seed(99)
        expected = clips_of(samples)[place]
        assert torch.equal(frames, expected[0])
        assert (count, target) == expected[1:]


@pytest.mark.parametrize("index", range(5))
def test_each_epoch_and_each_seed_has_clips_of_its_own(samples: list[Sample], index: int) -> None:
    found = [
        clips_of(samples, seed=seed)[index, epoch][0].numpy().tobytes()
        for seed in (0, 1)
        for epoch in range(6)
    ]
    assert len(set(found)) == 12


def test_two_samples_of_one_video_have_clips_of_their_own(samples: list[Sample]) -> None:
    clips = clips_of([samples[LONG]] * 3)
    assert len({clips[index, 0][0].numpy().tobytes() for index in range(3)}) == 3


def test_a_shorter_clip_is_filled_up_with_black_frames(samples: list[Sample]) -> None:
    clips = clips_of(samples)
    counts = set()
    for epoch in range(12):
        frames, count, _ = clips[SHORT, epoch]
        counts.add(count)
        assert frames[:count].min() > 0
        assert frames[count:].max() == 0
    assert counts == {3, 4, 5}  # of eight frames, some two apart


def test_only_some_clips_of_a_stilled_sample_are_of_one_frame(samples: list[Sample]) -> None:
    clips = clips_of(samples, augmentation=NONE)
    stilled = []
    for epoch in range(80):
        shown = levels(clips[STILLED, epoch][0])
        steps = torch.diff(shown)
        if steps.abs().max() < 1:
            stilled.append(round(float(shown.mean())))
        else:
            assert steps.min() > 3  # the grey rises by 5 a frame
    assert 10 <= len(stilled) <= 30  # a quarter
    assert len(set(stilled)) > 5  # of one frame or another
    for epoch in range(12):
        assert torch.diff(levels(clips[LONG, epoch][0])).min() > 3


def test_a_stilled_frame_is_moved_as_a_picture_is(
    samples: list[Sample], sources: list[Frames], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_STILLED", 1.0)
    _, count, _ = clips_of([replace(samples[PICTURE], stilled=True)])[0, 0]
    assert count == 6
    (film,) = sources
    assert film.shape == (4 * 6, 36, 36, 3)  # room for a clip of any speed
    assert len({frame.tobytes() for frame in film}) == 24


def test_a_made_video_is_another_one_in_each_epoch(
    samples: list[Sample], sources: list[Frames]
) -> None:
    clips = clips_of(samples)
    for epoch in (0, 1, 2, 3, 0):
        assert clips[MADE, epoch][1:] == (6, 3)
    first, *others, again = (frames.tobytes() for frames in sources)
    assert len({first, *others}) == 4
    assert again == first
    assert clips.samples[MADE].made == 7


def test_each_clip_of_a_picture_has_a_camera_of_its_own(samples: list[Sample]) -> None:
    clips = clips_of(samples, augmentation=NONE, frames=29)  # the whole of its three seconds
    first, second = clips[PICTURE, 0], clips[PICTURE, 1]
    assert first[1] == second[1] == 29
    assert (first[0].float() - second[0].float()).abs().mean() > 10


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "bad.mp4").write_bytes(b"no video")
    with pytest.raises(VideoError, match=r"bad\.mp4"):
        clips_of([Sample(tmp_path / "bad.mp4", 0)])[0, 0]


# -- an epoch ------------------------------------------------------------------------------

KNOWN = 2


def many() -> list[Sample]:
    """20 videos of two known classes, then 10 pictures of them, 16 other videos, 14 made ones."""
    return [
        *(Sample(Path(f"{k}.mp4"), k % KNOWN, stilled=k < 5) for k in range(20)),
        *(Sample(Path(f"{k}.jpg"), k % KNOWN) for k in range(10)),
        *(Sample(Path(f"other{k}.mp4"), KNOWN) for k in range(16)),
        *(Sample(Path(f"{k}.mp4"), KNOWN + 1, made=k) for k in range(14)),
    ]


def order(epoch: int = 0, **changes: Any) -> list[Place]:
    sampler = ClipOrder(many(), KNOWN, replace(SETTINGS, **changes))
    sampler.set_epoch(epoch)
    found = list(sampler)
    assert len(sampler) == len(found)
    return found


@pytest.mark.parametrize(("others", "taken"), [(0.0, 0), (0.3, 12), (0.5, 20), (1.0, 40)])
def test_an_epoch_has_each_known_video_and_a_share_of_the_others(others: float, taken: int) -> None:
    for epoch in range(5):
        found = order(epoch, others=others)
        assert {of for _, of in found} == {epoch}
        indices = [index for index, _ in found]
        assert max(Counter(indices).values()) == 1
        assert set(range(20)) <= set(indices)
        assert len(indices) == 20 + taken


def test_each_of_the_others_has_its_turn_and_they_are_mixed_with_the_known() -> None:
    epochs = [[index for index, _ in order(epoch, others=0.25)] for epoch in range(40)]
    taken = Counter(index for epoch in epochs for index in epoch)
    assert set(taken) == set(range(60))
    assert min(taken[k] for k in range(20)) == 40
    assert max(taken[k] for k in range(20, 60)) <= 22  # of 40, 10 on average
    last = [sum(index >= 20 for index in epoch[-10:]) for epoch in epochs]
    assert 2 < np.mean(last) < 4.7  # a third of the epoch


def test_seed_and_epoch_alone_decide_the_order() -> None:
    """So a run that goes on in a later epoch goes on as it would have."""
    torch.manual_seed(0)
    through = ClipOrder(many(), KNOWN, SETTINGS)
    epochs = []
    for epoch in range(6):
        through.set_epoch(epoch)
        epochs.append(list(through))
    torch.manual_seed(1)
    for epoch in (4, 5, 1):
        assert order(epoch) == epochs[epoch]
    assert len({tuple(index for index, _ in found) for found in epochs}) == 6
    assert order(3, seed=5) != epochs[3]


def test_without_others_all_are_taken() -> None:
    only = many()[:20]
    assert sorted(ClipOrder(only, KNOWN, SETTINGS)) == [(index, 0) for index in range(20)]


@pytest.mark.parametrize("workers", [0, 2])
def test_a_loader_gives_the_clips_in_this_order(samples: list[Sample], workers: int) -> None:
    clips = clips_of(samples, others=1.0)
    sampler = ClipOrder(samples, 3, clips.settings)
    sampler.set_epoch(2)
    loaded = DataLoader(clips, 5, sampler=sampler, num_workers=workers)
    ((frames, counts, targets),) = loaded
    for k, place in enumerate(sampler):
        expected = clips[place]
        assert torch.equal(frames[k], expected[0])
        assert (counts[k].item(), targets[k].item()) == expected[1:]


# -- what a network gives of them ----------------------------------------------------------


@pytest.fixture(scope="module")
def runtime() -> TorchRuntime:
    network = HybridNet(TINY)
    randomise(network)
    return TorchRuntime(network, device="cpu")


@pytest.mark.parametrize(("views", "workers"), [(1, 0), (3, 0), (3, 2)])
def test_features_are_those_of_the_last_frame_of_each_clip(
    runtime: TorchRuntime, samples: list[Sample], views: int, workers: int
) -> None:
    clips = clips_of(samples, workers=workers)
    seen: list[tuple[int, int]] = []
    features, targets = draw_features(runtime, clips, views, lambda *done: seen.append(done))
    assert features.shape == (5 * views, TINY.hidden)
    assert features.dtype == np.float32
    assert targets == [0, 1, 2, 3, 1] * views
    assert seen == [(k + 1, 5 * views) for k in range(5 * views)]
    places = [(index, view) for view in range(views) for index in range(5)]
    for found, place in zip(features, places, strict=True):
        frames, count, _ = clips[place]
        with torch.inference_mode():
            expected = runtime.network(to_input(frames[None, :count])).features[0, -1]
        np.testing.assert_allclose(found, expected.numpy(), rtol=1e-4, atol=1e-4)
    assert len(np.unique(features.round(3), axis=0)) == 5 * views  # clips differ
