"""Damaged clips at `prepare`: refused by name, replaced, and both stand in the manifest."""

from __future__ import annotations

from pathlib import Path

import pytest

from action_recognition.datasets.manifest import Clip, Manifest
from action_recognition.datasets.official import packaged_hmdb51
from action_recognition.datasets.prepare import Choice, prepare
from action_recognition.datasets.splits import SPLITS
from dataset_maker import UCF101, counts, hmdb51_stems, names, tiny_video, write_folders


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return tiny_video(tmp_path_factory.mktemp("tiny"))


@pytest.fixture
def own(tmp_path: Path, video: bytes) -> list[Path]:
    """Both data sets, for one test to damage."""
    return write_folders(tmp_path / "videos", video)


def damage(path: Path, data: bytes = b"RIFF no video") -> None:
    path.unlink()  # a hard link: the others keep their bytes
    path.write_bytes(data)


def row(manifest: Manifest, stem: str) -> Clip:
    (found,) = [c for c in manifest.clips if c.path.stem == stem]
    return found


def used(manifest: Manifest) -> list[Clip]:
    return [c for c in manifest.clips if c.split in SPLITS]


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["garbage", "empty", "truncated"])
def test_a_damaged_clip_is_replaced_within_its_group(
    own: list[Path], tmp_path: Path, video: bytes, kind: str
) -> None:
    before = prepare(own, tmp_path / "before", Choice(classes=UCF101[:2]))
    bad = "v_BabyCrawling_g03_c01"  # group 3 has 7 clips, of which 4 or 5 are taken
    assert bad in names(before, "BabyCrawling", "test")
    data = {"garbage": bytes(range(256)) * 50, "empty": b"", "truncated": video[:-2000]}[kind]
    damage(own[0] / "BabyCrawling" / f"{bad}.avi", data)
    manifest = prepare(own, tmp_path / "clips", Choice(classes=UCF101[:2]))
    refused = row(manifest, bad)
    assert refused.split == "refused"
    (new,) = names(manifest, "BabyCrawling", "test") - names(before, "BabyCrawling", "test")
    assert new.startswith("v_BabyCrawling_g03_")
    assert refused.reason.endswith(f"; replaced by {new}.avi")
    assert row(manifest, new).reason == f"stands for {bad}.avi, which was refused"
    assert counts(manifest) == counts(before)
    assert not (tmp_path / "clips" / "baby_crawling" / f"{bad}.avi").exists()
    assert (tmp_path / "clips" / "baby_crawling" / f"{new}.avi").exists()


@pytest.mark.slow
def test_a_damaged_stand_in_is_replaced_too(own: list[Path], tmp_path: Path) -> None:
    for clip in range(1, 8):  # all of group 3
        damage(own[0] / "BabyCrawling" / f"v_BabyCrawling_g03_c{clip:02d}.avi")
    manifest = prepare(own, tmp_path / "clips", Choice(classes=["BabyCrawling"]))
    assert counts(manifest) == {"Baby Crawling": (70, 30)}
    assert not any("_g03_" in n for n in names(manifest, "BabyCrawling", "test"))
    assert {c.path.stem for c in manifest.refused} == {
        f"v_BabyCrawling_g03_c{clip:02d}" for clip in range(1, 8)
    }
    # Each names its stand-in, which is refused too, until one is good.
    ends = []
    for c in manifest.refused:
        new = c
        while new.split == "refused":
            name = new.reason.rpartition("; replaced by ")[2]
            old, new = new, row(manifest, Path(name).stem)
        assert new.split == "test"
        assert new.reason == f"stands for {old.path.name}, which was refused"
        ends.append(new.path)
    assert len(set(ends)) == sum(c.reason.startswith("stands for ") for c in used(manifest))


@pytest.mark.slow
def test_an_unused_clip_of_hmdb51_steps_in(own: list[Path], tmp_path: Path) -> None:
    stems = [s for s in hmdb51_stems()["drink"] if packaged_hmdb51()[s].splits[0] == "test"]
    damage(own[1] / "drink" / f"{stems[0]}.avi")
    manifest = prepare(own, tmp_path / "clips")
    assert counts(manifest)["Drinking"] == (70, 30)
    (new,) = names(manifest, "drink", "test") - set(stems)
    assert packaged_hmdb51()[new].splits[0] is None
    assert "not used in official split 1" in row(manifest, new).reason
    assert f"stands for {stems[0]}.avi" in row(manifest, new).reason
    assert row(manifest, stems[0]).reason.endswith(f"; replaced by {new}.avi")


def test_nothing_is_left_to_replace_it(own: list[Path], tmp_path: Path) -> None:
    bad = next(s for s in hmdb51_stems()["shoot_gun"] if packaged_hmdb51()[s].splits[0] == "test")
    damage(own[1] / "shoot_gun" / f"{bad}.avi")
    manifest = prepare(own, tmp_path / "clips", Choice(classes=["shoot_gun"], clips_per_class=None))
    assert row(manifest, bad).reason.endswith("; no clip is left to replace it")
    assert counts(manifest)["Gun Shooting"] == (70, 29)


@pytest.mark.slow
def test_all_stand_ins_are_used_up(own: list[Path], tmp_path: Path) -> None:
    for group in range(1, 8):
        for path in (own[0] / "IceDancing").glob(f"*_g{group:02d}_*"):
            if group > 1:
                damage(path)
    manifest = prepare(own, tmp_path / "clips", Choice(classes=["IceDancing"]))
    assert names(manifest, "IceDancing", "test") == {
        p.stem for p in (own[0] / "IceDancing").glob("*_g01_*")
    }
    alone = [c for c in manifest.refused if c.reason.endswith("no clip is left to replace it")]
    assert len(alone) == 30 - len(names(manifest, "IceDancing", "test"))


@pytest.mark.slow
def test_a_clip_that_is_repaired_is_taken_again(own: list[Path], tmp_path: Path) -> None:
    path = own[0] / "IceDancing" / "v_IceDancing_g01_c01.avi"
    damage(path)
    first = prepare(own, tmp_path / "clips", Choice(classes=["IceDancing"]))
    assert row(first, path.stem).split == "refused"
    path.write_bytes((own[0].parent / "one.avi").read_bytes())
    manifest = prepare(own, tmp_path / "clips", Choice(classes=["IceDancing"]), previous=first)
    assert row(manifest, path.stem).split == "test"
    assert manifest.refused == []
    links = {p.stem for p in (tmp_path / "clips" / "dancing").iterdir()}
    assert links == {c.path.stem for c in manifest.clips}
