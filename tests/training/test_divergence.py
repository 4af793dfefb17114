"""A training that has diverged ends at once, in one sentence, whatever it is that is no number."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from action_recognition.clips import Preprocessing
from action_recognition.errors import TrainingError
from action_recognition.models.hybridnet import HybridNet
from action_recognition.models.model_file import Model
from action_recognition.models.runtime import VideoAnswer
from action_recognition.training import films
from action_recognition.training.answers import Answers
from action_recognition.training.calibration import calibrate
from action_recognition.training.divergence import check_loss, check_weights
from action_recognition.training.films import TrunkVideo, learn_films
from action_recognition.training.lightning_module import TuningModule
from action_recognition.training.networks import with_recurrent
from action_recognition.training.regression import fit_dense
from action_recognition.training.tuning import Means, tune
from noise_clips import CLASSES, NoiseClips, NoiseVideos, network_of
from tiny_network import TINY, build_tiny_model

NAN, INF = math.nan, math.inf


# -- the checks ----------------------------------------------------------------------------


@pytest.mark.parametrize(("loss", "kind"), [(NAN, "not a number"), (INF, "infinite, not a number")])
def test_the_sentence_of_a_loss(loss: float, kind: str) -> None:
    with pytest.raises(TrainingError) as caught:
        check_loss(loss, "loss", "in epoch 3", "lower --learning-rate (now 10)")
    assert str(caught.value) == (
        f"the training has diverged: loss is {kind} in epoch 3; lower --learning-rate (now 10)"
    )
    check_loss(1e30, "loss", "in epoch 3", "")


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (NAN, r"weight hidden\.bias is not a number in epoch 2"),
        (INF, r"weight hidden\.bias is not a number in epoch 2"),
        (-INF, r"weight hidden\.bias is not a number in epoch 2"),
        (-70_000, r"hidden\.bias has grown to 7e\+04 in epoch 2, and .* holds at most 65504;"),
    ],
)
def test_one_weight_is_enough(value: float, said: str) -> None:
    network = network_of()
    check_weights(network, "in epoch 2", "")
    with torch.no_grad():
        network.hidden.bias[3] = value
    with pytest.raises(TrainingError, match=said):
        check_weights(network, "in epoch 2", "")


# -- tuning --------------------------------------------------------------------------------


def run(folder: Path, *, validate: bool = True, **changes: Any) -> Any:
    return tune(
        network_of(), NoiseClips(**changes), NoiseVideos(4 if validate else 0), known=CLASSES,
        run_folder=folder, checkpoint=None, means=Means("cpu"),
    )  # fmt: skip


def epochs_seen(capsys: pytest.CaptureFixture[str]) -> int:
    return sum(line.startswith("epoch ") for line in capsys.readouterr().out.splitlines())


@pytest.mark.slow
@pytest.mark.parametrize(
    "options",
    [
        {"learning_rate": 1e12},
        {"learning_rate": 1e30},
        {"learning_rate": 1e12, "ema": 0.99},
        {"learning_rate": 1e12, "patience": 2},
        {"learning_rate": 1e12, "validate": False},
        {"learning_rate": 1e5, "memory": 0.0},
    ],
    ids=str,
)
def test_a_learning_rate_that_is_much_too_high(
    options: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rate = f"{options['learning_rate']:g}".replace("+", r"\+")
    expected = (
        rf"^the training has diverged: .* in epoch \d.*; lower --learning-rate \(now {rate}\)$"
    )
    with pytest.raises(TrainingError, match=expected):
        run(tmp_path, epochs=50, **options)
    assert epochs_seen(capsys) < 5
    for path in tmp_path.glob("*.ckpt"):  # what is kept is from before
        state = torch.load(path, weights_only=True)["state_dict"]
        assert all(weight.isfinite().all() for weight in state.values())


@pytest.mark.slow
def test_the_loss_of_a_single_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real, steps = TuningModule.training_step, []

    def step(self: Any, batch: Any, index: int) -> Any:
        steps.append(index)
        loss = real(self, batch, index)
        return loss * NAN if len(steps) == 5 else loss  # three steps an epoch

    monkeypatch.setattr(TuningModule, "training_step", step)
    with pytest.raises(TrainingError, match="diverged: loss is not a number in epoch 2; lower"):
        run(tmp_path, epochs=9)
    assert len(steps) == 5
    assert torch.load(tmp_path / "last.ckpt", weights_only=True)["epoch"] == 0


@pytest.mark.slow
@pytest.mark.parametrize("patience", [0, 3])
@pytest.mark.parametrize("value", [NAN, INF])
def test_the_validation_loss_alone(
    value: float, patience: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = TuningModule.log

    def log(self: Any, name: str, figure: Any, **options: Any) -> None:
        spoiled = name == "val_loss" and self.trainer.current_epoch == 1
        real(self, name, torch.tensor(value) if spoiled else figure, **options)

    monkeypatch.setattr(TuningModule, "log", log)
    with pytest.raises(TrainingError, match=r"validation loss is .*not a number in epoch 2; lower"):
        run(tmp_path, epochs=9, patience=patience)


@pytest.mark.slow
@pytest.mark.parametrize("value", [NAN, 1e5])
def test_the_weights_alone(value: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def spoil(self: TuningModule) -> None:
        with torch.no_grad():
            self.network.get_parameter("dense.bias")[0] = value

    monkeypatch.setattr(TuningModule, "on_train_epoch_end", spoil, raising=False)
    monkeypatch.setattr(TuningModule, "on_validation_epoch_end", spoil, raising=False)
    with pytest.raises(TrainingError, match=r"weight dense\.bias .* in epoch 1.*; lower"):
        run(tmp_path, epochs=9)
    assert not (tmp_path / "last.ckpt").exists()


@pytest.mark.slow
def test_what_half_the_digits_may_have_done(tmp_path: Path) -> None:
    with pytest.raises(
        TrainingError, match=r"\(now 1e\+30\), or compute with --precision 32-true$"
    ):
        run(tmp_path, epochs=9, learning_rate=1e30, precision="bf16-mixed")


# -- the other stages ----------------------------------------------------------------------


@pytest.mark.parametrize("value", [NAN, INF, -INF])
@pytest.mark.parametrize("where", ["training clips", "validation videos"])
def test_regression_on_features_that_are_no_numbers(where: str, value: float) -> None:
    random = np.random.default_rng(0)
    hidden, held = random.normal(size=(12, 24)), random.normal(size=(6, 24))
    (hidden if where == "training clips" else held)[2, 5] = value
    network = HybridNet(TINY)
    before = network.dense.weight.clone()
    with pytest.raises(
        TrainingError, match=f"diverged: .* of the {where} is not a number; .*--init"
    ):
        fit_dense(network, hidden, [0, 1, 2] * 4, (held, [0, 1, 2] * 2))
    assert torch.equal(network.dense.weight, before)


def test_regression_to_weights_that_no_file_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    hidden = np.random.default_rng(0).normal(size=(12, 24)) + 1e9  # so is the bias
    with pytest.raises(
        TrainingError, match=r"weight dense\.bias has grown .* after the regression"
    ):
        fit_dense(HybridNet(TINY), hidden, [0, 1, 2] * 4)


def films_of(value: float = 0.0) -> list[TrunkVideo]:
    random = np.random.default_rng(0)
    vectors = random.normal(size=(6, 30, TINY.features)).astype(np.float32)
    vectors[1, 3, 2] += value
    return [TrunkVideo(v, k % 3) for k, v in enumerate(vectors)]


@pytest.mark.parametrize("kind", [(8, 8), (8, 0), (0, 8)])
@pytest.mark.parametrize("validate", [True, False])
def test_films_on_vectors_that_are_no_numbers(validate: bool, kind: tuple[int, int]) -> None:
    network = with_recurrent(network_of(), *kind)
    with pytest.raises(TrainingError, match=r"LSTM and GRU is not a number in film epoch 1; .* 0 "):
        learn_films(network, films_of(NAN), films_of() if validate else [], epochs=3, seed=0)


def test_films_that_diverge(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(films, "_RATE", 1e30)
    network = with_recurrent(network_of(), 8, 8)
    with pytest.raises(TrainingError, match=r"diverged: .* in film epoch 1.*--film-epochs 0"):
        learn_films(network, films_of(), films_of(), epochs=3, seed=0)


@pytest.mark.parametrize("of", ["known", "unknown"])
def test_answers_that_are_no_numbers_are_not_calibrated_on(
    of: str, tiny_preprocessing: Preprocessing
) -> None:
    def answers(*labels: str, spoiled: bool) -> Answers:
        random, videos = np.random.default_rng(0), []
        for _ in labels:
            logits = random.normal(size=(4, 3))
            logits[1, 1] = NAN if spoiled else 0
            mean = logits.mean(0)
            videos.append(VideoAnswer(mean, mean, mean, logits, logits))  # type: ignore[arg-type]
        return Answers(videos, labels)

    model: Model = build_tiny_model(tiny_preprocessing)
    known = answers(*model.classes, spoiled=of == "known")
    with pytest.raises(TrainingError, match="of the validation videos is not a number"):
        calibrate(model, known, answers("a", "b", spoiled=of == "unknown"))
