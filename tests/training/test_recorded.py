"""Teachers are shown the clips that the student learns from, and asked about each of them once."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from action_recognition.clips import Preprocessing
from action_recognition.datasets.folders import build_manifest
from action_recognition.datasets.framecache import FrameCache
from action_recognition.datasets.manifest import Clip
from action_recognition.inference import Inference
from action_recognition.models.model_file import Model
from action_recognition.outputs import run_clips
from action_recognition.training.augmentation import Augmentation
from action_recognition.training.distillation import Teachers
from action_recognition.training.drawn import DrawnClips
from action_recognition.training.precompute import RandomMaps
from action_recognition.training.recorded import recorded_answers
from motion import write_motion_data
from tiny_network import build_tiny_model

SMALL = Preprocessing(frames=4, interval_s=0.1, size=32)
LARGE = replace(SMALL, size=64)
COLOURFUL = Augmentation(colour=0.3)


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> list[Clip]:
    folder = tmp_path_factory.mktemp("data")
    return list(build_manifest([write_motion_data(folder, per_class=3)]).clips)


def test_a_teacher_sees_the_same_stretch_crop_and_colour_at_its_own_size(
    clips: list[Clip], tmp_path: Path
) -> None:
    drawn = DrawnClips(clips, FrameCache(tmp_path, SMALL), COLOURFUL, 3, 0)
    seen = drawn.as_read_by(LARGE)[0]
    assert seen.shape == (3, 4, 64, 64, 3)
    halved = seen.numpy().reshape(3, 4, 32, 2, 32, 2, 3).mean((3, 5))
    apart = np.abs(halved - drawn[0].numpy()).mean((1, 2, 3, 4))
    strangers = np.abs(halved[[1, 2, 0]] - drawn[0].numpy()).mean((1, 2, 3, 4))
    assert (3 * apart < strangers).all()
    assert drawn.as_read_by(SMALL) is drawn


def test_answers_are_the_mean_of_the_teachers_for_each_clip(
    clips: list[Clip], tmp_path: Path
) -> None:
    models = [build_tiny_model(SMALL), build_tiny_model(LARGE)]
    classes = list(reversed(models[0].classes))
    models[1] = permuted(models[1])
    drawn = DrawnClips(clips, FrameCache(tmp_path, SMALL), COLOURFUL, 2, 0)
    found = recorded_answers(Teachers.of(models, classes), drawn)
    assert found.shape == (len(clips), 2, 3)
    torch.testing.assert_close(found.sum(2), torch.ones(len(clips), 2))
    expected = 0.0
    for model in models:
        logits, _ = run_clips(
            model.network, drawn.as_read_by(model.preprocessing)[1].numpy(), model.preprocessing
        )
        order = [model.classes.index(name) for name in classes]
        expected = expected + torch.from_numpy(logits[:, order]).softmax(1) / 2
    torch.testing.assert_close(found[1].double(), expected, atol=0.02, rtol=0)


def test_a_teacher_is_asked_once_about_a_clip(
    clips: list[Clip], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = build_tiny_model(SMALL)
    teachers = Teachers.of([model], model.classes)
    drawn = DrawnClips(clips, FrameCache(tmp_path, SMALL), COLOURFUL, 2, 0)
    seen: list[tuple[int, int]] = []
    first = recorded_answers(teachers, drawn, lambda *done: seen.append(done))
    assert seen[-1] == (len(clips), len(clips))
    monkeypatch.setattr(Inference, "clips", None)
    torch.testing.assert_close(recorded_answers(teachers, drawn), first)


def test_maps_come_with_the_answer_to_the_same_clip_and_zeros_for_background(
    clips: list[Clip], tmp_path: Path
) -> None:
    model = build_tiny_model(SMALL)
    target = {label: k for k, label in enumerate(sorted({c.label for c in clips}, reverse=True))}
    target[clips[0].label] = len(model.classes)  # a background class
    cache = FrameCache(tmp_path, SMALL)
    maps = RandomMaps(
        model.network, clips, target, cache, COLOURFUL,
        versions=2, workers=0, teachers=Teachers.of([model], model.classes),
    )  # fmt: skip
    for k, clip in enumerate(clips):
        seen, place, answer = maps[k]
        assert int(place) == target[clip.label]
        if clip.label == clips[0].label:
            assert not answer.any()
            continue
        logits = model.network.head(model.network.late(seen[None].float()))[0]
        torch.testing.assert_close(answer, logits[0].softmax(0), atol=0.02, rtol=0)


def permuted(model: Model) -> Model:
    """The same answers with the classes in another order."""
    order = [2, 0, 1]
    with torch.no_grad():
        for parameter in (model.network.dense.weight, model.network.dense.bias):
            parameter.copy_(parameter[order].clone())
    return replace(model, classes=tuple(model.classes[k] for k in order))
