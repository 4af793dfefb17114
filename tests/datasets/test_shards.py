"""Clips written into shards, and what standard readers and ours find in them."""

from __future__ import annotations

import json
import os
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest

from action_recognition.datasets.folders import load_data
from action_recognition.datasets.manifest import Clip, Manifest
from action_recognition.datasets.shards.read import INDEX, find_shards, read_shards
from action_recognition.datasets.shards.write import write_shards
from action_recognition.errors import DataError
from shard_maker import clips_of

SMALL = 20 * 1024  # bytes of a shard: some clips


@pytest.fixture
def manifest(tmp_path: Path) -> Manifest:
    return clips_of(tmp_path / "clips")


def contents(folder: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in sorted(folder.iterdir())}


def facts(clip: Clip) -> tuple[object, ...]:
    return clip.label, clip.dataset, clip.original_class, clip.split, clip.duration_s


def test_clips_come_back_as_they_were(manifest: Manifest, tmp_path: Path) -> None:
    written = write_shards(manifest, tmp_path / "shards", shard_bytes=SMALL)
    names = [name for name, _, _ in written.shards]
    assert names[0] == "train-000000.tar"
    assert {name[:5] for name in names} == {"train", "val-0", "test-"}
    assert max(size for _, _, size in written.shards) <= SMALL
    used = {c.path.read_bytes(): c for c in manifest.clips if c.split != "refused"}
    found = read_shards(find_shards(tmp_path / "shards"))
    assert len(found) == len(used) == sum(count for _, count, _ in written.shards)
    for clip in found:
        source = clip.source()
        assert not isinstance(source, Path)
        original = used.pop(source.read())
        assert facts(clip) == facts(original)
        name = original.path.relative_to(tmp_path / "clips").as_posix()
        assert clip.group == f"{name} ({original.size()})"
        assert clip.size() == original.size()
        assert clip.path.parent.name == f"{clip.split}-{clip.path.parent.stem[-6:]}.tar"


def test_a_standard_reader_finds_them(manifest: Manifest, tmp_path: Path) -> None:
    wds = pytest.importorskip("webdataset", reason="the extra dev is not installed")
    write_shards(manifest, tmp_path / "shards", shard_bytes=SMALL)
    urls = [str(p) for p in sorted((tmp_path / "shards").glob("train-*.tar"))]
    samples = list(wds.WebDataset(urls, shardshuffle=False))
    wanted = {c.path.read_bytes(): c.label for c in manifest.split("train")}
    assert {s["mp4"]: json.loads(s["json"])["label"] for s in samples} == wanted
    assert len({s["__key__"] for s in samples}) == len(wanted)
    assert not any("." in s["__key__"] for s in samples)


def test_the_same_clips_give_the_same_bytes(manifest: Manifest, tmp_path: Path) -> None:
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        write_shards(manifest, tmp_path / name, shard_bytes=SMALL, seed=seed)
    assert contents(tmp_path / "a") == contents(tmp_path / "b") != contents(tmp_path / "c")
    moved = clips_of(tmp_path / "elsewhere" / "clips")
    write_shards(moved, tmp_path / "d", shard_bytes=SMALL)
    assert contents(tmp_path / "a") == contents(tmp_path / "d")


def test_each_shard_has_clips_of_all_classes(tmp_path: Path) -> None:
    write_shards(clips_of(tmp_path, train=60), tmp_path / "shards", shard_bytes=200 * 1024)
    for shard in find_shards(f"{tmp_path}/shards/train-*.tar"):
        assert {clip.label for clip in read_shards([shard])} == {"Jump", "Run"}


def test_clips_of_one_group_stay_one(manifest: Manifest, tmp_path: Path) -> None:
    first, *others = manifest.split("train")
    copies = [replace(c, group=first.group) for c in others[:4]]  # as copies are put together
    write_shards(Manifest((first, *copies, *others[4:])), tmp_path / "shards")
    groups = [c.group for c in read_shards(find_shards(tmp_path / "shards"))]
    assert max(map(groups.count, groups)) == 5
    assert len(set(groups)) == 8
    assert not any(str(tmp_path) in group for group in groups)


