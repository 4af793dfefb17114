"""Archives that are hostile, damaged, encrypted or too large: one sentence, nothing half done."""

from __future__ import annotations

import struct
import subprocess
import zipfile
from dataclasses import replace
from pathlib import Path, PurePosixPath
from types import SimpleNamespace

import pytest

from action_recognition.datasets.download import archives
from action_recognition.datasets.download import fetch as fetching
from action_recognition.datasets.download.archives import unpack
from action_recognition.errors import DataError
from archive_maker import FILES, KINDS, Kind, everything, files_in, need_rar_tool, write_archive
from file_server import names_in
from rar_maker import Entry, rar4, rar5, write_rar

pytestmark = pytest.mark.slow  # the whole file: some seconds

STORED: tuple[Kind, ...] = ("zip", "rar4", "rar5")


def refused(archive: Path, why: str) -> None:
    """Unpacking fails for that reason, and nothing at all is written."""
    before = files_in(archive.parent)
    out = archive.parent / "a" / "b" / "out"
    with pytest.raises(DataError, match=why) as caught:
        unpack(archive, out, everything, workspace=out.parent / "work")
    assert str(caught.value).startswith(f"{archive.name}: ")
    assert "\n" not in str(caught.value)
    assert files_in(archive.parent) == before
    assert not out.parent.exists()


# -- entries that point outside ------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        "../x.avi",
        "walk/../../x.avi",
        "/tmp/x.avi",
        "//server/x.avi",
        "..\\x.avi",
        "\\x.avi",
        "C:\\x.avi",
        "C:x.avi",
        "walk/x.avi:stream",
    ],
)
@pytest.mark.parametrize("kind", STORED)
def test_an_entry_that_points_outside(tmp_path: Path, kind: Kind, name: str) -> None:
    archive = write_archive(tmp_path / "a.bin", {"good.avi": b"1", name: b"2"}, kind=kind)
    refused(archive, r"refused, its entry '.*x\.avi.*' points outside$")


def test_an_entry_that_points_outside_within_a_nested_archive(tmp_path: Path) -> None:
    inner = write_archive(tmp_path / "in.rar", {"../../x.avi": b"1"}, kind="rar5")
    archive = write_archive(tmp_path / "a.rar", {"in.rar": inner.read_bytes()}, kind="rar4")
    out = tmp_path / "deep" / "out"
    with pytest.raises(DataError, match=r"^in\.rar: refused, its entry '\.\./\.\./x\.avi' points"):
        unpack(archive, out, everything, workspace=tmp_path / "work")
    assert files_in(tmp_path / "deep") == {}


@pytest.mark.parametrize("target", ["/etc/passwd", "good.avi"])
@pytest.mark.parametrize("kind", STORED)
def test_a_link(tmp_path: Path, kind: Kind, target: str) -> None:
    archive = tmp_path / "a.bin"
    if kind == "zip":
        with zipfile.ZipFile(archive, "w") as file:
            file.writestr("good.avi", b"1")
            link = zipfile.ZipInfo("x.avi")
            link.external_attr = 0o120777 << 16
            file.writestr(link, target)
    else:
        entries = [Entry("good.avi", b"1"), Entry("x.avi", link=target)]
        write_rar(archive, entries, kind=4 if kind == "rar4" else 5)
    refused(archive, r"refused, its entry 'x\.avi' is a link$")


@pytest.mark.parametrize("link_type", range(1, 6))
def test_the_other_links_of_rar5(tmp_path: Path, link_type: int) -> None:
    """Symbolic ones of Unix and of Windows, a junction, a hard link, a copy of another file."""
    entries = [Entry("good.avi", b"1"), Entry("x.avi", link="good.avi", link_type=link_type)]
    refused(write_rar(tmp_path / "a.rar", entries), r"refused, its entry 'x\.avi' is a link$")


@pytest.mark.parametrize("spot", ["../x", "/x", "C:\\x", "."])
def test_a_place_outside_is_refused_as_well(tmp_path: Path, spot: str) -> None:
    archive = write_archive(tmp_path / "a.zip", kind="zip")
    with pytest.raises(DataError, match=r"^a\.zip: refused, run/three\.avi would be written out"):
        unpack(
            archive, tmp_path / "out", lambda p: PurePosixPath(spot) if "run" in p.parts else p,
            workspace=tmp_path / "work",
        )  # fmt: skip
    assert names_in(tmp_path) == ["a.zip"]


# -- entries that stand in each other's way ------------------------------------------------


