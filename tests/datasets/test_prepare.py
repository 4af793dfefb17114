"""What `prepare` picks, on a small UCF101 and HMDB51 with official names."""

from __future__ import annotations

import csv
import shutil
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

from action_recognition.actions import ACTIONS
from action_recognition.datasets import prepare as prepare_module
from action_recognition.datasets import probe as probe_module
from action_recognition.datasets.manifest import Manifest
from action_recognition.datasets.manifest_csv import read_manifest, write_manifest
from action_recognition.datasets.official import find_official, packaged_hmdb51
from action_recognition.datasets.prepare import Choice, prepare
from action_recognition.datasets.probe import Probe
from action_recognition.datasets.splits import SPLITS, check_leaks
from action_recognition.errors import DataError
from dataset_maker import (
    HMDB51,
    UCF101,
    counts,
    hmdb51_stems,
    names,
    tiny_video,
    ucf101_stems,
    write_folders,
)

pytestmark = pytest.mark.slow  # they write and prepare whole data sets


@pytest.fixture(scope="session")
def video(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return tiny_video(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory, video: bytes) -> list[Path]:
    """Both data sets, which no test changes."""
    return write_folders(tmp_path_factory.mktemp("whole"), video)


@pytest.fixture(scope="session")
def prepared(whole: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    return prepare(whole, tmp_path_factory.mktemp("prepared") / "clips")


@pytest.fixture
def own(tmp_path: Path, video: bytes) -> list[Path]:
    """Both data sets, for one test to damage."""
    return write_folders(tmp_path / "videos", video)


def test_a_thousand_clips(prepared: Manifest) -> None:
    assert counts(prepared) == {a.name: (70, 30) for a in ACTIONS}
    assert len(prepared.clips) == 1000
    assert all(5 <= len(names(prepared, a.original_class, "val")) <= 20 for a in ACTIONS)


def test_hmdb51_is_the_official_split(prepared: Manifest) -> None:
    for cls in HMDB51:
        for side, mine in (("train", ("train", "val")), ("test", ("test",))):
            official = {s for s in hmdb51_stems()[cls] if packaged_hmdb51()[s].splits[0] == side}
            assert names(prepared, cls, *mine) == official


def test_ucf101_is_spread_over_the_groups_of_its_side(prepared: Manifest) -> None:
    for cls in UCF101:
        test, train = names(prepared, cls, "test"), names(prepared, cls, "train", "val")
        groups = [Counter(n.split("_g")[1][:2] for n in side) for side in (test, train)]
        assert set(groups[0]) == {f"{g:02d}" for g in range(1, 8)}
        assert set(groups[1]) == {f"{g:02d}" for g in range(8, 26)}
        assert set(groups[0].values()) == {4, 5}  # 30 of 7 groups with 4 to 7 clips
        assert set(groups[1].values()) == {3, 4}  # 70 of 18


def test_no_group_stands_on_two_sides(prepared: Manifest) -> None:
    check_leaks([c.group for c in prepared.clips], [c.split for c in prepared.clips])
    films = {}
    for c in prepared.clips:
        if c.split in ("train", "val"):  # a film is in one of the two, whatever its class
            official = find_official(c.path.stem)
            assert official is not None
            assert films.setdefault(official.group, c.split) == c.split


@pytest.mark.parametrize("split", [1, 2, 3])
def test_strict_films(whole: list[Path], tmp_path: Path, split: int) -> None:
    manifest = prepare(whole, tmp_path / "clips", Choice(official_split=split, films="strict"))
    side_of: dict[str, set[str]] = {}
    for c in manifest.clips:
        official = find_official(c.path.stem)
        assert official is not None
        assert c.group == official.group
        if c.split in SPLITS:
            side_of.setdefault(official.group, set()).add(c.split)
    assert all(len(sides) == 1 for sides in side_of.values())
    assert all(test == 30 and train >= 20 for train, test in counts(manifest).values())
    assert all(c.reason.startswith("film ") for c in manifest.left_out)
    stand_ins = [c for c in manifest.clips if "its film is free" in c.reason]
    assert stand_ins
    for c in stand_ins:
        assert find_official(c.path.stem).splits[split - 1] is None  # type: ignore[union-attr]


@pytest.mark.parametrize(("split", "groups"), [(2, range(8, 15)), (3, range(15, 22))])
def test_other_splits(whole: list[Path], tmp_path: Path, split: int, groups: range) -> None:
    manifest = prepare(whole, tmp_path / "clips", Choice(official_split=split))
    assert counts(manifest) == {a.name: (70, 30) for a in ACTIONS}
    found = {int(n.split("_g")[1][:2]) for n in names(manifest, "IceDancing", "test")}
    assert found == set(groups)


def test_fewer_clips_and_all_clips(whole: list[Path], tmp_path: Path) -> None:
    few = prepare(whole, tmp_path / "few", Choice(clips_per_class=20))
    assert counts(few) == {a.name: (14, 6) for a in ACTIONS}
    films = Counter(c.group for c in few.clips if c.original_class == "drink")
    assert max(films.values()) == 1  # there are films enough for one clip of each
    all_of_them = prepare(whole, tmp_path / "all", Choice(clips_per_class=None))
    assert len(names(all_of_them, "IceDancing", *SPLITS)) == len(ucf101_stems("IceDancing"))
    assert counts(all_of_them)["Drinking"] == (70, 30)
    with pytest.raises(DataError, match="clips per class: 1, must be at least 2"):
        prepare(whole, tmp_path / "none", Choice(clips_per_class=1))


def test_folders_are_links_that_can_be_moved(own: list[Path], tmp_path: Path) -> None:
    manifest = prepare(own, tmp_path / "clips")
    link = next(c.path for c in manifest.clips if c.original_class == "IceDancing")
    assert link.parent == tmp_path / "clips" / "dancing"
    assert link.is_symlink()
    assert not link.readlink().is_absolute()
    write_manifest(manifest, tmp_path / "manifest.csv")
    moved = tmp_path.with_name(tmp_path.name + " moved")
    tmp_path.rename(moved)
    assert all(c.path.is_file() for c in read_manifest(moved / "manifest.csv").split("test"))
    moved.rename(tmp_path)


@pytest.mark.parametrize("hard", [True, False])
def test_file_systems_without_links(
    own: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hard: bool
) -> None:
    def fail(*_: object) -> None:
        raise OSError("not supported")

    monkeypatch.setattr(Path, "symlink_to", fail)
    if not hard:
        monkeypatch.setattr(Path, "hardlink_to", fail)
    manifest = prepare(own, tmp_path / "clips", Choice(clips_per_class=10))
    path = manifest.split("test")[0].path
    assert not path.is_symlink()
    assert path.samefile(own[0].parent / "one.avi") == hard
    before = path.stat().st_ctime_ns  # a copy takes its time of change along
    assert prepare(own, tmp_path / "clips", Choice(clips_per_class=10)) == manifest
    assert path.stat().st_ctime_ns == before


def test_twice_changes_nothing_and_decodes_nothing(
    whole: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = prepare(whole, tmp_path / "clips")
    before = {c.path: c.path.lstat().st_mtime_ns for c in first.clips}

    def fail(*_: object) -> None:
        raise AssertionError("decoded again")

    monkeypatch.setattr(probe_module, "Video", fail)
    second = prepare(whole, tmp_path / "clips", previous=first)
    assert second == first
    assert {c.path: c.path.lstat().st_mtime_ns for c in second.clips} == before


def test_another_split_removes_what_is_no_longer_wanted(whole: list[Path], tmp_path: Path) -> None:
    first = prepare(whole, tmp_path / "clips", Choice(clips_per_class=10))
    (tmp_path / "clips" / "dancing" / "mine.mp4").write_bytes(b"")
    second = prepare(
        whole, tmp_path / "clips", Choice(clips_per_class=10, official_split=2), previous=first
    )
    there = {p.name for p in (tmp_path / "clips").rglob("*") if not p.is_dir()}
    assert there == {c.path.name for c in second.clips} | {"mine.mp4"}
    assert all((whole[0].parent / "one.avi").samefile(c.path) for c in second.clips)


def test_files_without_another_name_are_never_removed(tmp_path: Path, video: bytes) -> None:
    """Clips that were put into the folder itself, under the names of the folders here."""
    folder = tmp_path / "clips" / "dancing"
    folder.mkdir(parents=True)
    for stem in ucf101_stems("IceDancing"):
        (folder / f"{stem}.avi").write_bytes(video)
    first = prepare([tmp_path / "clips"], tmp_path / "clips", Choice(classes=["dancing"]))
    assert len(first.clips) == 100
    second = prepare(
        [tmp_path / "clips"],
        tmp_path / "clips",
        Choice(classes=["dancing"], clips_per_class=10),
        previous=first,
    )
    assert counts(second) == {"Dancing": (7, 3)}
    there = [p for p in folder.iterdir() if not p.is_symlink()]
    assert len(there) == len(ucf101_stems("IceDancing"))


def test_a_folder_that_cannot_be_written(whole: list[Path], tmp_path: Path) -> None:
    (tmp_path / "clips").touch()
    reason = r"\.avi: cannot be written \(clips is a file, not a folder\)$"
    with pytest.raises(DataError, match=reason):
        prepare(whole, tmp_path / "clips", Choice(classes=["IceDancing"], clips_per_class=4))


def test_a_class_that_is_not_there(own: list[Path], tmp_path: Path) -> None:
    shutil.rmtree(own[1] / "smoke")
    with pytest.raises(DataError, match=r"^class 'smoke' is not there: .*data download"):
        prepare(own, tmp_path / "clips")
    (own[1] / "smoke").mkdir()
    with pytest.raises(DataError, match=r"^class 'smoke' has no train clip of official split 1"):
        prepare(own, tmp_path / "clips")
    with pytest.raises(DataError, match="there is no such folder of videos"):
        prepare([tmp_path / "nowhere"], tmp_path / "clips")


def test_downloaded_lists_go_before_those_in_the_package(whole: list[Path], tmp_path: Path) -> None:
    lists = {
        s: type(c)(c.dataset, c.original_class, c.source, c.group, c.splits[::-1])
        for s, c in packaged_hmdb51().items()
    }
    manifest = prepare(whole, tmp_path / "clips", lists=lists)
    third = {s for s in hmdb51_stems()["hit"] if packaged_hmdb51()[s].splits[2] == "test"}
    assert names(manifest, "hit", "test") == third


REAL = ("BabyCrawling", "BrushingTeeth", "CuttingInKitchen", "JumpingJack", "fall_floor")
REAL += ("hit", "jump", "push", "run", "walk")


def test_real_clips_decode(shared_dir: Path, tmp_path: Path) -> None:
    manifest = prepare(
        [shared_dir / "clips"], tmp_path / "clips", Choice(classes=REAL, clips_per_class=6)
    )
    assert set(counts(manifest).values()) == {(4, 2)}
    assert len(manifest.clips) == 60  # none is refused
    assert all(c.duration_s > 0.5 for c in manifest.clips)


def test_real_clips_are_counted(
    shared_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def all_good(paths: Sequence[Path], **_: object) -> list[Probe]:  # to decode all takes long
        return [Probe(1.0, "")] * len(paths)

    monkeypatch.setattr(prepare_module, "probe", all_good)
    with (shared_dir / "clips.csv").open(newline="") as file:
        listed = [r for r in csv.DictReader(file) if r["path"].startswith("clips/")]
    rows = [r for r in listed if r["original_class"] in REAL]
    manifest = prepare(
        [shared_dir / "clips"], tmp_path / "clips", Choice(classes=REAL, clips_per_class=None)
    )
    mine = {
        (c.path.stem, c.original_class, "test" if c.split == "test" else "train")
        for c in manifest.clips
    }
    assert mine == {(Path(r["path"]).stem, r["original_class"], r["split1"]) for r in rows}
    assert len(manifest.clips) == len(rows)
    hundred = prepare([shared_dir / "clips"], tmp_path / "hundred", Choice(classes=REAL))
    there = Counter((r["original_class"], r["split1"]) for r in rows)
    for cls in REAL:
        assert len(names(hundred, cls, "train", "val")) == min(70, there[cls, "train"])
        assert len(names(hundred, cls, "test")) == min(30, there[cls, "test"])


def test_a_wrong_split(whole: list[Path], tmp_path: Path) -> None:
    with pytest.raises(DataError, match="official split 4: must be 1, 2 or 3"):
        prepare(whole, tmp_path, Choice(official_split=4))
