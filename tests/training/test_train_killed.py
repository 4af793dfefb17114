"""A training that was killed at any moment, or ended by a signal, and goes on; or must not."""

from __future__ import annotations

import pickle
import shlex
import shutil
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
from action_recognition.training.run_folder import BEST, LAST, REFIT, TUNED, locked
from interrupted_training import TUNING
from tiny_network import same, weights
from training_runs import few

pytestmark = pytest.mark.slow  # they train

Capture = pytest.CaptureFixture[str]
OPTIONS = [
    "--tuned-layers", "1", "--epochs", "3", "--views", "1", "--frames", "4", "--batch", "4",
    "--learning-rate", "0.1", "--ema", "0.5", "--patience", "2", "--made", "3", "--refit",
    "--memory", "0", "--film-epochs", "1", "--lstm", "8", "--gru", "8", "--workers", "0",
    "--device", "cpu",
]  # fmt: skip
STEPS = 2  # of an epoch: nine videos and two of the made ones, four at a time, and three are left


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
    """All that a checkpoint holds but the last score, which Lightning writes and never reads."""
    found = dict(torch.load(path, weights_only=True))
    for callback in found["callbacks"].values():
        callback.pop("current_score", None)
    return found


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
        pytest.param("action_recognition.training.train:tune", 2, True, id="before the refit"),
        pytest.param(f"{TUNING}.training_step", 5 * STEPS, True, id="in the refit"),
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
    assert two.training["best_epoch"] == 3  # which is how long the refit takes
    assert same(weights(one.network), weights(two.network))
    assert (one.temperature, one.open_set) == (two.temperature, two.open_set)
    seconds = ("seconds", "tuning_seconds")
    records = [{k: v for k, v in m.training.items() if k not in seconds} for m in (one, two)]
    assert records[0] == records[1]
    for name in (LAST, BEST, f"{REFIT}/{LAST}", f"{REFIT}/{BEST}"):
        assert equal(state(folder / name), state(expected / name)), name


# -- signals -------------------------------------------------------------------------------


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it_and_it_says_how_to_go_on(
    signum: signal.Signals, command: Any, whole: Path, tmp_path: Path
) -> None:
    output, log = tmp_path / "my model.h5", tmp_path / "log"
    step = f"{TUNING}.training_step"
    code = interrupted_training.run(command(output), log, signum, step, 2 * STEPS)
    said = log.read_text().splitlines()[-1]
    assert code == 128 + signum
    words = ["action-recognition", *command(output), "--resume"]
    assert said == f"action-recognition: interrupted; go on with: {shlex.join(words)}"
    assert not output.exists()
    assert state(output.with_suffix(".training") / LAST)["epoch"] == 0
    if signum == signal.SIGTERM:
        assert main(shlex.split(said.partition("go on with: action-recognition ")[2])) == 0
        assert same(weights(load_model(output).network), weights(load_model(whole).network))


@pytest.mark.parametrize("resumed", [False, True])
def test_before_it_has_begun_the_same_command_goes_on(
    resumed: bool, command: Any, whole: Path, tmp_path: Path
) -> None:
    """What is in the folder is of another run."""
    output, log = tmp_path / "m.h5", tmp_path / "log"
    shutil.copytree(whole.with_suffix(".training"), output.with_suffix(".training"))
    words = [*command(output), *(["--resume"] if resumed else [])]
    where = "action_recognition.training.train:prepare_folder"
    assert interrupted_training.run(words, log, signal.SIGTERM, where) == 143
    assert log.read_text().endswith(f"go on with: {shlex.join(['action-recognition', *words])}\n")


# -- two at once ---------------------------------------------------------------------------


@pytest.mark.parametrize("place", ["here", "by a link"])
def test_a_second_training_to_one_file_is_refused_at_once(
    place: str, command: Any, data: Path, tmp_path: Path
) -> None:
    (tmp_path / "here").mkdir()
    (tmp_path / "by a link").symlink_to(tmp_path / "here")
    output, log = tmp_path / place / "m.h5", tmp_path / "log"
    with locked(tmp_path / "here" / "m.training"):
        before = sorted(tmp_path.rglob("*"))
        assert interrupted_training.run([*command(output), "--data", "nowhere"], log) == 2
    folder = output.with_suffix(".training")
    said = f"action-recognition: {folder}: another training is at work in this folder\n"
    assert log.read_text() == said
    assert sorted(tmp_path.rglob("*")) == sorted([*before, log])


def test_a_training_that_was_killed_leaves_no_lock(command: Any, tmp_path: Path) -> None:
    """Neither in the processes that prepare its clips, which outlive it a little."""
    output, log = tmp_path / "m.h5", tmp_path / "log"
    words = [*command(output), "--workers", "1"]
    step = f"{TUNING}.training_step"
    assert interrupted_training.run(words, log, signal.SIGKILL, step) == -signal.SIGKILL
    with locked(output.with_suffix(".training")):
        pass


# -- what a checkpoint may hold ------------------------------------------------------------


class Payload:
    """Creates a file when it is unpickled."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (self.file,))


@pytest.mark.parametrize(
    ("name", "form"),
    [
        (LAST, "zip"), (LAST, "legacy"), (LAST, "pickle"), (LAST, "hidden in a good one"),
        (BEST, "zip"), (f"{REFIT}/{LAST}", "zip"),
    ],
)  # fmt: skip
def test_a_checkpoint_never_runs_code(
    name: str, form: str, command: Any, whole: Path, tmp_path: Path, capsys: Capture
) -> None:
    output = tmp_path / "m.h5"
    folder, run = output.with_suffix(".training"), tmp_path / "it has run"
    shutil.copytree(whole.with_suffix(".training"), folder)
    (folder / name).with_name(TUNED).unlink()  # as if it were interrupted there
    payload: Any = Payload(run)
    if form == "hidden in a good one":
        payload = state(folder / name) | {"hyper_parameters": payload}
    if form == "pickle":
        (folder / name).write_bytes(pickle.dumps(payload))
    else:
        torch.save(payload, folder / name, _use_new_zipfile_serialization=form != "legacy")
    capsys.readouterr()
    assert main([*command(output), "--resume"]) == 2
    said = [x for x in capsys.readouterr().err.splitlines() if " note: " not in x]
    sentence = f"{folder / name}: it is damaged; start anew without --resume"
    assert said == [f"action-recognition: cannot resume: {sentence}"]
    assert not run.exists()
    assert not output.exists()
    pickle.loads(pickle.dumps(Payload(run)))
    assert run.exists()  # or the above shows nothing