@pytest.mark.parametrize("kind", STORED)
def test_two_entries_for_one_place(tmp_path: Path, kind: Kind) -> None:
    archive = write_archive(tmp_path / "a.bin", {"1/x.avi": b"1", "2/x.avi": b"22"}, kind=kind)
    with pytest.raises(DataError, match=r"^a\.bin: two entries for x\.avi$"):
        unpack(
            archive, tmp_path / "out", lambda p: PurePosixPath(p.name), workspace=tmp_path / "work"
        )
    assert names_in(tmp_path) == ["a.bin"]


def test_two_nested_archives_with_entries_for_one_place(tmp_path: Path) -> None:
    inner = {f"{k}.rar": rar5([Entry("x.avi", bytes(k))]) for k in (1, 2)}
    archive = write_archive(tmp_path / "a.rar", inner, kind="rar5")
    with pytest.raises(DataError, match=r"^2\.rar: two entries for x\.avi$"):
        unpack(
            archive, tmp_path / "out", lambda p: PurePosixPath(p.name), workspace=tmp_path / "work"
        )
    assert files_in(tmp_path / "out") == {"x.avi": bytes(1)}


@pytest.mark.parametrize("kind", STORED)
def test_a_file_where_a_folder_is_needed(tmp_path: Path, kind: Kind) -> None:
    archive = write_archive(tmp_path / "a.bin", {"x": b"1", "x/y": b"2"}, kind=kind)
    with pytest.raises(DataError, match=r"^a\.bin: cannot be unpacked at x/y \(\w+"):
        unpack(archive, tmp_path / "out", everything, workspace=tmp_path / "work")


# -- damage --------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_a_damaged_entry_is_named_and_not_written(tmp_path: Path, kind: Kind) -> None:
    archive = tmp_path / "a.bin"
    if kind == "zip":
        data = write_archive(archive, kind=kind).read_bytes()
        archive.write_bytes(data.replace(b"second", b"Second", 1))
    else:
        if compressed := kind == "compressed rar5":
            need_rar_tool()
        entries = [Entry(n, d, compressed=compressed) for n, d in FILES.items()]
        entries[1] = replace(entries[1], crc=1234)
        write_rar(archive, entries, kind=4 if kind == "rar4" else 5)
    for _ in ("first", "again"):
        with pytest.raises(DataError, match=r"^a\.bin: (?=.*damaged).* at walk/two\.avi "):
            unpack(archive, tmp_path / "out", everything, workspace=tmp_path / "work")
        assert files_in(tmp_path / "out") == {"walk/one.avi": FILES["walk/one.avi"]}


SMALL = {"one.avi": b"first" * 9, "two.avi": b"second" * 9}


@pytest.mark.parametrize("kind", STORED)
def test_a_cut_at_any_byte_is_noticed(tmp_path: Path, kind: Kind) -> None:
    """Also where the part that is missing is not wanted: of UCF101 most is not."""
    whole = write_archive(tmp_path / "whole", SMALL, kind=kind).read_bytes()
    # Old RAR4 archives have no end mark, so a cut between two of its blocks tells nothing.
    entries = [Entry(n, d) for n, d in SMALL.items()]
    between = {len(rar4(entries[:k])) - 7 for k in range(3)} | {7} if kind == "rar4" else set()
    for length in sorted(set(range(len(whole))) - between):
        archive = tmp_path / f"{length}.bin"
        archive.write_bytes(whole[:length])
        with pytest.raises(DataError, match=rf"^{length}\.bin: "):
            unpack(archive, tmp_path / "out", lambda _: None, workspace=tmp_path / "work")


@pytest.mark.slow
@pytest.mark.usefixtures("no_tools")  # quicker: else each tool would have its try at each byte
@pytest.mark.parametrize("kind", ["rar4", "rar5"])
def test_no_damaged_byte_shortens_the_list_or_changes_a_file(tmp_path: Path, kind: Kind) -> None:
    whole = write_archive(tmp_path / "whole", SMALL, kind=kind).read_bytes()
    refusals = 0
    for k in range(len(whole)):
        archive, out = tmp_path / f"{k}.bin", tmp_path / f"{k}"
        archive.write_bytes(whole[:k] + bytes([whole[k] ^ 0x10]) + whole[k + 1 :])
        try:
            unpack(archive, out, everything, workspace=tmp_path / "work")
            assert files_in(out) == SMALL, k
        except DataError:
            refusals += 1
            assert files_in(out).items() <= SMALL.items(), k
    assert refusals > 0.9 * len(whole)


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_damage_in_each_compression_of_zip(tmp_path: Path, method: int) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w", method) as file:
        file.writestr("one.avi", bytes(range(256)) * 9)
    data = bytearray((tmp_path / "a.zip").read_bytes())
    data[55:70] = bytes(b ^ 0xFF for b in data[55:70])
    (tmp_path / "a.zip").write_bytes(data)
    with pytest.raises(DataError, match=r"^a\.zip: damaged at one\.avi \(\w"):
        unpack(tmp_path / "a.zip", tmp_path / "out", everything, workspace=tmp_path / "work")
    assert files_in(tmp_path / "out") == {}


