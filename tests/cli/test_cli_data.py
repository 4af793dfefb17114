"""The `data` commands and `reproduce`, as a user types them, against a local server."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

import pytest

from action_recognition.cli import main
from action_recognition.datasets.download.sources import choose_sources
from action_recognition.datasets.folders import load_data
from action_recognition.datasets.manifest_csv import read_manifest
from action_recognition.models.model_file import load_model
from dataset_maker import tiny_video
from file_server import Answer, Servers, asked_of

Capture = pytest.CaptureFixture[str]


pytestmark = pytest.mark.usefixtures("fewer_samples")


@pytest.fixture
def from_server(server: Servers) -> list[str]:
    """Options that name the local server for all four files."""
    pairs = (f"{f.name}={server[f.file_name].url()}" for f in choose_sources("all"))
    return [option for pair in pairs for option in ("--source", pair)]


@pytest.mark.slow
def test_download_prepare_check(
    from_server: list[str], server: Servers, tmp_path: Path, capsys: Capture
) -> None:
    root = ["--root", str(tmp_path / "data")]
    assert main(["data", "check", *root]) == 1
    assert "data prepare` writes it" in capsys.readouterr().out
    assert main(["data", "prepare", *root]) == 2
    assert "run `action-recognition data download` first" in capsys.readouterr().err

    assert main(["data", "download", *root, *from_server]) == 0
    out, err = capsys.readouterr()
    assert "ucf101-videos: unpacked" in out
    assert "fetching UCF101.rar: 100%" in err
    assert main(["data", "prepare", *root]) == 0
    out = capsys.readouterr().out
    assert "  300 " in next(line for line in out.splitlines() if line.startswith("all "))
    assert "written: " in out
    manifest = read_manifest(tmp_path / "data" / "manifest.csv")
    assert len(manifest.clips) == 1000
    assert main(["data", "check", *root]) == 0
    out = capsys.readouterr().out
    assert "leak check: passed" in out
    assert "note: 48 train and val clips" in out

    before = (tmp_path / "data" / "manifest.csv").stat().st_mtime_ns
    asked = asked_of(server)
    assert main(["data", "download", *root, *from_server]) == 0
    assert capsys.readouterr().out.count(": there already, ") == 4
    shards = tmp_path / "shards"
    assert main(["data", "prepare", *root, "--shards", str(shards)]) == 0
    out = capsys.readouterr().out
    assert "unchanged: " in out
    assert f"written: {shards}: 1000 clips in 3 shards (1 train, 1 val, 1 test)" in out
    assert Counter(c.label for c in load_data([shards]).clips) == Counter(
        c.label for c in manifest.clips
    )
    assert (tmp_path / "data" / "manifest.csv").stat().st_mtime_ns == before
    assert asked_of(server) == asked


def test_addresses_from_a_settings_file(server: Servers, tmp_path: Path, capsys: Capture) -> None:
    settings = tmp_path / "mirrors.toml"
    settings.write_text(
        "".join(
            f'[{f.name}]\nlocations = ["gone", "{server[f.file_name].url()}"]\n'
            for f in choose_sources("ucf101")
        )
    )
    command = ["data", "download", "--root", str(tmp_path / "data"), "--dataset", "ucf101"]
    assert main([*command, "--sources", str(settings)]) == 0
    assert asked_of(server) == 2
    assert (tmp_path / "data" / "videos" / "ucf101" / "IceDancing").is_dir()


def test_a_download_that_fails_is_one_sentence(
    server: Servers, tmp_path: Path, capsys: Capture
) -> None:
    command = ["data", "download", "--root", str(tmp_path / "data"), "--dataset", "hmdb51"]
    server["UCF101.rar"].then = Answer(404)
    gone = server["UCF101.rar"].url()
    assert main([*command, "--source", f"hmdb51-splits={gone}"]) == 2
    err = capsys.readouterr().err.strip().splitlines()[-1]
    assert err.startswith("action-recognition: test_train_splits.rar: cannot be fetched; http")
    assert "404" in err


def edit(path: Path, row: int, **values: str) -> None:
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    rows[row] |= values
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


@pytest.fixture
def own_clips(tmp_path: Path) -> Path:
    """Twelve classes of twelve clips in six folders each; the folders' names repeat."""
    video = tiny_video(tmp_path)
    for cls in range(12):
        for person in range(6):
            folder = tmp_path / "clips" / f"class_{cls}" / f"person_{person}"
            folder.mkdir(parents=True)
            for k in range(2):
                (folder / f"c{cls}p{person}_{k}.avi").write_bytes(video)
    return tmp_path / "clips"


