"""The official archives through a local server: fetched, unpacked as far as needed, then left."""

from __future__ import annotations

import shutil
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Literal

import pytest

from action_recognition.datasets.download.acquire import acquire
from action_recognition.datasets.download.archives import Archive
from action_recognition.datasets.download.fetch import Progress, locked
from action_recognition.datasets.download.sources import RemoteFile, choose_sources
from action_recognition.errors import DataError
from dataset_maker import (
    HMDB51,
    UCF101,
    hmdb51_stems,
    ucf101_stems,
)
from file_server import Answer, FileServer, Servers, asked_of

pytestmark = pytest.mark.slow  # the whole file: some seconds

CLASSES = {"UCF101": UCF101, "HMDB51": HMDB51}


def sources(server: Servers) -> list[RemoteFile]:
    return choose_given(server, "all")


def choose_given(server: Servers, dataset: Literal["ucf101", "all"]) -> list[RemoteFile]:
    given = [f"{f.name}={server[f.file_name].url(f.file_name)}" for f in choose_sources(dataset)]
    return choose_sources(dataset, overrides=given)


def quiet(_: str) -> AbstractContextManager[Progress]:
    return nullcontext(lambda done, total: None)


def tree(folder: Path) -> set[str]:
    return {p.relative_to(folder).as_posix() for p in folder.rglob("*.avi")}


def wanted() -> set[str]:
    files = {f"ucf101/{c}/{s}.avi" for c in UCF101 for s in ucf101_stems(c)}
    return files | {f"hmdb51/{c}/{s}.avi" for c in HMDB51 for s in hmdb51_stems()[c]}


@pytest.mark.slow
def test_only_the_wanted_classes_are_written(server: Servers, tmp_path: Path) -> None:
    report = acquire(sources(server), tmp_path, CLASSES, progress=quiet)
    assert tree(tmp_path / "videos") == wanted()
    assert len(list((tmp_path / "splits" / "hmdb51").glob("*.txt"))) == 3 * 7
    assert len(list((tmp_path / "splits" / "ucf101").glob("*.txt"))) == 7
    assert not list((tmp_path / "archives" / "unpacking").iterdir())
    assert not list(tmp_path.rglob("*.part*"))
    assert report[3].startswith("hmdb51-videos: unpacked, 759 files of 6 classes")


@pytest.mark.slow
def test_progress_counts_what_is_wanted(server: Servers, tmp_path: Path) -> None:
    last: dict[str, tuple[int, int]] = {}

    def bars(title: str) -> AbstractContextManager[Progress]:
        return nullcontext(lambda done, total: last.update({title: (done, total)}))

    acquire(sources(server), tmp_path, CLASSES, progress=bars)
    for name, inner in (("UCF101.rar", UCF101), ("hmdb51_org.rar", HMDB51)):
        size = len(server[name].body)
        assert last[f"fetching {name}"] == (size, size)
        with Archive(tmp_path / "archives" / name) as archive:
            size = sum(
                m.size
                for m in archive.members
                if m.path.stem in inner or m.path.parent.name in inner
            )
        assert last[f"unpacking {name}"] == (size, size)


