"""Unpacking: what is wanted, nothing else, nowhere else, whole or not at all."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path, PurePosixPath
from typing import Literal

import pytest
import rarfile

from action_recognition.datasets import archives, download
from action_recognition.datasets.archives import Archive, has_rar_tool, unpack
from action_recognition.errors import DataError
from rar_maker import Entry, rar4, rar5, write_rar

Kind = Literal["rar4", "rar5", "zip"]
KINDS: tuple[Kind, ...] = ("rar4", "rar5", "zip")
A, B = random.Random(1).randbytes(5000), random.Random(2).randbytes(3000)


def write(path: Path, entries: list[Entry], kind: Kind) -> Path:
    if kind != "zip":
        return write_rar(path, entries, kind=4 if kind == "rar4" else 5)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for e in entries:
            info = zipfile.ZipInfo(e.name)
            if e.link:
                info.external_attr = 0o120777 << 16
            file.writestr(info, e.link or e.data)
    return path


def everything(path: PurePosixPath) -> PurePosixPath:
    return path


def run(archive: Path, tmp_path: Path) -> list[Path]:
    return unpack(archive, tmp_path / "out", everything, workspace=tmp_path / "work")


def tree(folder: Path) -> list[str]:
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


@pytest.mark.parametrize("kind", KINDS)
def test_files_come_out_as_they_went_in(tmp_path: Path, kind: Kind) -> None:
    archive = write(tmp_path / "a.bin", [Entry("x/a.avi", A), Entry("ü b/b.avi", B)], kind)
    files = run(archive, tmp_path)
    assert [p.read_bytes() for p in files] == [A, B]
    assert tree(tmp_path / "out") == ["x/a.avi", "ü b/b.avi"]


def test_compressed_rar5(tmp_path: Path) -> None:
    if not has_rar_tool():
        pytest.skip("needs a RAR tool, for example unar")
    entries = [Entry("a.avi", A, compressed=True), Entry("b.avi", B, compressed=True)]
    archive = write_rar(tmp_path / "a.rar", entries)
    assert {e.compress_type for e in rarfile.RarFile(archive).infolist()} == {rarfile.RAR_M3}
    assert [p.read_bytes() for p in run(archive, tmp_path)] == [A, B]


@pytest.mark.parametrize("kind", KINDS)
def test_only_what_is_wanted(tmp_path: Path, kind: Kind) -> None:
    names = ["UCF-101/A/1.avi", "UCF-101/B/1.avi", "UCF-101/A/readme.txt"]
    archive = write(tmp_path / "a.bin", [Entry(n, A) for n in names], kind)
    files = unpack(
        archive,
        tmp_path / "out",
        lambda p: PurePosixPath(p.name) if p.match("A/*.avi") else None,
        workspace=tmp_path / "work",
    )
    assert files == [tmp_path / "out" / "1.avi"]
    assert tree(tmp_path / "out") == ["1.avi"]


@pytest.mark.parametrize("outer", [4, 5])
@pytest.mark.parametrize("inner", [rar4, rar5])
def test_rar_in_rar(tmp_path: Path, outer: Literal[4, 5], inner: type) -> None:
    nested = inner([Entry("drink/a.avi", A), Entry("drink/b.txt", B)])
    entries = [Entry("drink.rar", nested), Entry("wave.rar", b"not looked at")]
    seen: list[str] = []

    def place(path: PurePosixPath) -> PurePosixPath | None:
        seen.append(str(path))
        if path.name == "drink.rar":
            return PurePosixPath("drink.rar")
        return PurePosixPath("drink/a.avi") if path.suffix == ".avi" else None

    archive = write_rar(tmp_path / "a.rar", entries, kind=outer)
    files = unpack(archive, tmp_path / "out", place, workspace=tmp_path / "work")
    assert [p.read_bytes() for p in files] == [A]
    assert seen == ["drink.rar", "wave.rar", "drink/drink/a.avi", "drink/drink/b.txt"]
    assert tree(tmp_path / "out") == ["drink/a.avi"]
    assert tree(tmp_path / "work") == []


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "name", ["../evil", "a/../../evil", "/etc/evil", "C:/evil", "C:\\evil", "..\\evil", ".."]
)
def test_an_entry_that_points_outside(tmp_path: Path, kind: Kind, name: str) -> None:
    archive = write(tmp_path / "a.bin", [Entry("good.avi", A), Entry(name, B)], kind)
    with pytest.raises(DataError, match=r"^a\.bin: refused, its entry .* points outside"):
        run(archive, tmp_path)
    assert tree(tmp_path) == ["a.bin"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_link(tmp_path: Path, kind: Kind) -> None:
    entries = [Entry("good.avi", A), Entry("link", link="/etc/passwd")]
    archive = write(tmp_path / "a.bin", entries, kind)
    with pytest.raises(DataError, match=r"^a\.bin: refused, its entry 'link' is a link"):
        run(archive, tmp_path)
    assert tree(tmp_path) == ["a.bin"]


def test_a_placement_outside(tmp_path: Path) -> None:
    archive = write(tmp_path / "a.rar", [Entry("a.avi", A)], "rar5")
    with pytest.raises(DataError, match="would be written outside"):
        unpack(archive, tmp_path / "out", lambda p: PurePosixPath("../a"), workspace=tmp_path / "w")


def test_two_entries_for_one_place(tmp_path: Path) -> None:
    archive = write(tmp_path / "a.rar", [Entry("x/a.avi", A), Entry("y/a.avi", B)], "rar5")
    with pytest.raises(DataError, match=r"^a\.rar: two entries for a\.avi"):
        unpack(archive, tmp_path / "out", lambda p: PurePosixPath(p.name), workspace=tmp_path / "w")
    assert tree(tmp_path) == ["a.rar"]


@pytest.mark.parametrize("kind", [4, 5])
def test_a_damaged_entry(tmp_path: Path, kind: Literal[4, 5]) -> None:
    entries = [Entry("a.avi", A), Entry("b.avi", B, crc=1)]
    archive = write_rar(tmp_path / "a.rar", entries, kind=kind)
    with pytest.raises(DataError, match=r"^a\.rar: damaged at b\.avi") as caught:
        run(archive, tmp_path)
    assert "\n" not in str(caught.value)
    assert tree(tmp_path / "out") == ["a.avi"]


def test_a_truncated_archive(tmp_path: Path) -> None:
    whole = rar5([Entry("a.avi", A), Entry("b.avi", B)])
    for size in (len(whole) - 2000, 40, 8, 3, 0):
        archive = tmp_path / "a.rar"
        archive.write_bytes(whole[:size])
        folder = tmp_path / str(size)
        try:
            run(archive, folder)
        except DataError as error:
            assert str(error).startswith("a.rar: ")  # noqa: PT017
        assert all(p.read_bytes() in (A, B) for p in folder.rglob("*.avi"))


def test_no_archive(tmp_path: Path) -> None:
    (tmp_path / "a.rar").write_bytes(b"<html>")
    with pytest.raises(DataError, match=r"^a\.rar: neither a RAR nor a ZIP archive"):
        Archive(tmp_path / "a.rar")
    with pytest.raises(DataError, match=r"^b\.rar: there is no such archive"):
        Archive(tmp_path / "b.rar")


def test_an_encrypted_archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = write(tmp_path / "a.rar", [Entry("a.avi", A)], "rar5")
    monkeypatch.setattr(rarfile.RarFile, "needs_password", lambda _: True)
    with pytest.raises(DataError, match=r"^a\.rar: it is encrypted"):
        Archive(archive)


def test_no_tool_is_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = write_rar(tmp_path / "a.rar", [Entry("a.avi", A, compressed=True)])
    monkeypatch.setattr(rarfile, "CURRENT_SETUP", None)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert not has_rar_tool()
    with pytest.raises(DataError, match=r"^a\.rar: no tool that reads RAR") as caught:
        run(archive, tmp_path)
    for part in ("apt install unar", "dnf install unar", "brew install unar", "7zip.7zip"):
        assert part in str(caught.value)
    assert tree(tmp_path) == ["a.rar"]


def test_twice_writes_nothing(tmp_path: Path) -> None:
    archive = write(tmp_path / "a.rar", [Entry("a.avi", A), Entry("b.avi", B)], "rar5")
    files = run(archive, tmp_path)
    before = [(p.stat().st_ino, p.stat().st_mtime_ns) for p in files]
    assert run(archive, tmp_path) == files
    assert [(p.stat().st_ino, p.stat().st_mtime_ns) for p in files] == before


def test_a_file_of_another_size_is_written_anew(tmp_path: Path) -> None:
    archive = write(tmp_path / "a.rar", [Entry("a.avi", A)], "rar5")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a.avi").write_bytes(A[:100])
    (tmp_path / "out" / "a.avi.part").write_bytes(A[:200])
    assert run(archive, tmp_path)[0].read_bytes() == A
    assert tree(tmp_path / "out") == ["a.avi"]


def test_the_disk_is_too_small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = write(tmp_path / "a.rar", [Entry("a.avi", A), Entry("b.avi", B)], "rar5")
    usage = shutil.disk_usage(tmp_path)._replace(free=6000)
    monkeypatch.setattr(download.shutil, "disk_usage", lambda _: usage)
    with pytest.raises(DataError, match=r"^a\.rar: .*8\.0 kB are needed, 6\.0 kB are free"):
        run(archive, tmp_path)
    assert tree(tmp_path / "out") == []


def test_progress_rises_to_the_total(tmp_path: Path) -> None:
    archive = write(tmp_path / "a.rar", [Entry("a.avi", A), Entry("b.avi", B)], "rar5")
    seen: list[tuple[int, int]] = []
    unpack(
        archive, tmp_path / "out", everything, workspace=tmp_path / "work",
        on_progress=lambda *state: seen.append(state),
    )  # fmt: skip
    assert seen == [(5000, 8000), (8000, 8000)]


def test_killed_in_the_middle(tmp_path: Path) -> None:
    contents = {f"{k:04d}.avi": random.Random(k).randbytes(20_000) for k in range(600)}
    archive = write_rar(tmp_path / "a.rar", [Entry(n, d) for n, d in contents.items()])
    code = (
        "import sys; from action_recognition.datasets.archives import unpack; "
        "unpack(sys.argv[1], sys.argv[2], lambda p: p, workspace=sys.argv[3])"
    )
    out = tmp_path / "out"
    process = subprocess.Popen([sys.executable, "-c", code, archive, out, tmp_path / "work"])
    while process.poll() is None and not (out / "0005.avi").exists():
        time.sleep(0.001)
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    whole = {p: p.stat().st_mtime_ns for p in out.glob("*.avi")}
    assert 5 <= len(whole) < len(contents)
    assert all(p.read_bytes() == contents[p.name] for p in whole)
    files = run(archive, tmp_path)
    assert {p.name: p.read_bytes() for p in files} == contents
    assert all(p.stat().st_mtime_ns == time_ns for p, time_ns in whole.items())
    assert tree(out) == sorted(contents)


def test_another_tool_is_tried_where_one_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if len(archives._installed()) < 2:
        pytest.skip("needs two RAR tools, for example unar and bsdtar")
    used: list[str] = []
    monkeypatch.setattr(archives, "_use", used.append)
    archive = write_rar(tmp_path / "a.rar", [Entry("a.avi", A, crc=1)])
    with pytest.raises(DataError):
        run(archive, tmp_path)
    assert len(used) >= 2
