"""Which videos are searched: files, folders, patterns and archives."""

from __future__ import annotations

import os
import tarfile
import zipfile
from pathlib import Path

import pytest

from action_recognition.errors import VideoError
from action_recognition.search import archives
from action_recognition.search.archives import VideoArchive
from action_recognition.search.places import find_places


@pytest.fixture
def films(tmp_path: Path) -> Path:
    folder = tmp_path / "films"
    (folder / "more" / "deep").mkdir(parents=True)
    for name in ("a.mp4", "notes.txt", ".hidden.mp4", "more/b.AVI", "more/deep/c.mkv"):
        (folder / name).write_bytes(name.encode())
    return folder


def shown(paths: list[Path | str], folder: Path, *, recursive: bool = True) -> list[str]:
    places, errors = find_places(paths, recursive=recursive)
    assert not errors
    return [os.path.relpath(place.shown, folder) for place in places]


def test_of_a_folder_the_videos_are_taken(films: Path) -> None:
    assert shown([films], films) == ["a.mp4", "more/b.AVI", "more/deep/c.mkv"]
    assert shown([films], films, recursive=False) == ["a.mp4"]
    assert shown([films, films / "a.mp4"], films) == ["a.mp4", "more/b.AVI", "more/deep/c.mkv"]


def test_a_file_that_is_named_is_taken_whatever_its_name(films: Path) -> None:
    assert shown([films / "notes.txt"], films) == ["notes.txt"]


def test_patterns(films: Path) -> None:
    assert shown([f"{films}/**/*.mkv"], films) == ["more/deep/c.mkv"]
    assert shown([f"{films}/*"], films) == ["a.mp4", "more/b.AVI", "more/deep/c.mkv"]
    odd = films / "odd[1].mp4"
    odd.write_bytes(b"x")
    assert shown([odd], films) == ["odd[1].mp4"]


def test_what_is_not_there_is_said(films: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    named = [films / "gone.mp4", f"{films}/*.webm", tmp_path / "empty", "a\0b"]
    places, errors = find_places(named)
    assert not places
    assert [e.reason for e in errors] == [
        "there is no such file", "nothing matches it", "there is no video in it",
        "there is no such file",
    ]  # fmt: skip


def test_links_in_circles_end(films: Path) -> None:
    (films / "more" / "up").symlink_to(films)
    (films / "again.mp4").symlink_to(films / "a.mp4")
    assert shown([films], films) == ["a.mp4", "more/b.AVI", "more/deep/c.mkv"]


def _zip(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("in/a.mp4", b"first")
        archive.writestr("../../out.mp4", b"second")
        archive.writestr("__MACOSX/._a.mp4", b"no video")
        archive.writestr("readme.txt", b"text")


def _tar(path: Path) -> None:
    source = path.with_name("source.bin")
    for name, content in (("in/a.mp4", b"first"), ("../../out.mp4", b"second")):
        source.write_bytes(content)
        with tarfile.open(path, "a") as archive:
            archive.add(source, name)
    with tarfile.open(path, "a") as archive:
        link = tarfile.TarInfo("link.mp4")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)


@pytest.mark.parametrize(("name", "write"), [("x.zip", _zip), ("x.tar", _tar)])
def test_archives_are_read_and_nothing_is_unpacked(name: str, write, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / name
    write(path)
    before = sorted(tmp_path.rglob("*"))
    places, errors = find_places([path])
    assert not errors
    assert [p.shown for p in places] == [f"{path}/in/a.mp4", f"{path}/../../out.mp4"]
    assert [str(p.below) for p in places] == [f"{name}/in/a.mp4", f"{name}/out.mp4"]
    with VideoArchive(path) as archive:
        for member, content in zip(archive.members, (b"first", b"second"), strict=True):
            with archive.read(member) as file:
                assert file.read() == content
    assert sorted(tmp_path.rglob("*")) == before


def test_a_damaged_archive_is_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "x.zip"
    path.write_bytes(b"PK\3\4 and no more")
    places, errors = find_places([tmp_path])
    assert not places
    (error,) = errors
    assert str(error).startswith("x.zip: it is damaged (")


def test_a_member_that_is_too_large_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _zip(tmp_path / "x.zip")
    monkeypatch.setattr(archives, "MAX_MEMBER_BYTES", 3)
    with (
        VideoArchive(tmp_path / "x.zip") as archive,
        pytest.raises(VideoError, match=r"x\.zip/in/a\.mp4: it has more than"),
        archive.read(archive.members[0]),
    ):
        pass