@pytest.mark.slow
def test_twice_asks_the_server_for_nothing(server: Servers, tmp_path: Path) -> None:
    acquire(sources(server), tmp_path, CLASSES, progress=quiet)
    before = {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*") if p.is_file()}
    asked = asked_of(server)
    report = acquire(sources(server), tmp_path, CLASSES, progress=quiet)
    assert all("there already" in line for line in report)
    assert asked_of(server) == asked
    assert {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*") if p.is_file()} == before


@pytest.mark.slow
def test_archives_can_be_deleted_after_unpacking(server: Servers, tmp_path: Path) -> None:
    acquire(sources(server), tmp_path, CLASSES, progress=quiet)
    for path in (tmp_path / "archives").glob("*.*"):
        path.unlink()
    asked = asked_of(server)
    acquire(sources(server), tmp_path, CLASSES, progress=quiet)
    assert asked_of(server) == asked
    next((tmp_path / "videos" / "hmdb51" / "hit").glob("*.avi")).unlink()
    acquire(sources(server), tmp_path, CLASSES, progress=quiet)
    assert asked_of(server) == asked + 1
    assert len(server["hmdb51_org.rar"].requests) == 2
    assert tree(tmp_path / "videos") == wanted()


def test_a_clip_of_another_size_is_unpacked_again(server: Servers, tmp_path: Path) -> None:
    one = {"UCF101": ["IceDancing"], "HMDB51": []}
    acquire(choose_given(server, "ucf101"), tmp_path, one, progress=quiet)
    clip = tmp_path / "videos" / "ucf101" / "IceDancing" / "v_IceDancing_g01_c01.avi"
    whole = clip.read_bytes()
    clip.write_bytes(whole[:-1])
    acquire(choose_given(server, "ucf101"), tmp_path, one, progress=quiet)
    assert clip.read_bytes() == whole


def test_a_further_class_later(server: Servers, tmp_path: Path) -> None:
    one = {"UCF101": ["IceDancing"], "HMDB51": []}
    report = acquire(sources(server), tmp_path, one, progress=quiet)
    assert {p.split("/")[1] for p in tree(tmp_path / "videos")} == {"IceDancing"}
    assert report[3] == "hmdb51-videos: not needed, no class of HMDB51 is wanted"
    assert not server["hmdb51_org.rar"].requests
    more = {"UCF101": ["IceDancing", "Archery"], "HMDB51": ["wave"]}
    acquire(sources(server), tmp_path, more, progress=quiet)
    found = {p.split("/")[1] for p in tree(tmp_path / "videos")}
    assert found == {"IceDancing", "Archery", "wave"}


def test_a_class_that_was_removed_is_fetched_only_when_it_is_wanted(
    server: Servers, tmp_path: Path
) -> None:
    def get(*classes: str) -> None:
        wanted = {"UCF101": classes, "HMDB51": ()}
        acquire(choose_given(server, "ucf101"), tmp_path, wanted, progress=quiet)

    videos = tmp_path / "videos" / "ucf101"
    get("IceDancing", "Archery")
    (tmp_path / "archives" / "UCF101.rar").unlink()
    shutil.rmtree(videos / "Archery")
    get("IceDancing")
    assert len(server["UCF101.rar"].requests) == 1
    next((videos / "IceDancing").glob("*.avi")).unlink()
    get("IceDancing")
    assert len(server["UCF101.rar"].requests) == 2
    assert not (videos / "Archery").exists()
    get("IceDancing", "Archery")
    for cls in ("IceDancing", "Archery"):
        assert {p.stem for p in (videos / cls).iterdir()} == set(ucf101_stems(cls))


@pytest.mark.parametrize("damage", ["file", "record"])
def test_a_changed_file_of_the_same_size_is_unpacked_again(
    server: Servers, tmp_path: Path, damage: str
) -> None:
    wanted = {"UCF101": ["IceDancing"], "HMDB51": []}
    first = acquire(choose_given(server, "ucf101"), tmp_path, wanted, progress=quiet)
    record = tmp_path / "videos" / "ucf101" / ".unpacked.json"
    video = tmp_path / "videos" / "ucf101" / "IceDancing" / "v_IceDancing_g01_c01.avi"
    before = {path: path.read_bytes() for path in (record, video)}
    if damage == "file":
        content = bytearray(before[video])
        content[len(content) // 2] ^= 1
        video.write_bytes(content)
    else:
        record.write_bytes(before[record].replace(b'"IceDancing"', b'"Archery"'))
        wanted = {"UCF101": ["Archery"], "HMDB51": []}
    again = acquire(choose_given(server, "ucf101"), tmp_path, wanted, progress=quiet)
    assert ": unpacked, " in again[1]
    assert damage == "record" or again[1] == first[1]
    assert video.read_bytes() == before[video]
    assert damage == "record" or record.read_bytes() == before[record]


def test_two_processes_do_not_unpack_into_the_same_folder(server: Servers, tmp_path: Path) -> None:
    wanted = {"UCF101": ["IceDancing"], "HMDB51": []}
    with (
        locked(tmp_path / "videos", "ucf101"),
        pytest.raises(DataError, match=r"^ucf101: another download of it into .* is running$"),
    ):
        acquire(choose_given(server, "ucf101"), tmp_path, wanted, progress=quiet)


@pytest.mark.parametrize("text", ["", "[]", '{"classes": ["IceDancing"]}', '{"files": 3}'])
def test_a_damaged_record_is_as_none(server: Servers, tmp_path: Path, text: str) -> None:
    wanted = {"UCF101": ["IceDancing"], "HMDB51": []}
    first = acquire(choose_given(server, "ucf101"), tmp_path, wanted, progress=quiet)
    record = tmp_path / "videos" / "ucf101" / ".unpacked.json"
    before = record.read_text()
    record.write_text(text)
    (tmp_path / "videos" / "ucf101" / "IceDancing" / "v_IceDancing_g01_c01.avi").write_bytes(b"")
    asked = asked_of(server)
    again = acquire(choose_given(server, "ucf101"), tmp_path, wanted, progress=quiet)
    assert again == [first[0].replace("unpacked", "there already"), first[1]]
    assert asked_of(server) == asked  # the archive is there
    assert record.read_text() == before


@pytest.mark.parametrize("blocked", ["videos", "splits/ucf101", "archives"])
def test_a_folder_that_cannot_be_written(server: Servers, tmp_path: Path, blocked: str) -> None:
    path = tmp_path / blocked
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("a file of this name")
    wanted = {"UCF101": ["IceDancing"], "HMDB51": []}
    with pytest.raises(DataError, match=rf"{blocked}.*: cannot be written"):
        acquire(choose_given(server, "ucf101"), tmp_path, wanted, progress=quiet)


def test_an_archive_without_a_wanted_class(server: Servers, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"^hmdb51_org\.rar: no clip of class 'sword' in it"):
        acquire(sources(server), tmp_path, {**CLASSES, "HMDB51": ["hit", "sword"]}, progress=quiet)


@pytest.mark.slow
def test_other_archives_than_those_of_the_data_set(
    server: Servers, archives: dict[str, bytes], tmp_path: Path
) -> None:
    server["test_train_splits.rar"].body = archives["UCF101.rar"]
    with pytest.raises(DataError, match=r"^test_train_splits\.rar: no split list in it"):
        acquire(sources(server), tmp_path, CLASSES, progress=quiet)


@pytest.mark.slow
def test_cut_and_continued(server: Servers, tmp_path: Path) -> None:
    body = server["UCF101.rar"].body
    with FileServer(body, Answer(cut=100_000), then=Answer(status=404)) as cut:
        server["UCF101.rar"] = cut
        with pytest.raises(DataError, match=r"^UCF101\.rar: cannot be fetched"):
            acquire(sources(server), tmp_path, CLASSES, attempts=1, progress=quiet)
        cut.then = Answer()
        acquire(sources(server), tmp_path, CLASSES, progress=quiet)
        assert cut.ranges == [None, "bytes=100000-", "bytes=100000-"]
        assert tree(tmp_path / "videos") == wanted()
