"""The same training again, interrupted and resumed, or in the folder of another."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from action_recognition.datasets.manifest import Manifest
from action_recognition.errors import TrainingError, UsageError
from action_recognition.models.model_file import load_model, save_model
from action_recognition.training import train as train_module
from action_recognition.training import tuning
from action_recognition.training.train import train
from action_recognition.training.training_data import gather
from tiny_network import load_network, same, weights
from training_runs import few, run_of

pytestmark = pytest.mark.slow  # they train


def test_the_seed_decides_whatever_a_run_before_has_left(
    motion: Manifest, init: str, tmp_path: Path
) -> None:
    manifest = few(motion)
    data = gather(manifest)
    first = train(manifest, data, run_of(init, tmp_path / "a"))
    again = train(manifest, data, run_of(init, tmp_path / "b"))
    assert same(weights(first.network), weights(again.network))
    other = train(manifest, data, run_of(init, tmp_path / "c", seed=1))
    assert not same(weights(first.network), weights(other.network))
    in_its_folder = train(manifest, data, run_of(init, tmp_path / "c", workers=2))
    assert same(weights(first.network), weights(in_its_folder.network))
    assert first.temperature == in_its_folder.temperature


@pytest.mark.parametrize("more", [{}, {"refit": True}, {"workers": 2}])
def test_an_interrupted_training_resumes_to_the_same_model(
    more: dict[str, Any],
    motion: Manifest,
    init: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    manifest, options = few(motion), {"epochs": 3, **more}
    data = gather(manifest)
    whole = train(manifest, data, run_of(init, tmp_path / "whole", **options))
    real = tuning.EpochLines.on_train_epoch_end

    def interrupt(self: Any, trainer: Any, module: Any) -> None:
        real(self, trainer, module)
        if trainer.current_epoch == 1:  # the second epoch is lost, the first is kept
            raise KeyboardInterrupt

    monkeypatch.setattr(tuning.EpochLines, "on_train_epoch_end", interrupt)
    with pytest.raises(KeyboardInterrupt):
        train(manifest, data, run_of(init, tmp_path / "parts", **options))
    monkeypatch.undo()
    resumed = train(manifest, data, run_of(init, tmp_path / "parts", resume=True, **options))
    assert resumed.training["epochs_run"] == 3
    assert resumed.training["strength"] == whole.training["strength"]
    assert same(weights(resumed.network), weights(whole.network))
    assert (resumed.temperature, resumed.open_set) == (whole.temperature, whole.open_set)


def test_interrupted_before_the_first_epoch_it_begins_where_it_stopped(
    motion: Manifest, init: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = few(motion)
    data = gather(manifest)
    whole = train(manifest, data, run_of(init, tmp_path / "whole"))
    with monkeypatch.context() as patch:
        patch.setattr(train_module, "tune", interrupted)
        with pytest.raises(KeyboardInterrupt):
            train(manifest, data, run_of(init, tmp_path / "parts"))
    model = train(manifest, data, run_of(init, tmp_path / "parts", resume=True))
    assert model.training["epochs_run"] == 2
    assert same(weights(model.network), weights(whole.network))


@pytest.mark.parametrize("step", ["calibrate", "learn_films", "_learn_again"])
@pytest.mark.parametrize("patience", [0, 2])
def test_interrupted_after_tuning_and_moved_it_does_not_tune_again(
    step: str, patience: int, motion: Manifest, init: str, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    manifest, options = few(motion), {"patience": patience, "refit": True}
    data = gather(manifest)
    whole = train(manifest, data, run_of(init, tmp_path / "whole", **options))
    with monkeypatch.context() as patch:
        patch.setattr(train_module, step, interrupted)
        with pytest.raises(KeyboardInterrupt):
            train(manifest, data, run_of(init, tmp_path / "a" / "m.training", **options))
    (tmp_path / "a").rename(tmp_path / "b")
    (tmp_path / "start").mkdir()  # and the model that it starts from has moved, too
    moved_init = str(shutil.copy(init, tmp_path / "start" / "other.h5"))
    last = (tmp_path / "b" / "m.training" / "last.ckpt").stat().st_mtime_ns
    run = run_of(moved_init, tmp_path / "b" / "m.training", resume=True, **options)
    model = train(manifest, data, run)
    assert (tmp_path / "b" / "m.training" / "last.ckpt").stat().st_mtime_ns == last
    assert not (tmp_path / "a").exists()
    assert same(weights(model.network), weights(whole.network))
    assert (model.temperature, model.open_set) == (whole.temperature, whole.open_set)
    own = ("init", "seconds", "tuning_seconds")
    records = [{k: v for k, v in m.training.items() if k not in own} for m in (model, whole)]
    assert records[0] == records[1]


def test_fewer_workers_and_no_films_resume_a_run_that_ran_out_of_memory(
    motion: Manifest, init: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise MemoryError

    manifest = few(motion)
    data = gather(manifest)
    with monkeypatch.context() as patch:
        patch.setattr(train_module, "learn_films", fail)
        with pytest.raises(TrainingError, match=r"^out of memory; lower --batch \(now 4\)"):
            train(manifest, data, run_of(init, tmp_path, workers=1))
    run = run_of(init, tmp_path, resume=True, workers=0, film_epochs=0)
    assert train(manifest, data, run).training["epochs_run"] == 2


def interrupted(*_: Any, **__: Any) -> None:
    raise KeyboardInterrupt


def test_resume_refuses_what_is_not_the_interrupted_run(
    motion: Manifest, init: str, tmp_path: Path
) -> None:
    manifest = few(motion)
    data = gather(manifest)
    with pytest.raises(UsageError, match=r"nothing to resume: .*run holds no interrupted training"):
        train(manifest, data, run_of(init, tmp_path / "run", resume=True))
    train(manifest, data, run_of(init, tmp_path / "run", tuned_layers=0, film_epochs=0))
    again: dict[str, Any] = {"tuned_layers": 0, "film_epochs": 0, "resume": True}
    with pytest.raises(UsageError, match=r"cannot resume: settings differ .* without --resume"):
        train(manifest, data, run_of(init, tmp_path / "run", **again, batch=5))
    with pytest.raises(UsageError, match="cannot resume: settings, architecture differ"):
        train(manifest, data, run_of(init, tmp_path / "run", **again, lstm=4))
    other = few(motion, train=2)
    with pytest.raises(UsageError, match="cannot resume: data, clips differ"):
        train(other, gather(other), run_of(init, tmp_path / "run", **again))
    moved = load_network(init)
    with torch.no_grad():
        moved.hidden.bias += 0.5
    save_model(replace(load_model(init), network=moved), tmp_path / "tiny.h5")
    with pytest.raises(UsageError, match="cannot resume: init, init_weights differ"):
        train(manifest, data, run_of(str(tmp_path / "tiny.h5"), tmp_path / "run", **again))
    described = json.loads((tmp_path / "run" / "settings.json").read_text())
    assert described["settings"]["batch"] == 4
    assert train(manifest, data, run_of(init, tmp_path / "run", **again)).classes == motion.labels


def test_a_new_run_forgets_the_checkpoints_of_the_old_one(
    motion: Manifest, init: str, tmp_path: Path
) -> None:
    manifest = few(motion)
    train(manifest, gather(manifest), run_of(init, tmp_path, refit=True))
    assert (tmp_path / "last.ckpt").exists()
    assert (tmp_path / "refit" / "last.ckpt").exists()
    train(manifest, gather(manifest), run_of(init, tmp_path, tuned_layers=0, film_epochs=0))
    assert not list(tmp_path.rglob("*.ckpt"))
