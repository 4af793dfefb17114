"""A training from shards: it ends, can be interrupted, and its model knows its clips."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from action_recognition.datasets.folders import load_data
from action_recognition.datasets.manifest import Manifest
from action_recognition.datasets.shards.write import write_shards
from action_recognition.evaluation import evaluate as evaluation
from action_recognition.training import tuning
from action_recognition.training.finish import finish
from action_recognition.training.train import train
from action_recognition.training.training_data import gather
from tiny_network import same, weights
from training_runs import few, run_of

pytestmark = pytest.mark.slow  # they train


@pytest.fixture
def shards(motion: Manifest, tmp_path: Path) -> Manifest:
    write_shards(few(motion), tmp_path / "shards", shard_bytes=20 * 1024)
    return load_data([tmp_path / "shards"])


def test_it_resumes_to_the_same_model(
    shards: Manifest, init: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, options = gather(shards), {"workers": 2, "refit": True}
    whole = train(shards, data, run_of(init, tmp_path / "whole", **options))
    real = tuning.EpochLines.on_train_epoch_end

    def interrupt(self: Any, trainer: Any, module: Any) -> None:
        real(self, trainer, module)
        if trainer.current_epoch == 1:
            raise KeyboardInterrupt

    monkeypatch.setattr(tuning.EpochLines, "on_train_epoch_end", interrupt)
    with pytest.raises(KeyboardInterrupt):
        train(shards, data, run_of(init, tmp_path / "parts", **options))
    monkeypatch.undo()
    resumed = train(shards, data, run_of(init, tmp_path / "parts", resume=True, **options))
    assert same(weights(resumed.network), weights(whole.network))
    assert resumed.temperature == whole.temperature


def test_its_model_is_measured_on_the_test_clips(
    shards: Manifest, init: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evaluation, "BOOTSTRAP_SAMPLES", 5)
    model = train(shards, gather(shards), run_of(init, tmp_path / "run"))
    (found,) = finish(model, shards, tmp_path / "model.h5", device="cpu")
    assert found.videos == len(shards.split("test")) == 6
    assert not found.refused
    assert model.training["clips"]["train"] == dict.fromkeys(shards.labels, 3)
