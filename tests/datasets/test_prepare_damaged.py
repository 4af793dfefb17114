"""Damaged clips at `prepare`: refused by name, replaced, and both stand in the manifest."""

from __future__ import annotations

from pathlib import Path

import pytest

from action_recognition.datasets.manifest import Clip, Manifest
from action_recognition.datasets.official import packaged_hmdb51
from action_recognition.datasets.prepare import prepare
from dataset_maker import counts, hmdb51_stems, names, tiny_video, write_folders


@pytest.fixture
def own(tmp_path: Path) -> list[Path]:
    """Both data sets, for one test to damage."""
    return write_folders(tmp_path / "videos", tiny_video(tmp_path))


def damage(path: Path) -> None:
    path.unlink()  # a hard link: the others keep their bytes
    path.write_bytes(b"RIFF no video")


def row(manifest: Manifest, stem: str) -> Clip:
    (found,) = [c for c in manifest.clips if c.path.stem == stem]
    return found


def test_a_damaged_clip_is_replaced_within_its_group(own: list[Path], tmp_path: Path) -> None:
    before = prepare(own, tmp_path / "before")
    bad = "v_BabyCrawling_g03_c01"  # group 3 has 7 clips, of which 4 or 5 are taken
    damage(own[0] / "BabyCrawling" / f"{bad}.avi")
    manifest = prepare(own, tmp_path / "clips")
    refused = row(manifest, bad)
    assert refused.split == "refused"
    (new,) = names(manifest, "BabyCrawling", "test") - names(before, "BabyCrawling", "test")
    assert new.startswith("v_BabyCrawling_g03_")
    assert refused.reason.endswith(f"; replaced by {new}.avi")
    assert row(manifest, new).reason == f"stands for {bad}.avi, which was refused"
    assert counts(manifest) == counts(before)
    assert not (tmp_path / "clips" / "baby_crawling" / f"{bad}.avi").exists()


def test_a_damaged_stand_in_is_replaced_too(own: list[Path], tmp_path: Path) -> None:
    for clip in range(1, 8):  # all of group 3
        damage(own[0] / "BabyCrawling" / f"v_BabyCrawling_g03_c{clip:02d}.avi")
    manifest = prepare(own, tmp_path / "clips")
    assert counts(manifest)["Baby Crawling"] == (70, 30)
    test = names(manifest, "BabyCrawling", "test")
    assert not any("_g03_" in n for n in test)
    bad = [c for c in manifest.refused if "_g03_" in c.path.stem]
    assert len(bad) == 7
    assert all("replaced by v_BabyCrawling_g" in c.reason for c in bad)


def test_an_unused_clip_of_hmdb51_steps_in(own: list[Path], tmp_path: Path) -> None:
    stems = [s for s in hmdb51_stems()["drink"] if packaged_hmdb51()[s].splits[0] == "test"]
    damage(own[1] / "drink" / f"{stems[0]}.avi")
    manifest = prepare(own, tmp_path / "clips")
    assert counts(manifest)["Drinking"] == (70, 30)
    (new,) = names(manifest, "drink", "test") - set(stems)
    assert packaged_hmdb51()[new].splits[0] is None
    film = packaged_hmdb51()[new].group
    learned = [c.path.stem for c in manifest.clips if c.split in ("train", "val")]
    assert film not in {packaged_hmdb51()[s].group for s in learned if s in packaged_hmdb51()}
    assert "not used in official split 1" in row(manifest, new).reason
    assert f"stands for {stems[0]}.avi" in row(manifest, new).reason


def test_nothing_is_left_to_replace_it(own: list[Path], tmp_path: Path) -> None:
    bad = next(s for s in hmdb51_stems()["shoot_gun"] if packaged_hmdb51()[s].splits[0] == "test")
    damage(own[1] / "shoot_gun" / f"{bad}.avi")
    manifest = prepare(own, tmp_path / "clips", clips_per_class=None)
    assert row(manifest, bad).reason.endswith("; no clip is left to replace it")
    assert counts(manifest)["Gun Shooting"] == (70, 29)


def test_a_clip_that_is_repaired_is_taken_again(own: list[Path], tmp_path: Path) -> None:
    path = own[0] / "IceDancing" / "v_IceDancing_g01_c01.avi"
    damage(path)
    assert row(prepare(own, tmp_path / "clips"), path.stem).split == "refused"
    path.write_bytes((own[0].parent / "one.avi").read_bytes())
    manifest = prepare(own, tmp_path / "clips")
    assert row(manifest, path.stem).split == "test"
    assert manifest.refused == []