def test_an_entry_that_is_shorter_than_the_list_says(tmp_path: Path) -> None:
    archive = write_archive(tmp_path / "a.zip", SMALL, kind="zip")
    data = bytearray(archive.read_bytes())
    struct.pack_into("<I", data, data.index(b"PK\x01\x02") + 24, 46)
    archive.write_bytes(data)
    with pytest.raises(DataError, match=r"^a\.zip: damaged at one\.avi \(it ends early\)$"):
        unpack(archive, tmp_path / "out", everything, workspace=tmp_path / "work")
    assert files_in(tmp_path / "out") == {}


@pytest.mark.parametrize("content", [b"", b"R", b"a text", b"<html>", b"Rar?\x1a\x07"])
def test_what_is_no_archive(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.rar").write_bytes(content)
    refused(tmp_path / "a.rar", r": neither a RAR nor a ZIP archive$")


def test_an_archive_that_is_missing(tmp_path: Path) -> None:
    refused(tmp_path / "a.rar", r": there is no such archive$")


# -- encryption ----------------------------------------------------------------------------


def test_an_encrypted_zip(tmp_path: Path) -> None:
    archive = write_archive(tmp_path / "a.zip", kind="zip")
    data = bytearray(archive.read_bytes())
    central = data.index(b"PK\x01\x02")
    struct.pack_into("<H", data, central + 8, 1)
    archive.write_bytes(data)
    refused(archive, r": it is encrypted$")


@pytest.mark.parametrize("of", [archives.rarfile.RarFile, archives.rarfile.RarInfo])
@pytest.mark.parametrize("kind", ["rar4", "rar5"])
def test_an_encrypted_rar(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: Kind, of: type
) -> None:
    """With encrypted headers there are no entries, and the whole archive needs a password."""
    monkeypatch.setattr(of, "needs_password", lambda _: True)
    refused(write_archive(tmp_path / "a.rar", kind=kind), r": it is encrypted$")


# -- space ---------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", STORED)
def test_a_disk_that_is_too_small_is_refused_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: Kind
) -> None:
    usage = SimpleNamespace(free=sum(len(d) for d in FILES.values()))
    monkeypatch.setattr(fetching.shutil, "disk_usage", lambda _: usage)
    archive = write_archive(tmp_path / "a.bin", {**FILES, "b": b"1"}, kind=kind)
    with pytest.raises(DataError, match=r"^a\.bin: the disk of .* 3\.1 kB are needed, 3\.0 kB are"):
        unpack(archive, tmp_path / "out", everything, workspace=tmp_path / "work")
    assert files_in(tmp_path / "out") == {}
    # What is there already needs no space.
    (tmp_path / "out" / "b").write_bytes(b"1")
    unpack(archive, tmp_path / "out", everything, workspace=tmp_path / "work")


def test_a_real_disk_that_is_too_small(tmp_path: Path, small_disk: Path) -> None:
    archive = write_archive(tmp_path / "a.rar", {"one.avi": bytes(400_000)}, kind="rar5")
    with pytest.raises(DataError, match=r"400\.0 kB are needed, 262\.1 kB are free$"):
        unpack(archive, small_disk, everything, workspace=tmp_path / "work")
    assert names_in(small_disk) == []


def test_a_disk_that_fills_up_while_unpacking(
    tmp_path: Path, small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {"one.avi": bytes(100_000), "two.avi": bytes(200_000)}
    archive = write_archive(tmp_path / "a.rar", files, kind="rar5")
    monkeypatch.setattr(archives, "require_space", lambda *_: None)  # others write as well
    with pytest.raises(DataError, match=r"^a\.rar: the disk is full at two\.avi; free some space"):
        unpack(archive, small_disk, everything, workspace=tmp_path / "work")
    assert names_in(small_disk) == ["one.avi"]
    subprocess.run(["mount", "-o", "remount,size=1m", str(small_disk)], check=True)
    unpack(archive, small_disk, everything, workspace=tmp_path / "work")
    assert files_in(small_disk) == files
