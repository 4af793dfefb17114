"""Learning from the answers of other networks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from action_recognition.clips import Preprocessing, to_input
from action_recognition.datasets.folders import build_manifest
from action_recognition.datasets.framecache import FrameCache
from action_recognition.errors import DataError
from action_recognition.models.hybridnet import Architecture, HybridNet
from action_recognition.models.model_file import Model, save_model
from action_recognition.training.distillation import (
    Teachers,
    teaching_loss,
    weighted_cross_entropy,
)
from action_recognition.training.fit import fit
from action_recognition.training.module import TrainingModule
from action_recognition.training.settings import TrainingSettings
from motion import write_motion_data

PREPROCESSING = Preprocessing(frames=4, interval_s=0.1, size=32)
ARCHITECTURE = Architecture(
    classes=3,
    stem=8,
    stages=((1, 8, 1, 1), (2, 16, 1, 2)),
    features=16,
    temporal_from=8,
    shared_blocks=1,
    lstm=8,
    gru=8,
    dropout=0.0,
)


def teacher(classes: Sequence[str], *, seed: int = 0, answer: int | None = None) -> Model:
    """An untrained network; one that always says the same where `answer` is given."""
    torch.manual_seed(seed)
    network = HybridNet(ARCHITECTURE).eval()
    if answer is not None:
        with torch.no_grad():
            network.dense.weight.zero_()
            network.dense.bias.zero_()
            network.dense.bias[answer] = 20
    return Model(network, tuple(classes), PREPROCESSING)


def test_teachers_answer_with_their_mean_in_the_order_of_the_student() -> None:
    first = teacher(["a", "b", "c"], answer=0)
    second = teacher(["c", "a", "b"], answer=0)
    together = Teachers.of([first, second], ["a", "b", "c"])
    x = torch.randn(2, 3, 4, 32, 32)
    answer = together.answer(x)
    torch.testing.assert_close(answer, torch.tensor([[0.5, 0.0, 0.5]] * 2), atol=1e-6, rtol=0)


def test_teachers_of_other_classes_are_refused() -> None:
    with pytest.raises(DataError, match="a teacher knows a, b, c; the network learns a, b, d"):
        Teachers.of([teacher(["a", "b", "c"])], ["a", "b", "d"])


def test_teachers_have_to_read_the_clips_of_the_student() -> None:
    model = teacher(["a", "b", "c"], seed=1)
    together = Teachers.of([model], model.classes)
    together.check(PREPROCESSING)
    with pytest.raises(DataError, match=r"a teacher reads other clips: .*frames=4"):
        together.check(replace(PREPROCESSING, frames=8))


def test_teaching_loss_is_least_at_the_answer_and_without_background() -> None:
    answer = torch.tensor([[0.7, 0.3], [0.1, 0.9]])
    agreeing = torch.cat([answer.log(), torch.full((2, 1), -30.0)], 1)  # a background class last
    own = -(answer * answer.log()).sum(1)
    torch.testing.assert_close(teaching_loss(agreeing, answer), own)
    for other in ([0.5, -0.5, 0.0], [0.0, 0.0, 30.0]):
        assert (teaching_loss(agreeing + torch.tensor([other]), answer) > own).all()


def test_cross_entropy_of_each_clip_has_the_mean_of_the_loss() -> None:
    loss = nn.CrossEntropyLoss(torch.tensor([1.0, 2.0, 0.5]), label_smoothing=0.1)
    logits, targets = torch.randn(6, 3), torch.tensor([0, 1, 2, 1, 0, 1])
    each = weighted_cross_entropy(logits, targets, loss)
    assert each.shape == (6,)
    torch.testing.assert_close(each.mean(), loss(logits, targets))


def test_labels_have_all_the_say_on_background_clips() -> None:
    """A teacher that is always wrong changes nothing where only background clips are learned."""
    module = TrainingModule(
        teacher(["a", "b", "c"]).network.train(),
        2,
        PREPROCESSING,
        TrainingSettings(teaching=1.0, label_smoothing=0.0),
        torch.ones(3),
        Teachers.of([Model(two_classes(), ("a", "b"), PREPROCESSING)], ["a", "b"]),
    )
    module.log = lambda *_, **__: None  # type: ignore[method-assign]
    clips = torch.randint(0, 256, (4, 4, 32, 32, 3), dtype=torch.uint8)
    background = torch.full((4,), 2)
    with torch.no_grad():
        found = module.training_step((clips, background), 0)
        logits = module.network(to_input(clips, PREPROCESSING))
        torch.testing.assert_close(found, nn.functional.cross_entropy(logits, background))
        wanted = module.training_step((clips, torch.zeros(4, dtype=torch.int64)), 0)
        answer = module.teachers.answer(to_input(clips, PREPROCESSING))  # type: ignore[union-attr]
        torch.testing.assert_close(wanted, teaching_loss(logits, answer).mean())


def two_classes() -> HybridNet:
    """A teacher's network."""
    torch.manual_seed(5)
    return HybridNet(replace(ARCHITECTURE, classes=2))


@pytest.mark.parametrize("versions", [0, 2])
def test_a_student_follows_its_teacher_where_the_labels_say_otherwise(
    tmp_path: Path, versions: int
) -> None:
    """The teacher always answers with one class, which has a third of the labels."""
    data = build_manifest([write_motion_data(tmp_path / "data", per_class=8)])
    save_model(teacher(data.labels, answer=1), tmp_path / "teacher.h5")
    save_model(teacher(data.labels), tmp_path / "start.h5")
    settings = TrainingSettings(
        epochs=12, batch=8, learning_rate=1e-2, ema=0, workers=0, patience=0, mixup=0.2,
        precision="32-true", frozen_blocks=1 if versions else 0, versions=versions, teaching=1.0,
    )  # fmt: skip

    def answers(teachers: Sequence[Path]) -> tuple[Model, torch.Tensor]:
        model = fit(
            data,
            tmp_path / "run",
            architecture=ARCHITECTURE,
            preprocessing=PREPROCESSING,
            settings=settings,
            cache=FrameCache(tmp_path / "cache", PREPROCESSING),
            init=tmp_path / "start.h5",
            teachers=teachers,
            device="cpu",
            progress=False,
        )
        torch.manual_seed(0)
        with torch.inference_mode():
            return model, model.network(torch.randn(8, 3, 4, 32, 32)).softmax(1).mean(0)

    taught, with_teacher = answers([tmp_path / "teacher.h5"])
    assert with_teacher[1] > 0.8
    assert taught.training["teachers"] == ["teacher.h5"]
    assert not any("teacher" in name for name in taught.network.state_dict())
    alone, without = answers([])
    assert without[1] < 0.8
    assert alone.training["teachers"] == []
    assert np.isfinite(without.numpy()).all()
