"""Data folders of other people on the command line: what is taken, and a word on all else."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from pathlib import Path

import pytest

from action_recognition.cli import main
from action_recognition.datasets.manifest_csv import read_manifest
from action_recognition.evaluation import evaluate
from dataset_maker import tiny_video

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def case(shared_dir: Path, tmp_path: Path) -> Path:
    """A copy of the small inputs that come from reports of users."""
    if not (shared_dir / "cases").is_dir():
        pytest.skip("needs the cases in ../shared")
    return Path(shutil.copytree(shared_dir / "cases", tmp_path / "cases"))


def from_folder(folder: Path, output: Path, *options: str) -> Counter[tuple[str, str]]:
    assert main(["data", "from-folder", str(folder), "--output", str(output), *options]) == 0
    return Counter((c.label, c.split) for c in read_manifest(output).clips)


def fill(root: Path, *names: str) -> Path:
    root.mkdir(exist_ok=True)
    video = tiny_video(root)
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(video)
    return root


@pytest.mark.slow
def test_folders_train_val_and_test(case: Path, tmp_path: Path) -> None:
    folder = case / "05-train-val-test-folders" / "UCF101_subset"
    count = from_folder(folder, tmp_path / "m.csv")
    labels = ("Baby Crawling", "Brushing Teeth", "Jumping Jack")
    assert count == {
        (label, split): n
        for label in labels
        for split, n in (("train", 6), ("val", 2), ("test", 4))
    }


@pytest.mark.slow
def test_a_class_of_a_format_that_is_not_read(case: Path, tmp_path: Path, capsys: Capture) -> None:
    folder = case / "07-class-without-a-word" / "data"
    count = from_folder(folder, tmp_path / "m.csv")
    out = capsys.readouterr().out
    assert {label for label, _ in count} == {"Drop", "Slide", "Stay"}
    assert "(no video that can be read): jump\n" in out
    assert "(the format .mpg is not read): 00.mpg, 01.mpg, 02.mpg, 03.mpg\n" in out
    assert "taken: 15 of 19 entries\n" in out


@pytest.mark.parametrize("name", ["bom-crlf.csv", "windows.csv"])
def test_manifests_of_windows_and_excel(case: Path, name: str, capsys: Capture) -> None:
    folder = case / "11-manifest-of-windows-and-excel"
    assert main(["data", "check", str(folder / name)]) == 0
    assert "problem" not in capsys.readouterr().out


def test_new_splits_where_the_given_ones_leak(tmp_path: Path, capsys: Capture) -> None:
    names = [f"{s}/{c}/p{p}/{s}.avi" for s in ("train", "test") for c in "ab" for p in range(8)]
    root = fill(tmp_path / "data", *names)
    count = from_folder(root, tmp_path / "m.csv")
    assert count == {("A", "test"): 8, ("B", "test"): 8, ("A", "left_out"): 8, ("B", "left_out"): 8}
    assert "`data from-folder --new-splits` divides the clips anew" in capsys.readouterr().out
    count = from_folder(root, tmp_path / "m.csv", "--new-splits")
    assert count["A", "train"] == count["B", "train"] == 10
    assert not count["A", "left_out"]


@pytest.mark.slow
def test_evaluate_names_what_is_left_out_beside_its_report(
    tiny_model_path: Path, tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evaluate, "BOOTSTRAP_SAMPLES", 5)
    names = [f"{s}/{c}/{s}{k}.avi" for s in ("train", "test")
             for c in ("jumping", "reading") for k in "12"]  # fmt: skip
    root = fill(tmp_path / "data", *names)
    (root / "test" / "jumping" / "3.wmv").touch()
    unknown = fill(tmp_path / "other", "swaying/1.avi", "swaying/2.gif", "nodding/3.avi")
    options = ["--data", str(root), "--unknown", str(unknown), "--json"]
    assert main(["evaluate", str(tiny_model_path), *options]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["videos"] == 4  # all that lies in test
    assert f"left out: 1 file in {root / 'test' / 'jumping'} (the format .wmv is not" in err
    assert f"unknown classes: left out: 1 file in {unknown / 'swaying'} (the format .gif" in err
