"""`data shards`, and training and a batch from what it wrote, as a user types them."""

from __future__ import annotations

from pathlib import Path

import pytest

from action_recognition.cli import main
from action_recognition.clips import Preprocessing
from action_recognition.datasets.shards.read import find_shards, read_shards
from action_recognition.evaluation import evaluate
from action_recognition.models.model_file import load_model, save_model
from motion import write_motion_data
from tiny_network import build_tiny_model
from typed_training import SHORT

pytestmark = pytest.mark.slow  # the whole file: some seconds

Capture = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_motion_data(tmp_path_factory.mktemp("clips"), per_class=8)


@pytest.fixture
def shards(clips: Path, tmp_path: Path, capsys: Capture) -> Path:
    folder = tmp_path / "shards"
    assert main(["data", "shards", str(clips), "--output", str(folder), "--shard-mb", "0.02"]) == 0
    return folder


def test_what_was_written_is_printed_and_kept_the_next_time(
    clips: Path, shards: Path, capsys: Capture
) -> None:
    number = len(find_shards(shards))
    assert number > 3
    printed = capsys.readouterr().out.splitlines()[-1]
    assert printed.startswith(f"written: {shards}: 24 clips in {number} shards (")
    assert printed.endswith("MB; 0 were there already")
    manifest = str(shards.parent / "manifest.csv")
    assert main(["data", "from-folder", str(clips), "--output", manifest]) == 0
    for output, kept in ((shards.parent / "again", 0), (shards.parent / "again", number)):
        command = ["data", "shards", manifest, "--output", str(output), "--shard-mb", "0.02"]
        assert main(command) == 0
        assert capsys.readouterr().out.endswith(f"MB; {kept} were there already\n")
        assert len(read_shards(find_shards(output))) == 24


def test_a_model_is_trained_and_measured_from_shards(
    shards: Path, tmp_path: Path, tiny_preprocessing: Preprocessing, capsys: Capture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(evaluate, "BOOTSTRAP_SAMPLES", 5)
    init, output = tmp_path / "init.h5", tmp_path / "model.h5"
    save_model(build_tiny_model(tiny_preprocessing), init)
    data = ["--data", str(shards / "*.tar")]
    assert main(["train", *data, "--output", str(output), "--init", str(init), *SHORT]) == 0
    assert load_model(output).classes == ("Growing", "Moving left", "Moving right")
    capsys.readouterr()
    assert main(["evaluate", str(output), "--data", str(shards)]) == 0
    assert "6 videos of 6 groups, split `test`" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--shard-mb", "0"], "--shard-mb 0: must be more than 0"),
        (["--shard-mb", "nan"], "--shard-mb nan: must be more than 0"),
        (["--seed", "-1"], "--seed -1: must be at least 0"),
        (["--classes", "swim"], "no folder with videos of class 'Swim' is there"),
    ],
)
def test_what_is_wrong_is_one_sentence(
    clips: Path, options: list[str], sentence: str, tmp_path: Path, capsys: Capture
) -> None:
    assert main(["data", "shards", str(clips), "--output", str(tmp_path / "x"), *options]) == 2
    err = capsys.readouterr().err
    assert err.startswith("action-recognition: ")
    assert sentence in err
    assert not (tmp_path / "x").exists()


def test_a_folder_that_cannot_be_written_is_named(
    clips: Path, tmp_path: Path, capsys: Capture
) -> None:
    (tmp_path / "file").write_bytes(b"")
    assert main(["data", "shards", str(clips), "--output", str(tmp_path / "file" / "x")]) == 2
    assert "cannot be written (" in capsys.readouterr().err
