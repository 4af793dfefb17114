"""`data from-folder`, `train` and `evaluate` on the command line, one after the other."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

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
from action_recognition.models.model_file import load_model
from scene_maker import Scene, write_scene
from tiny_network import weights
from typed_training import train

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("fewer_samples")]  # some seconds

Capture = pytest.CaptureFixture[str]


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