def test_started_again_it_keeps_what_is_done(manifest: Manifest, tmp_path: Path) -> None:
    folder = tmp_path / "shards"
    number = len(write_shards(manifest, folder, shard_bytes=SMALL).shards)
    whole = contents(folder)
    assert write_shards(manifest, folder, shard_bytes=SMALL).kept == number
    (folder / "train-000001.tar").unlink()
    (folder / INDEX).unlink()
    (folder / "train-000000.tar").write_bytes(whole["train-000000.tar"][:4000])
    assert write_shards(manifest, folder, shard_bytes=SMALL).kept == number - 2
    assert contents(folder) == whole
    clip = manifest.split("test")[0].path  # changed, with the size that it had
    clip.write_bytes(clip.read_bytes()[::-1])
    os.utime(clip, (2**32, 2**32))
    assert write_shards(manifest, folder, shard_bytes=SMALL).kept < number
    assert clip.read_bytes() in b"".join(contents(folder).values())


def test_interrupted_it_leaves_whole_shards(
    manifest: Manifest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "shards"
    real = tarfile.TarFile.addfile

    def stop(self: tarfile.TarFile, entry: tarfile.TarInfo, *rest: object) -> None:
        if entry.name.startswith("000001") and "val" in entry.name:
            raise KeyboardInterrupt
        real(self, entry, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(tarfile.TarFile, "addfile", stop)
    with pytest.raises(KeyboardInterrupt):
        write_shards(manifest, folder, shard_bytes=SMALL)
    monkeypatch.undo()
    assert {p.name[:5] for p in folder.iterdir()} == {"train"}
    assert len(read_shards(find_shards(folder))) == 12


def test_shards_of_other_clips_are_not_mixed_in(manifest: Manifest, tmp_path: Path) -> None:
    folder = tmp_path / "shards"
    write_shards(manifest, folder, shard_bytes=SMALL)
    with pytest.raises(DataError, match=r"shards: test-000001\.tar is not of these clips"):
        write_shards(manifest, folder)
    again = Manifest(tuple(read_shards(find_shards(folder))))
    with pytest.raises(DataError, match="come from there"):
        write_shards(again, folder, shard_bytes=SMALL)
    write_shards(again, tmp_path / "large")
    assert len(find_shards(tmp_path / "large")) == 3


def test_a_clip_that_is_gone_is_named(manifest: Manifest, tmp_path: Path) -> None:
    manifest.split("train")[3].path.unlink()
    with pytest.raises(DataError, match=r"train 3\.v1\.mp4: cannot be read \(No such file"):
        write_shards(manifest, tmp_path / "shards")
    with pytest.raises(DataError, match="no clip is in a split"):
        write_shards(Manifest(()), tmp_path / "shards")


def test_data_are_loaded_from_a_folder_and_from_patterns(
    manifest: Manifest, tmp_path: Path
) -> None:
    write_shards(manifest, tmp_path / "shards", shard_bytes=SMALL)
    loaded = load_data([tmp_path / "shards"])
    assert [len(loaded.split(s)) for s in ("train", "val", "test")] == [12, 3, 4]
    one = load_data([f"{tmp_path}/shards/t*.tar"], validation=False)
    assert [len(one.split(s)) for s in ("train", "val", "test")] == [12, 0, 4]
    assert load_data([f"{tmp_path}/shards/t*.tar"]).split("val")  # carved out of train
    with pytest.raises(DataError, match=r"nix-\*\.tar: nothing matches it"):
        load_data([f"{tmp_path}/shards/nix-*.tar"])
    with pytest.raises(DataError, match="no clips of class 'Swim'"):
        load_data([tmp_path / "shards"], classes=["Swim"])
    assert load_data([tmp_path / "shards"], classes=["Jump"]).labels == ("Jump",)
