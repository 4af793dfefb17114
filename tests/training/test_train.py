"""Training from clips to a model file, on generated motion."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from action_recognition.clips import Preprocessing
from action_recognition.datasets.manifest import Manifest, fingerprint
from action_recognition.errors import ModelFileError
from action_recognition.evaluation import evaluate as evaluation
from action_recognition.models.model_file import Model, load_model, save_model
from action_recognition.models.stored_network import open_runtime
from action_recognition.models.torch_runtime import TorchRuntime
from action_recognition.recognition.recognizer import Recognizer
from action_recognition.training import train as train_module
from action_recognition.training.answers import Answers, answers
from action_recognition.training.calibration import calibrate
from action_recognition.training.finish import finish
from action_recognition.training.footage import Sample
from action_recognition.training.networks import set_typical
from action_recognition.training.random_clips import RandomClips, draw_features
from action_recognition.training.train import train
from action_recognition.training.training_data import gather
from tiny_network import same, weights
from training_runs import few, numbers, run_of

LABELS = ("Growing", "Moving left", "Moving right")

pytestmark = pytest.mark.slow  # they train


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fewer samples of the bootstrap."""
    monkeypatch.setattr(evaluation, "BOOTSTRAP_SAMPLES", 5)


# -- tuned ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def trained(
    motion: Manifest, init: str, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Model, Path]:
    """One model for several tests, and the file it was written to."""
    folder = tmp_path_factory.mktemp("trained")
    model = train(motion, gather(motion), run_of(init, folder / "run"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(evaluation, "BOOTSTRAP_SAMPLES", 5)
        finish(model, motion, folder / "motion.h5", device="cpu")
    return model, folder / "motion.h5"


def test_the_model_file_says_what_it_was_trained_on(
    trained: tuple[Model, Path], motion: Manifest, init: str
) -> None:
    model = load_model(trained[1])
    record = model.training
    assert model.classes == LABELS
    assert model.background == ()
    assert model.preprocessing == Preprocessing(interval_s=0.1, size=32)
    assert (model.architecture.lstm, model.architecture.gru) == (8, 8)
    assert record["data"] == fingerprint([*motion.split("train"), *motion.split("val")])
    assert record["clips"]["train"] == Counter(c.label for c in motion.split("train"))
    assert record["clips"]["samples"] == record["clips"]["train"]
    assert record["sources"] == {label: ["own"] for label in LABELS}
    assert record["init"] == init  # the file to start from says nothing of its own
    assert record["settings"]["learning_rate"] == 3e-3
    assert record["architecture"] == model.architecture.to_dict() | {
        "layers": [list(x) for x in model.architecture.layers]
    }
    assert (record["epochs_run"], record["best_epoch"]) == (2, 2)
    assert record["strength"] in (3e-4, 1e-4, 1e-3, 3e-3, 1e-2)
    assert model.open_set is not None
    assert model.window_open_set is not None
    assert model.open_set.likeness == model.window_open_set.likeness > 0
    assert set(record["films"]) == {
        "loss_without", "accuracy_without", "loss_with", "accuracy_with", "best_epoch",
    }  # fmt: skip
    assert {"python", "torch", "lightning", "numpy"} == set(record["versions"])


def test_metrics_in_the_file_are_those_of_the_file(
    trained: tuple[Model, Path], motion: Manifest
) -> None:
    recognizer = Recognizer.load(trained[1], device="cpu")
    test = motion.split("test")
    metrics = recognizer.model.metrics
    assert (metrics["videos"], metrics["split"]) == (len(test), "test")
    right = sum(recognizer.predict(c.path).nearest_action == c.label for c in test)
    assert metrics["overall"]["accuracy"]["value"] == pytest.approx(right / len(test), abs=1e-6)
    assert "other_sources" not in metrics


def test_the_calibration_is_that_of_the_weights_in_the_file(
    trained: tuple[Model, Path], motion: Manifest
) -> None:
    """Weights are stored rounded; what is fitted with others would not fit."""
    model, stored = trained[0], load_model(trained[1])
    assert same(weights(model.network), weights(stored.network))
    bare = replace(stored, temperature=1.0, open_set=None, window_temperature=None,
                   window_open_set=None)  # fmt: skip
    runtime = open_runtime(bare.network, device="cpu")
    found = answers(runtime, motion.split("val"), bare.preprocessing)
    again = calibrate(bare, found, None)
    for name in ("temperature", "window_temperature"):
        assert getattr(again, name) == pytest.approx(getattr(stored, name), rel=1e-6)
    for name in ("open_set", "window_open_set"):
        assert numbers(getattr(again, name)) == pytest.approx(numbers(getattr(stored, name)))
    assert stored.temperature != 1


def test_known_validation_videos_are_kept(trained: tuple[Model, Path], motion: Manifest) -> None:
    recognizer = Recognizer.load(trained[1], device="cpu")
    found = [recognizer.predict(c.path).known_probability for c in motion.split("val")]
    assert np.mean(np.array(found) >= 0.5 - 1e-6) >= 0.95
    assert np.abs(np.array(found) - 0.5).min() < 1e-3  # one of them lies at the threshold


def test_answers_are_those_in_use(trained: tuple[Model, Path], motion: Manifest) -> None:
    model = load_model(trained[1])
    clips = motion.split("val")[:3]
    found = answers(open_runtime(model.network, device="cpu"), clips, model.preprocessing)
    assert isinstance(found, Answers)
    assert found.labels == [c.label for c in clips]
    recognizer = Recognizer(model, device="cpu")
    for video, clip in zip(found.videos, clips, strict=True):
        shares = np.exp(video.logits / model.temperature)
        expected = recognizer.predict(clip.path).probabilities
        for label, share in zip(model.classes, shares / shares.sum(), strict=True):
            assert expected[label] == pytest.approx(share, abs=1e-5)
    nothing = answers(open_runtime(model.network, device="cpu"), [], model.preprocessing)
    assert (nothing.videos, nothing.labels) == ([], [])


def test_frozen_layers_stay_as_the_start_has_them(trained: tuple[Model, Path], init: str) -> None:
    before, after = weights(load_model(init).network), weights(trained[0].network)
    for part in ("trunk.stem.", "trunk.layers.0.", "trunk.layers.1."):
        assert same(after, before, part)
    for part in ("trunk.layers.2.", "trunk.head.", "hidden."):
        assert not same(after, before, part)


@pytest.mark.parametrize("tuned", [0, 1])
def test_the_answers_of_the_start_are_kept_and_what_is_typical_of_each_class(
    motion: Manifest, init: str, tmp_path: Path, tuned: int
) -> None:
    """That is learned from the clips that the network has learned from, as it is at the end."""
    data = gather(motion if tuned else few(motion))
    run = run_of(init, tmp_path, tuned_layers=tuned, film_epochs=0, epochs=1)
    network = train(motion, data, run).network
    before, after = weights(load_model(init).network), weights(network)
    assert network.architecture.pretrained == 3
    for part in ("weight", "bias"):
        assert torch.equal(after[f"pretrained.{part}"], before[f"dense.{part}"])
    clips = RandomClips(data.samples, Preprocessing(interval_s=0.1, size=32), run.settings)
    drawn = draw_features(TorchRuntime(network, device="cpu"), clips, 1 if tuned else 2)
    expected = set_typical(copy.deepcopy(network), *drawn)
    torch.testing.assert_close(after["typical"], weights(expected)["typical"], atol=5e-3, rtol=0)
    assert np.ptp(after["typical"].numpy(), axis=0).max() > 0.02  # classes differ


# -- without tuning ------------------------------------------------------------------------


def test_without_tuned_layers_only_the_dense_layer_is_set(
    motion: Manifest, init: str, tmp_path: Path
) -> None:
    data = gather(few(motion))
    run = run_of(init, tmp_path / "run", tuned_layers=0, film_epochs=0)
    model = train(few(motion), data, run)
    before, after = weights(load_model(init).network), weights(model.network)
    assert same(after, before, "trunk.")
    assert same(after, before, "hidden.")
    assert "epochs_run" not in model.training
    assert "films" not in model.training
    assert model.network.recurrent_dense is not None
    assert model.network.recurrent_dense.weight.abs().max() == 0
    assert not list((tmp_path / "run").glob("*.ckpt"))
    assert model.open_set is not None


@pytest.mark.parametrize(("lstm", "gru"), [(0, 0), (8, 0), (0, 8)])
def test_lstm_and_gru_can_be_left_out(
    lstm: int, gru: int, motion: Manifest, init: str, tmp_path: Path
) -> None:
    run = run_of(init, tmp_path, tuned_layers=0, lstm=lstm, gru=gru)
    model = train(few(motion), gather(few(motion)), run)
    assert (model.network.lstm is None, model.network.gru is None) == (not lstm, not gru)
    assert ("films" in model.training) == bool(lstm or gru)


def test_background_classes_are_learned_but_are_no_answers(
    motion: Manifest, init: str, tmp_path: Path
) -> None:
    manifest = few(motion)
    data = gather(manifest, background=["Moving right"], made=3)
    model = train(manifest, data, run_of(init, tmp_path / "run"))
    assert model.classes == ("Growing", "Moving left")
    assert model.background == ("Moving right", "(nothing)")
    assert model.network.dense.out_features == 4
    assert model.training["clips"]["samples"]["(nothing)"] == 3
    assert model.open_set is not None
    assert model.open_set.odds > 0
    finish(model, manifest, tmp_path / "m.h5", device="cpu")
    stored = load_model(tmp_path / "m.h5")
    assert stored.background == model.background
    assert stored.metrics["videos"] == 4  # of the known classes alone
    assert len(Recognizer(stored, device="cpu").predict(manifest.clips[0].path).ranked) == 2


@pytest.fixture
def learned_from(monkeypatch: pytest.MonkeyPatch) -> list[set[Path]]:
    """The videos that each network learns from, one network after the other."""
    found: list[set[Path]] = []

    def clips(samples: Sequence[Sample], *rest: Any) -> RandomClips:
        found.append({s.path for s in samples})
        return RandomClips(samples, *rest)

    monkeypatch.setattr(train_module, "RandomClips", clips)
    return found


def test_a_refit_learns_from_validation_clips_and_keeps_the_calibration(
    motion: Manifest, init: str, tmp_path: Path, learned_from: list[set[Path]]
) -> None:
    manifest = few(motion)
    without = train(manifest, gather(manifest), run_of(init, tmp_path / "one"))
    again = train(manifest, gather(manifest), run_of(init, tmp_path / "two", refit=True))
    for name in ("temperature", "open_set", "window_temperature", "window_open_set"):
        assert getattr(again, name) == getattr(without, name)
    assert not same(weights(again.network), weights(without.network), "dense.")
    train_clips, val_clips = ({c.path for c in manifest.split(s)} for s in ("train", "val"))
    first, second, refitted = learned_from
    assert first == second == train_clips
    assert refitted == train_clips | val_clips  # and none of the split test


def test_a_refit_with_patience_where_nothing_is_tuned(
    motion: Manifest, init: str, tmp_path: Path
) -> None:
    manifest = few(motion)
    run = run_of(init, tmp_path, refit=True, patience=2, tuned_layers=0)
    assert train(manifest, gather(manifest), run).training["films"]


# -- few clips -----------------------------------------------------------------------------


@pytest.mark.parametrize("tuned", [0, 1])
def test_one_clip_a_class_is_enough(
    tuned: int, motion: Manifest, init: str, tmp_path: Path
) -> None:
    manifest = few(motion, train=1, val=0, test=0)
    run = run_of(init, tmp_path / "run", tuned_layers=tuned)
    model = train(manifest, gather(manifest), run)
    assert (model.temperature, model.open_set) == (1.0, None)
    assert (model.window_temperature, model.window_open_set) == (None, None)
    assert model.training["strength"] == 3e-4
    assert model.training.get("val_loss") is None
    assert finish(model, manifest, tmp_path / "m.h5", device="cpu") == []
    stored = load_model(tmp_path / "m.h5")
    assert stored.metrics == {}
    found = Recognizer(stored, device="cpu").predict(manifest.clips[0].path)
    assert found.action == found.nearest_action  # no rule: it is one of the known ones


def test_validation_of_background_classes_alone_calibrates_nothing(
    motion: Manifest, init: str, tmp_path: Path
) -> None:
    """It ended in an error, after all the training."""
    one = few(motion, train=1, val=0, test=0)
    validation = [c for c in motion.split("val") if c.label == "Growing"]
    manifest = Manifest((*one.clips, *validation))
    data = gather(manifest, background=["Growing"])
    assert data.validation == tuple(validation)
    model = train(manifest, data, run_of(init, tmp_path))
    assert (model.temperature, model.open_set) == (1.0, None)


# -- official clips and others -------------------------------------------------------------


def test_official_clips_and_others_are_measured_apart(
    trained: tuple[Model, Path], motion: Manifest, tmp_path: Path
) -> None:
    datasets = {"Growing": "UCF101", "Moving left": "HMDB51", "Moving right": "own"}
    clips = tuple(replace(c, dataset=datasets[c.label]) for c in motion.clips)
    test = Counter(datasets[c.label] for c in motion.split("test"))
    path = tmp_path / "m.h5"
    official, other = finish(trained[0], Manifest(clips), path, device="cpu")
    assert official.videos == test["UCF101"] + test["HMDB51"]
    assert {c.label for c in official.per_class} == {"Growing", "Moving left"}
    assert other.videos == test["own"]
    metrics = load_model(path).metrics
    assert metrics["videos"] == official.videos
    assert metrics["other_sources"]["videos"] == other.videos
    shares = metrics["overall"]["accuracy"]["value"], metrics["other_sources"]["overall"]
    assert shares[0] == pytest.approx(official.overall["accuracy"].value, abs=1e-6)
    assert shares[1]["accuracy"]["value"] == pytest.approx(
        other.overall["accuracy"].value, abs=1e-6
    )


def test_clips_of_classes_that_were_not_learned_are_not_measured(
    trained: tuple[Model, Path], motion: Manifest, tmp_path: Path
) -> None:
    test = motion.split("test")
    clips = tuple(replace(c, label="Waving") if c.label == "Growing" else c for c in test)
    (found,) = finish(trained[0], Manifest(clips), tmp_path / "m.h5", device="cpu")
    assert found.videos == sum(c.label != "Growing" for c in test)


def test_the_file_is_written_before_anything_is_measured(
    trained: tuple[Model, Path], motion: Manifest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("action_recognition.training.finish.evaluate", interrupt)
    with pytest.raises(KeyboardInterrupt):
        finish(trained[0], motion, tmp_path / "m.h5", device="cpu")
    assert load_model(tmp_path / "m.h5").classes == LABELS


# -- where it starts -----------------------------------------------------------------------


def test_the_origin_of_the_weights_is_handed_on(
    motion: Manifest, init: str, tmp_path: Path
) -> None:
    manifest, path = few(motion), tmp_path / "start.h5"
    save_model(replace(load_model(init), training={"init": "published weights"}), path)
    run = run_of(str(path), tmp_path / "run", tuned_layers=0, film_epochs=0)
    assert train(manifest, gather(manifest), run).training["init"] == "published weights"


def test_a_start_that_is_not_there_is_named(motion: Manifest, tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match=r"gone\.h5: there is no such model file"):
        train(motion, gather(motion), run_of(str(tmp_path / "gone.h5"), tmp_path / "run"))
    assert not (tmp_path / "run").exists()
