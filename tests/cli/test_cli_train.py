"""`data from-folder`, `train` and `evaluate` on the command line, one after the other."""

from __future__ import annotations

import csv
import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from action_recognition.cli import main
from action_recognition.clips import Preprocessing
from action_recognition.datasets.background import NONE
from action_recognition.datasets.corrections import (
    CorrectedSegment,
    CorrectedVideo,
    Corrections,
    digest_of,
    save_corrections,
)
from action_recognition.evaluation import evaluate
from action_recognition.models.model_file import load_model, save_model
from motion import write_motion_data
from scene_maker import Scene, write_scene
from tiny_network import build_tiny_model, weights

pytestmark = pytest.mark.slow  # the whole file: some seconds

Capture = pytest.CaptureFixture[str]
SHORT = [
    "--tuned-layers", "1", "--epochs", "1", "--views", "1", "--frames", "4", "--batch", "4",
    "--film-epochs", "1", "--lstm", "8", "--gru", "8", "--workers", "0", "--device", "cpu",
]  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def fewer_samples() -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(evaluate, "BOOTSTRAP_SAMPLES", 5)
        yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Nine videos for each of three classes, one of which does not decode."""
    root = write_motion_data(tmp_path_factory.mktemp("data") / "videos", per_class=9)
    (root / "growing" / "growing_broken.mp4").write_bytes(b"not a video")
    return root


@pytest.fixture(scope="module")
def manifest(folder: Path) -> Path:
    """Its manifest, made by the command."""
    path = folder.parent / "manifest.csv"
    assert main(["data", "from-folder", str(folder), "--output", str(path)]) == 0
    return path


@pytest.fixture(scope="module")
def init(folder: Path, tiny_preprocessing: Preprocessing) -> Path:
    """A tiny model of random weights to start from."""
    path = folder.parent / "tiny.h5"
    save_model(build_tiny_model(tiny_preprocessing), path)
    return path


def train(data: Path, output: Path, *options: str, init: Path | None = None) -> int:
    start = init or data.parent / "tiny.h5"
    files = ["--data", str(data), "--output", str(output), "--init", str(start)]
    return main(["train", *files, *SHORT, *options])


@pytest.fixture(scope="module")
def model(manifest: Path, init: Path) -> Path:
    """A model file made by the command; what it has learned does not matter here."""
    path = manifest.parent / "model.h5"
    assert train(manifest, path, "--note", "a note") == 0
    return path


# -- manifests -----------------------------------------------------------------------------


def test_manifest_lists_every_file_once(folder: Path, manifest: Path) -> None:
    with manifest.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 28
    assert {r["split"] for r in rows} == {"train", "val", "test", "refused"}
    refused = [r for r in rows if r["split"] == "refused"]
    assert [Path(r["path"]).name for r in refused] == ["growing_broken.mp4"]
    assert "not a video file" in refused[0]["reason"]


def test_from_folder_prints_the_table(folder: Path, capsys: Capture) -> None:
    output = str(folder.parent / "again.csv")
    options = ["--classes", "moving_left,moving_right", "--output", output]
    assert main(["data", "from-folder", str(folder), *options]) == 0
    out = capsys.readouterr().out
    assert "Moving left" in out
    assert "Growing" not in out


def test_from_folder_names_what_is_wrong(folder: Path, tmp_path: Path, capsys: Capture) -> None:
    assert main(["data", "from-folder", str(tmp_path / "no")]) == 2
    assert "there is no such folder of clips" in capsys.readouterr().err
    assert main(["data", "from-folder", str(folder), "--classes", "flying"]) == 2
    assert "no folder with videos of class 'Flying'" in capsys.readouterr().err
    assert main(["data", "from-folder", str(folder), "--group-pattern", "("]) == 2
    assert "group pattern" in capsys.readouterr().err


# -- a training ----------------------------------------------------------------------------


@pytest.mark.slow
def test_model_file_is_complete(model: Path) -> None:
    loaded = load_model(model)
    assert loaded.classes == ("Growing", "Moving left", "Moving right")
    assert loaded.preprocessing == Preprocessing(interval_s=0.1, size=32)
    assert loaded.training["note"] == "a note"
    assert loaded.metrics["split"] == "test"
    assert loaded.open_set is not None
    assert not list(model.parent.glob("*.tmp"))


@pytest.mark.slow
def test_what_is_printed(model: Path, manifest: Path, tmp_path: Path, capsys: Capture) -> None:
    output = tmp_path / "m.h5"
    assert train(manifest, output, init=model) == 0
    printed = capsys.readouterr()
    lines = printed.out.splitlines()
    assert any(line.startswith("Moving left ") for line in lines)  # the table of clips
    assert any(line.startswith("epoch   1  train_loss ") for line in lines)
    assert any(line.startswith("| macro-F1 |") for line in lines)
    assert lines[-1] == f"written: {output}"
    assert "drawing clips: 18" in lines
    assert "drawing clips of the tuned network: 18" in lines
    assert not any(line.startswith("not ") for line in lines)
    assert "note: " not in printed.err


@pytest.mark.slow
def test_evaluate_prints_the_figures_of_the_file(
    model: Path, manifest: Path, capsys: Capture
) -> None:
    capsys.readouterr()
    options = ["--json", "--device", "cpu"]
    assert main(["evaluate", str(model), "--data", str(manifest), *options]) == 0
    printed = json.loads(capsys.readouterr().out)
    stored = dict(load_model(model).metrics)
    for figures in (printed, stored):
        figures.pop("seconds_per_video")
    assert printed == stored


@pytest.mark.slow
def test_evaluate_writes_a_report(
    model: Path, manifest: Path, tmp_path: Path, capsys: Capture
) -> None:
    report = tmp_path / "report"
    options = ["--split", "val", "--report", str(report)]
    assert main(["evaluate", str(model), "--data", str(manifest), *options]) == 0
    assert "| macro-F1 |" in capsys.readouterr().out
    names = {"report.md", "report.json", "confusion.png", "reliability.png"}
    assert {p.name for p in report.iterdir()} == names


@pytest.mark.slow
def test_evaluate_tells_known_videos_from_unknown_ones(
    model: Path, manifest: Path, folder: Path, tmp_path: Path, capsys: Capture
) -> None:
    shutil.copytree(folder / "moving_left", tmp_path / "unknown" / "sliding")
    command = ["evaluate", str(model), "--data", str(manifest), "--json"]
    assert main([*command, "--unknown", str(tmp_path / "unknown")]) == 0
    found = json.loads(capsys.readouterr().out)["open_set"]
    assert found["unknown_videos"] == 9
    assert list(found["per_class"]) == ["Sliding"]
    unknown = ["--unknown", str(folder), "--unknown-classes", "growing"]
    assert main([*command, *unknown]) == 2
    assert "class 'Growing' cannot be unknown" in capsys.readouterr().err


@pytest.mark.slow
def test_train_starts_from_another_model(model: Path, manifest: Path, tmp_path: Path) -> None:
    output = tmp_path / "second.h5"
    assert train(manifest, output, "--tuned-layers", "0", "--film-epochs", "0", init=model) == 0
    first, second = (weights(load_model(p).network) for p in (model, output))
    same = [n for n in first if n.startswith(("trunk.", "hidden."))]
    assert all((first[n] == second[n]).all() for n in same)


@pytest.mark.slow
def test_background_pictures_and_made_videos(
    init: Path, manifest: Path, folder: Path, tmp_path: Path, capsys: Capture
) -> None:
    shutil.copytree(folder / "moving_left", tmp_path / "other" / "sliding")
    shutil.copytree(folder / "moving_right", tmp_path / "other" / "unwanted")
    (tmp_path / "pictures" / "growing").mkdir(parents=True)
    pixels = np.random.default_rng(0).integers(0, 256, (40, 40, 3), dtype=np.uint8)
    for k in range(2):
        Image.fromarray(pixels).save(tmp_path / "pictures" / "growing" / f"{k}.jpg")
    options = ["--background", str(tmp_path / "other"), "--background-classes", "sliding"]
    options += ["--background-clips", "2", "--pictures", str(tmp_path / "pictures")]
    options += ["--made", "3", "--classes", "growing,moving_right"]
    assert train(manifest, tmp_path / "m.h5", *options) == 0
    assert "with background classes:" in capsys.readouterr().out
    model = load_model(tmp_path / "m.h5")
    assert model.classes == ("Growing", "Moving right")
    assert model.background == ("Sliding", "(nothing)")
    clips = model.training["clips"]
    assert clips["train"]["Sliding"] == 2
    assert clips["samples"]["Growing"] == clips["train"]["Growing"] + 2
    assert clips["samples"]["(nothing)"] == 3
    assert model.training["sources"]["Growing"] == ["own", "pictures"]


# -- few clips -----------------------------------------------------------------------------


@pytest.mark.slow
def test_one_clip_a_class_is_enough_and_what_that_means_is_said(
    init: Path, folder: Path, tmp_path: Path, capsys: Capture
) -> None:
    for label in ("growing", "moving_left"):
        (tmp_path / "few" / label).mkdir(parents=True)
        shutil.copy(folder / label / f"{label}_000.mp4", tmp_path / "few" / label)
    shutil.copy(folder / "growing" / "growing_001.mp4", tmp_path / "few" / "growing")
    output = tmp_path / "m.h5"
    assert train(tmp_path / "few", output, init=init) == 0
    printed = capsys.readouterr()
    lines, said = printed.out.splitlines(), printed.err.splitlines()
    few = "none to measure or to calibrate on; that takes clips of at least three recordings"
    uncalibrated = "not calibrated, and no rule for `none of these`: no class has validation clips"
    assert said == [
        f"action-recognition: note: Growing: 2 clips to train on, {few}",
        f"action-recognition: note: Moving left: 1 clip to train on, {few}",
        f"action-recognition: note: {uncalibrated}",
    ]
    assert "not measured: no class has test clips" in lines
    assert lines[-1] == f"written: {output}"
    model = load_model(output)
    assert model.classes == ("Growing", "Moving left")
    assert (model.temperature, model.open_set, model.metrics) == (1.0, None, {})
    assert (
        main(["predict", str(folder / "growing" / "growing_002.mp4"), "--model", str(output)]) == 0
    )


@pytest.mark.slow
def test_one_class_of_few_clips_among_others(
    init: Path, folder: Path, tmp_path: Path, capsys: Capture
) -> None:
    shutil.copytree(folder / "growing", tmp_path / "few" / "growing")
    (tmp_path / "few" / "moving_left").mkdir()
    shutil.copy(folder / "moving_left" / "moving_left_000.mp4", tmp_path / "few" / "moving_left")
    assert train(tmp_path / "few", tmp_path / "m.h5", init=init) == 0
    said = capsys.readouterr().err
    assert "note: Moving left: 1 clip to train on, none to measure" in said
    assert "note: the classes are very unequal: Growing has 6 clips to train on, but Moving" in said
    assert "Growing: " not in said
    assert "not calibrated" not in said
    model = load_model(tmp_path / "m.h5")
    assert model.open_set is not None
    assert {c["class"] for c in model.metrics["per_class"]} == {"Growing"}


# -- refusals ------------------------------------------------------------------------------


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


def test_moments_that_were_put_right_train_a_model(
    init: Path, tmp_path: Path, capsys: Capture
) -> None:
    videos, segments = [], []
    for k in range(4):
        film = write_scene(tmp_path / "films" / f"{k}.mp4", Scene(k), fps=10)
        videos.append(CorrectedVideo(f"Film {k}", film.name, digest_of(film)))
        for start_s, action in enumerate(("Waving", "Nodding", None)):
            segments.append(CorrectedSegment(k, start_s, start_s + 1, action, "added"))
    project, output = tmp_path / "project.json", tmp_path / "model.h5"
    save_corrections(Corrections(tuple(videos), tuple(segments)), project)
    command = ["--videos", str(tmp_path / "films")]
    assert train(project, output, *command, init=init) == 0
    said = capsys.readouterr().out
    assert "segments: 12 of 4 videos, 12 of them cut now, " in said
    assert "1 clip, of none of the actions, in videos that stand in test" in said
    model = load_model(output)
    assert model.classes == ("Nodding", "Waving")
    assert model.background == (NONE,)
    assert main(["evaluate", str(output), "--data", str(project), *command, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["groups"] == 1
