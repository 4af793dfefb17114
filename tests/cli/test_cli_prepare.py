"""`data prepare` on folders that are there already, as a user types it."""

from __future__ import annotations

from pathlib import Path

import pytest

from action_recognition.cli import main
from action_recognition.cli.data.download import wanted_classes
from action_recognition.datasets.manifest_csv import read_manifest
from action_recognition.datasets.official import packaged_hmdb51
from action_recognition.datasets.splits import SPLITS
from dataset_maker import counts, hmdb51_stems, names, tiny_video, ucf101_stems, write_folders

pytestmark = pytest.mark.slow  # the whole file: some seconds

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A root whose clips are unpacked already."""
    write_folders(tmp_path / "data" / "videos", tiny_video(tmp_path))
    return tmp_path / "data"


def prepare(root: Path, *options: str) -> int:
    return main(["data", "prepare", "--root", str(root), *options])


def links(root: Path) -> set[Path]:
    return {p for p in (root / "clips").rglob("*") if not p.is_dir()}


def used(root: Path) -> set[Path]:
    return {c.path for c in read_manifest(root / "manifest.csv").clips if c.split in SPLITS}


def test_classes_count_split_and_films(root: Path, capsys: Capture) -> None:
    classes = ["--classes", "dancing,hit"]
    assert prepare(root, *classes, "--clips-per-class", "10", "--split", "2") == 0
    assert links(root) == used(root)
    manifest = read_manifest(root / "manifest.csv")
    assert counts(manifest) == {"Dancing": (7, 3), "Hitting": (7, 3)}
    groups = {n.split("_g")[1][:2] for n in names(manifest, "IceDancing", "test")}
    assert groups <= {f"{g:02d}" for g in range(8, 15)}
    assert prepare(root, *classes, "--clips-per-class", "all", "--films", "strict") == 0
    assert links(root) == used(root)  # what only the other split used is gone
    manifest = read_manifest(root / "manifest.csv")
    assert sum(counts(manifest)["Dancing"]) == len(ucf101_stems("IceDancing"))
    assert {c.group for c in manifest.clips if c.label == "Hitting"} == {
        packaged_hmdb51()[c.path.stem].group for c in manifest.clips if c.label == "Hitting"
    }


def test_videos_that_lie_elsewhere(root: Path, tmp_path: Path) -> None:
    here = tmp_path / "here"
    folder = str(root / "videos" / "ucf101")
    options = ["--videos", folder, "--classes", "IceDancing", "--clips-per-class", "10"]
    assert prepare(here, *options) == 0
    assert len(list((here / "clips" / "dancing").iterdir())) == 10


def test_a_damaged_clip_and_its_stand_in_are_printed(root: Path, capsys: Capture) -> None:
    bad = root / "videos" / "ucf101" / "IceDancing" / "v_IceDancing_g01_c01.avi"
    bad.unlink()
    bad.write_bytes(b"no video")
    assert prepare(root, "--classes", "IceDancing") == 0
    lines = capsys.readouterr().out.splitlines()
    (refused,) = [line for line in lines if line.startswith("refused: ")]
    assert refused.startswith(f"refused: {bad.name}: ")
    new = refused.rpartition("; replaced by ")[2]
    assert f"test: {new}: stands for {bad.name}, which was refused" in lines


def test_downloaded_lists_go_before_those_in_the_package(root: Path) -> None:
    """Here the sides of two splits are exchanged."""
    lists = root / "splits" / "hmdb51"
    lists.mkdir(parents=True)
    number = {None: 0, "train": 1, "test": 2, "val": 1}
    for k in (1, 2, 3):
        rows = [
            f"{stem}.avi {number[packaged_hmdb51()[stem].splits[3 - k]]} \n"
            for stem in hmdb51_stems()["hit"]
        ]
        (lists / f"hit_test_split{k}.txt").write_text("".join(rows))
    assert prepare(root, "--classes", "hit") == 0
    third = {s for s in hmdb51_stems()["hit"] if packaged_hmdb51()[s].splits[2] == "test"}
    assert names(read_manifest(root / "manifest.csv"), "hit", "test") == third


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--classes", "sword"], "class 'sword' is not there"),
        (["--clips-per-class", "1"], "clips per class: 1, must be at least 2"),
        (["--videos", "nowhere"], "nowhere: there is no such folder of videos"),
    ],
)
def test_what_is_wrong_is_one_sentence(
    root: Path, options: list[str], sentence: str, capsys: Capture
) -> None:
    assert prepare(root, *options) == 2
    err = capsys.readouterr().err
    assert err.startswith("action-recognition: ")
    assert sentence in err
    assert err.count("\n") == 1
    assert not (root / "manifest.csv").exists()


def test_a_damaged_list_or_manifest_is_named(root: Path, capsys: Capture) -> None:
    (root / "manifest.csv").write_text("not,a,manifest\n")
    assert prepare(root) == 2
    assert "manifest.csv: not a manifest" in capsys.readouterr().err
    (root / "manifest.csv").unlink()
    lists = root / "splits" / "ucf101"
    lists.mkdir(parents=True)
    (lists / "trainlist01.txt").write_text("<html>\n")
    assert prepare(root) == 2
    assert "trainlist01.txt, line 1: '<html>' is no line" in capsys.readouterr().err


@pytest.mark.parametrize("options", [["--clips-per-class", "many"], ["--split", "4"]])
def test_wrong_usage(root: Path, options: list[str], capsys: Capture) -> None:
    with pytest.raises(SystemExit) as stop:
        prepare(root, *options)
    assert stop.value.code == 2
    assert options[0] in capsys.readouterr().err


def test_which_data_set_a_class_is_looked_for_in() -> None:
    ten = wanted_classes(None)
    assert (len(ten["UCF101"]), len(ten["HMDB51"])) == (4, 6)
    assert wanted_classes(["Archery", "wave", "dancing", "drinking"]) == {
        "UCF101": ["Archery", "IceDancing"],
        "HMDB51": ["wave", "drink"],
    }
