"""`train` on the command line where something goes wrong: one sentence, and nothing is lost."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from action_recognition.models.model_file import load_model
from typed_training import train

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("fewer_samples")]  # some seconds

Capture = pytest.CaptureFixture[str]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--output", "model.bin"], "model.bin: the name of a model file ends in .h5"),
        (["--epochs", "0"], "epochs is 0, must be at least 1"),
        (["--tuned-layers", "-1"], "tuned_layers is -1, must be at least 0"),
        (["--init", "missing.h5"], "missing.h5: there is no such model file"),
        (["--resume"], "nothing to resume"),
        (["--pictures", "nowhere"], "nowhere: no folder in it holds pictures"),
        (["--classes", "growing"], "training needs clips of at least two classes"),
        (["--classes", "growing,flying"], "no clips of class 'Flying'"),
        (["--data", "nowhere"], "nowhere: there is no such folder of clips"),
    ],
)
def test_train_refuses_in_one_sentence(
    options: list[str], sentence: str, init: Path, manifest: Path, tmp_path: Path, capsys: Capture
) -> None:
    capsys.readouterr()
    assert train(manifest, tmp_path / "x.h5", *options) == 2
    error = capsys.readouterr().err
    assert error.startswith("action-recognition: ")
    assert sentence in error
    assert error.count("\n") == 1
    assert not (tmp_path / "x.h5").exists()


@pytest.mark.slow
@pytest.mark.parametrize("existing", [False, True])
def test_a_training_that_diverges_is_one_sentence(
    existing: bool, init: Path, manifest: Path, tmp_path: Path, capsys: Capture
) -> None:
    output = tmp_path / "m.h5"
    if existing:
        output.write_bytes(b"an older model")
    assert train(manifest, output, "--epochs", "40", "--learning-rate", "1e12") == 2
    error = capsys.readouterr().err
    assert re.fullmatch(r"action-recognition: the training has diverged: .*in epoch 1\b.*\n", error)
    assert "lower --learning-rate (now 1e+12)" in error
    assert output.exists() == existing
    if existing:
        assert output.read_bytes() == b"an older model"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (MemoryError(), "out of memory; lower --batch (now 4), --frames (now 4), --tuned-layers"),
        (OSError(28, "No space left on device"), "no space left on the disk of "),
        (RuntimeError("CUDA out of memory."), "out of GPU memory; lower --batch (now 4)"),
    ],
)
def test_what_runs_out_is_one_sentence(
    error: Exception, sentence: str, init: Path, manifest: Path, tmp_path: Path, capsys: Capture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    def fail(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr("action_recognition.training.train.tune", fail)
    assert train(manifest, tmp_path / "m.h5") == 2
    printed = capsys.readouterr().err
    assert printed.startswith(f"action-recognition: {sentence}")
    assert printed.count("\n") == 1
    assert not (tmp_path / "m.h5").exists()


@pytest.mark.slow
def test_a_model_that_cannot_be_replaced_is_met_before_and_after(
    init: Path, manifest: Path, tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = tmp_path / "m.h5"
    output.write_bytes(b"an older model")
    output.chmod(0o444)
    assert train(manifest, output) == 2
    said = "action-recognition: m.h5: the model cannot be written (the file is read-only)"
    assert capsys.readouterr().err == f"{said}\n"
    assert not output.with_suffix(".training").exists()  # nothing was begun
    monkeypatch.setattr("action_recognition.cli.train.check_output", lambda _: None)
    assert train(manifest, output) == 2
    assert capsys.readouterr().err == f"{said}; when it can be, --resume goes on from here\n"
    assert output.read_bytes() == b"an older model"
    output.chmod(0o644)
    assert train(manifest, output, "--resume") == 0
    assert load_model(output).training["epochs_run"] == 1


@pytest.mark.slow
def test_ctrl_c_while_tuning(
    init: Path, manifest: Path, tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("action_recognition.training.tuning.EpochLines.on_train_start", interrupt)
    assert train(manifest, tmp_path / "m.h5") == 130
    said = capsys.readouterr().err
    assert said.startswith("action-recognition: interrupted; go on with: action-recognition train ")
    assert said.endswith("--workers 0 --device cpu --resume\n")
    assert said.count("\n") == 1


@pytest.mark.slow
def test_resume_with_other_options_is_refused(
    init: Path, manifest: Path, tmp_path: Path, capsys: Capture
) -> None:
    output = tmp_path / "m.h5"
    quick = ["--tuned-layers", "0", "--film-epochs", "0"]
    assert train(manifest, output, *quick) == 0
    written = output.stat().st_mtime_ns
    assert train(manifest, output, *quick, "--resume", "--views", "2") == 2
    assert "cannot resume: settings differ" in capsys.readouterr().err
    assert output.stat().st_mtime_ns == written
    assert train(manifest, output, *quick, "--resume") == 0
