"""A training that is killed at any moment and resumed ends with the model of one that was not."""

from __future__ import annotations

import shlex
import signal
from pathlib import Path
from typing import Any

import pytest
import torch

import interrupted_training
from action_recognition.cli import main
from action_recognition.datasets.manifest import Manifest
from action_recognition.datasets.manifest_csv import write_manifest
from action_recognition.models.model_file import load_model
from action_recognition.training.run_folder import BEST, LAST, REFIT, locked
from interrupted_training import TUNING
from tiny_network import same, weights
from training_runs import few

pytestmark = pytest.mark.slow  # they train

Capture = pytest.CaptureFixture[str]
OPTIONS = [
    "--tuned-layers", "1", "--epochs", "3", "--views", "1", "--frames", "4", "--batch", "4",
    "--learning-rate", "3e-3", "--ema", "0.9", "--patience", "2", "--made", "3", "--refit",
    "--film-epochs", "1", "--lstm", "8", "--gru", "8", "--workers", "0", "--device", "cpu",
]  # fmt: skip
STEPS = 3  # of an epoch: nine videos and two of the made ones, four at a time


@pytest.fixture(scope="module")
def data(motion: Manifest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("few") / "manifest.csv"
    write_manifest(few(motion, test=0), path)
    return path


@pytest.fixture(scope="module")
def command(data: Path, init: str) -> Any:
    def words(output: Path) -> list[str]:
        return ["train", "--data", str(data), "--output", str(output), "--init", init, *OPTIONS]

    return words


@pytest.fixture(scope="module")
def whole(command: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The model file of a training that nothing has stopped."""
    output = tmp_path_factory.mktemp("whole") / "m.h5"
    assert main(command(output)) == 0
    return output


def state(path: Path) -> dict[str, Any]:
    """All that a checkpoint holds."""
    return dict(torch.load(path, weights_only=True))


def equal(one: Any, two: Any) -> bool:
    """To the bit, whatever they are made of."""
    if isinstance(one, torch.Tensor):
        return one.dtype == two.dtype and torch.equal(one, two)
    if isinstance(one, dict):
        return list(one) == list(two) and all(equal(one[k], two[k]) for k in one)
    if isinstance(one, list | tuple):
        return len(one) == len(two) and all(map(equal, one, two))
    return bool(one == two)


@pytest.mark.parametrize(
    ("where", "nth", "kept"),
    [
        pytest.param(f"{TUNING}.training_step", 2, False, id="in the first epoch"),
        pytest.param(f"{TUNING}.on_train_epoch_start", 2, True, id="after epoch 1"),
        pytest.param(f"{TUNING}.on_train_epoch_end", 2, True, id="at the end of epoch 2"),
        pytest.param(f"{TUNING}.training_step", 2 * STEPS + 2, True, id="in the middle of epoch 3"),
        # Of settings, strength, best, last, and best or last again
        pytest.param("os:fsync", 4, False, id="between the first best and the first last"),
        pytest.param("os:fsync", 5, True, id="while the second checkpoint is written"),
        pytest.param("action_recognition.training.train:learn_films", 1, True, id="before films"),
        pytest.param("action_recognition.training.train:tune", 2, True, id="before the refit"),
        pytest.param(f"{TUNING}.training_step", 4 * STEPS + 6, True, id="in the refit"),
    ],
)
def test_killed_and_resumed_it_is_the_same_to_the_bit(
    where: str, nth: int, kept: bool, command: Any, whole: Path, tmp_path: Path
) -> None:
    output, log = tmp_path / "m.h5", tmp_path / "log"
    code = interrupted_training.run(command(output), log, signal.SIGKILL, where, nth)
    assert code == -signal.SIGKILL, log.read_text()
    assert not output.exists()
    folder, expected = output.with_suffix(".training"), whole.with_suffix(".training")
    assert (folder / LAST).exists() == kept
    assert main([*command(output), "--resume"]) == 0
    one, two = load_model(output), load_model(whole)
    assert same(weights(one.network), weights(two.network))
    assert (one.temperature, one.open_set) == (two.temperature, two.open_set)
    seconds = ("seconds", "tuning_seconds")
    records = [{k: v for k, v in m.training.items() if k not in seconds} for m in (one, two)]
    assert records[0] == records[1]
    for name in (LAST, BEST, f"{REFIT}/{LAST}", f"{REFIT}/{BEST}"):
        assert equal(state(folder / name), state(expected / name)), name