def test_check_finds_leaks_and_missing_files(
    own_clips: Path, tmp_path: Path, capsys: Capture
) -> None:
    target = tmp_path / "manifest.csv"
    assert main(["data", "from-folder", str(own_clips), "--output", str(target)]) == 0
    assert main(["data", "check", str(target)]) == 0
    capsys.readouterr()
    clips = read_manifest(target).clips
    other = "test" if clips[0].split != "test" else "train"
    edit(target, 0, split=other)
    assert main(["data", "check", str(target)]) == 1
    out = capsys.readouterr().out
    assert "problem: the split leaks: groups in two splits: person_" in out
    assert "leak check: FAILED" in out
    edit(target, 0, split=clips[0].split)
    clips[0].path.unlink()
    assert main(["data", "check", str(target)]) == 1
    out = capsys.readouterr().out
    assert f"problem: {clips[0].path}: the file is gone" in out
    assert "leak check: passed" in out


@pytest.mark.slow
@pytest.mark.parametrize("classes", [2, 3, 12])
def test_sub_folders_are_groups_across_classes(
    own_clips: Path, tmp_path: Path, classes: int
) -> None:
    target = tmp_path / "manifest.csv"
    wanted = ",".join(f"class_{k}" for k in range(classes))
    command = ["data", "from-folder", str(own_clips), "--classes", wanted]
    assert main([*command, "--output", str(target)]) == 0
    manifest = load_data([target])
    assert len(manifest.labels) == classes
    sides: dict[str, set[str]] = {}
    for c in manifest.clips:
        sides.setdefault(c.path.parent.name, set()).add(c.split)
    assert len(sides) == 6
    assert all(len(s) == 1 for s in sides.values())
    assert {side for s in sides.values() for side in s} == {"train", "val", "test"}


def test_from_folder_twice_and_an_output_that_cannot_be_written(
    own_clips: Path, tmp_path: Path, capsys: Capture
) -> None:
    command = ["data", "from-folder", str(own_clips), "--classes", "class_1,class_2", "--output"]
    assert main([*command, str(tmp_path / "a.csv")]) == 0
    assert main([*command, str(tmp_path / "b.csv")]) == 0
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()
    assert main([*command, str(own_clips)]) == 2
    err = capsys.readouterr().err
    assert err == f"action-recognition: {own_clips}: cannot be written (Is a directory)\n"


@pytest.mark.slow
def test_groups_by_pattern_and_one_file_a_group(own_clips: Path, tmp_path: Path) -> None:
    target = tmp_path / "manifest.csv"
    command = ["data", "from-folder", str(own_clips), "--output", str(target)]
    assert main([*command, "--group-pattern", r"^(c\d+p\d+)_"]) == 0
    assert len({c.group for c in read_manifest(target).clips}) == 72
    assert main([*command, "--groups", "files"]) == 0
    assert len({c.group for c in read_manifest(target).clips}) == 144


@pytest.mark.slow
def test_reproduce(
    from_server: list[str], server: Servers, tiny_model_path: Path, tmp_path: Path, capsys: Capture
) -> None:
    root = tmp_path / "data"
    command = ["reproduce", "--root", str(root), *from_server, "--clips-per-class", "10"]
    command += ["--dataset", "ucf101", "--init", str(tiny_model_path), "--tuned-layers", "1"]
    command += ["--epochs", "1", "--views", "1", "--frames", "2", "--film-epochs", "1"]
    command += ["--lstm", "8", "--gru", "8", "--workers", "0", "--device", "cpu"]
    assert main(command) == 0
    out = capsys.readouterr().out
    headings = [line for line in out.splitlines() if line.startswith("== ")]
    assert headings == ["== download", "== prepare", "== train", "== report"]
    assert (root / "report" / "confusion.png").exists()
    model = load_model(root / "model.h5")
    assert len(model.classes) == 4
    assert model.metrics["videos"] == 12  # three of ten clips of each
    files = [root / "model.h5", root / "manifest.csv", root / "report" / "report.md"]
    before = [p.stat().st_mtime_ns for p in files]
    asked = asked_of(server)

    assert main(command) == 0
    out = capsys.readouterr().out
    assert "== train: done already" in out
    assert "== report: done already" in out
    assert "macro-F1" in out
    assert [p.stat().st_mtime_ns for p in files] == before
    assert asked_of(server) == asked

    (root / "report" / "report.json").unlink()  # the report alone is made again
    assert main(command) == 0
    out = capsys.readouterr().out
    assert "== train: done already" in out
    assert "== report\n" in out
    assert load_model(root / "model.h5").metrics == model.metrics

    assert main([*command, "--made", "2"]) == 0  # another network: trained and measured anew
    out = capsys.readouterr().out
    assert "not resumed, begun anew: cannot resume: clips, architecture differ" in out
    assert "== train\n" in out
    assert "== report\n" in out
    assert load_model(root / "model.h5").background == ("(nothing)",)


def test_reproduce_refuses_another_ending(tmp_path: Path, capsys: Capture) -> None:
    options = ["--root", str(tmp_path), "--output", str(tmp_path / "m.bin")]
    assert main(["reproduce", *options]) == 2
    assert "m.bin: the name of a model file ends in .h5" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
