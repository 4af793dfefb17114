"""`data from-folder`, `train` and `evaluate` on the command line, one after the other."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from action_recognition.cli import main
from action_recognition.datasets.folders import load_data
from action_recognition.datasets.manifest import fingerprint
from action_recognition.models.model_file import load_model, save_model
from motion import write_motion_data

NETWORK = ["--frames", "4", "--size", "32", "--lstm", "16", "--gru", "16", "--clips", "2"]


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


def train(manifest: Path, output: Path, *options: str) -> int:
    cache = str(manifest.parent / "cache")
    files = ["--data", str(manifest), "--output", str(output), "--cache", cache]
    short = ["--epochs", "1", "--batch", "4", "--workers", "0", "--device", "cpu"]
    return main(["train", *files, *short, *NETWORK, *options])


@pytest.fixture(scope="module")
def model(manifest: Path) -> Path:
    """A model file made by the command; what it has learned does not matter here."""
    path = manifest.parent / "model.h5"
    assert train(manifest, path, "--note", "a note") == 0
    return path


def test_manifest_lists_every_file_once(folder: Path, manifest: Path) -> None:
    with manifest.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 28
    assert {r["split"] for r in rows} == {"train", "val", "test", "refused"}
    refused = [r for r in rows if r["split"] == "refused"]
    assert [Path(r["path"]).name for r in refused] == ["growing_broken.mp4"]
    assert "not a video file" in refused[0]["reason"]


def test_from_folder_prints_the_table(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = str(folder.parent / "again.csv")
    options = ["--classes", "moving_left,moving_right", "--output", output]
    assert main(["data", "from-folder", str(folder), *options]) == 0
    out = capsys.readouterr().out
    assert "Moving left" in out
    assert "Growing" not in out


def test_from_folder_names_what_is_wrong(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["data", "from-folder", str(tmp_path / "no")]) == 2
    assert "there is no such folder of clips" in capsys.readouterr().err
    assert main(["data", "from-folder", str(folder), "--classes", "flying"]) == 2
    assert "no folder with videos of class 'Flying'" in capsys.readouterr().err
    assert main(["data", "from-folder", str(folder), "--group-pattern", "("]) == 2
    assert "group pattern" in capsys.readouterr().err


def test_model_file_is_complete(model: Path) -> None:
    loaded = load_model(model)
    assert loaded.classes == ("Growing", "Moving left", "Moving right")
    assert loaded.preprocessing.frames == 4
    assert loaded.clips == 2
    assert loaded.training["note"] == "a note"
    assert loaded.metrics["split"] == "test"
    assert not list(model.parent.glob("*.tmp"))


def test_evaluate_prints_the_figures_of_the_file(
    model: Path, manifest: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    assert main(["evaluate", str(model), "--data", str(manifest), "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    stored = dict(load_model(model).metrics)
    for figures in (printed, stored):
        figures.pop("seconds_per_video")
    assert printed == stored


def test_evaluate_writes_a_report(
    model: Path, manifest: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = tmp_path / "report"
    options = ["--split", "val", "--report", str(report)]
    assert main(["evaluate", str(model), "--data", str(manifest), *options]) == 0
    assert "| macro-F1 |" in capsys.readouterr().out
    names = {"report.md", "report.json", "confusion.png", "reliability.png"}
    assert {p.name for p in report.iterdir()} == names


def test_train_starts_from_another_model(model: Path, manifest: Path, tmp_path: Path) -> None:
    output = tmp_path / "second.h5"
    assert train(manifest, output, "--init", str(model), "--frozen-blocks", "3") == 0
    record = load_model(output).training
    assert record["init"].startswith("model.h5")
    first, second = load_model(model).network, load_model(output).network
    key = "stem.conv.weight"
    assert (first.state_dict()[key] == second.state_dict()[key]).all()


def test_refit(model: Path, manifest: Path, tmp_path: Path) -> None:
    output = tmp_path / "refit.h5"
    assert train(manifest, output, "--refit", str(model), "--patience", "0") == 0
    first, second = load_model(model), load_model(output)
    clips = first.training["clips"]
    assert second.training["clips"] == {
        "train": {label: n + clips["val"][label] for label, n in clips["train"].items()},
        "val": {},
    }
    assert second.temperature == first.temperature
    scales = [m.training["fisher"]["scales"] for m in (first, second)]
    assert scales[0] == scales[1]
    assert second.network.architecture.fisher == 64  # as `train` has it


def test_refit_refuses_a_model_that_was_trained_otherwise(
    model: Path,
    tiny_model_path: Path,
    manifest: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    output = tmp_path / "refit.h5"
    assert train(manifest, output, "--refit", str(model)) == 2
    assert "--refit needs --patience 0" in capsys.readouterr().err
    refit = ["--refit", str(model), "--patience", "0"]
    assert train(manifest, output, *refit, "--fisher", "4") == 2
    assert "model.h5: was trained with --fisher 64, not 4" in capsys.readouterr().err
    old = tmp_path / "old.h5"
    save_model(replace(load_model(model), training={}), old)
    assert train(manifest, output, "--refit", str(old), "--patience", "0") == 2
    assert "does not say how much its Fisher vectors count" in capsys.readouterr().err
    assert train(manifest, output, "--refit", str(tiny_model_path), "--patience", "0") == 2
    assert "was trained on other classes" in capsys.readouterr().err
    assert train(manifest, output, "--refit", "gone.h5", "--patience", "0") == 2
    assert "gone.h5: there is no such model file" in capsys.readouterr().err
    assert not output.exists()


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--output", "model.bin"], "the name of a model file ends in .h5"),
        (["--epochs", "0"], "epochs is 0, must be at least 1"),
        (["--init", "missing.npz"], "there is no such file of weights"),
        (["--frozen-blocks", "99"], "frozen blocks: 99"),
        (["--resume"], "nothing to resume"),
    ],
)
def test_train_refuses_in_one_sentence(
    options: list[str],
    sentence: str,
    manifest: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert train(manifest, tmp_path / "x.h5", *options) == 2
    error = capsys.readouterr().err
    assert sentence in error
    assert "Traceback" not in error
    assert not (tmp_path / "x.h5").exists()


def test_calibrate_refuses_other_clips_than_those_of_the_training(
    tiny_model_path: Path, tmp_path: Path, make_video: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    for label in ("Jumping", "Reading", "Swimming"):
        (tmp_path / "clips" / label).mkdir(parents=True)
        for k in range(4):
            make_video(f"clips/{label}/{k}.mp4", seconds=0.3)
    command = ["calibrate", str(tiny_model_path), "--data", str(tmp_path / "clips")]
    assert main([*command, "--output", str(tmp_path / "c.h5")]) == 2
    assert "was trained on other clips" in capsys.readouterr().err
    assert not (tmp_path / "c.h5").exists()
    model = load_model(tiny_model_path)
    manifest = load_data([tmp_path / "clips"])
    data = fingerprint([*manifest.side("train"), *manifest.side("val")])
    save_model(replace(model, training={"data": data, "note": "mine"}), tiny_model_path)
    (tmp_path / "strange" / "Weaving").mkdir(parents=True)
    for k in range(3):
        make_video(f"strange/Weaving/{k}.mp4", seconds=0.3)
    foreign = ["--foreign", str(tmp_path / "strange")]
    assert main([*command, *foreign, "--output", str(tmp_path / "c.h5")]) == 0
    calibrated = load_model(tmp_path / "c.h5")
    assert calibrated.metrics["rejection"]["foreign_videos"] == 3
    assert calibrated.novelty is not None
    assert calibrated.temperature != 1
    assert calibrated.training["note"] == "mine"
    before, after = model.network.state_dict(), calibrated.network.state_dict()
    assert all(after[k].allclose(before[k], atol=1e-3, rtol=1e-3) for k in before)


def test_fisher_vectors_are_added_and_calibrated(
    model: Path, manifest: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plain, added, final = (tmp_path / f"{name}.h5" for name in ("plain", "added", "final"))
    files = ["--data", str(manifest), "--cache", str(manifest.parent / "cache")]
    assert train(manifest, plain, "--fisher", "0") == 0
    assert load_model(plain).network.fisher_dense is None
    assert main(["fisher", str(plain), *files, "--kinds", "4", "--output", str(added)]) == 0
    network = load_model(added).network
    assert network.architecture.fisher == 4
    assert network.fisher_dense is not None
    assert network.fisher_dense.weight.abs().max() > 0
    assert main(["calibrate", str(added), "--data", str(manifest), "--output", str(final)]) == 0
    calibrated = load_model(final)
    assert calibrated.novelty is not None
    assert calibrated.metrics["videos"] == load_model(model).metrics["videos"]
    capsys.readouterr()
    assert main(["fisher", str(final), *files, "--output", str(added)]) == 2
    assert "has Fisher vectors already" in capsys.readouterr().err
