"""Archives that are good: every kind, nested ones, again and again, and interrupted."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path, PurePosixPath
from types import SimpleNamespace

import pytest

from action_recognition.datasets.download import fetch as fetching
from action_recognition.datasets.download.archives import Archive, unpack
from archive_maker import FILES, KINDS, Kind, everything, files_in, write_archive
from file_server import names_in

pytestmark = pytest.mark.slow  # the whole file: some seconds


def stamps(folder: Path) -> dict[str, tuple[int, int]]:
    """What changes when a file is written again."""
    return {
        p.relative_to(folder).as_posix(): (p.stat().st_ino, p.stat().st_mtime_ns)
        for p in folder.rglob("*")
        if p.is_file()
    }


# -- kinds and choice ----------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_unpacked(tmp_path: Path, kind: Kind) -> None:
    out = tmp_path / "new" / "out"
    archive = write_archive(tmp_path / "a.bin", kind=kind)  # the name says nothing
    paths = unpack(archive, out, everything, workspace=tmp_path / "work")
    assert paths == [out / name for name in FILES]
    assert files_in(out) == FILES
    assert names_in(tmp_path) == ["a.bin", "new"]


@pytest.mark.parametrize("kind", KINDS)
def test_only_what_is_wanted_is_written_and_where(tmp_path: Path, kind: Kind) -> None:
    seen = []

    def place(path: PurePosixPath) -> PurePosixPath | None:
        seen.append(str(path))
        return PurePosixPath("walking", path.name) if path.parent.name == "walk" else None

    archive = write_archive(tmp_path / "a.bin", {**FILES, "walk/empty.avi": b""}, kind=kind)
    unpack(archive, tmp_path / "out", place, workspace=tmp_path / "work")
    assert seen == [*FILES, "walk/empty.avi"]
    assert files_in(tmp_path / "out") == {
        "walking/one.avi": FILES["walk/one.avi"],
        "walking/two.avi": FILES["walk/two.avi"],
        "walking/empty.avi": b"",
    }


def test_nothing_wanted_nothing_written(tmp_path: Path) -> None:
    archive = write_archive(tmp_path / "a.zip", kind="zip")
    assert unpack(archive, tmp_path / "out", lambda _: None, workspace=tmp_path / "work") == []
    assert names_in(tmp_path) == ["a.zip"]


def test_members_are_listed_without_folders(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as file:
        file.writestr("walk/", b"")
        file.writestr("walk/one.avi", b"123")
    with Archive(tmp_path / "a.zip") as archive:
        assert [(m.path, m.size) for m in archive.members] == [(PurePosixPath("walk/one.avi"), 3)]
        assert archive.extract(archive.members[0], tmp_path / "x")
        assert not archive.extract(archive.members[0], tmp_path / "x")


# -- RAR within RAR ------------------------------------------------------------------------


def write_nested(path: Path, *, outer: Kind, inner: Kind) -> Path:
    """As HMDB51 comes: `<class>.rar`, and in it `<class>/<clip>.avi`."""
    parts = {}
    for cls in ("walk", "run", "jump"):
        files = {f"{cls}/{k}.avi": f"{cls} {k}".encode() * 99 for k in range(3)}
        parts[f"{cls}.rar"] = write_archive(path.parent / "parts", files, kind=inner).read_bytes()
    (path.parent / "parts").unlink()
    return write_archive(path, parts, kind=outer)


def without_run(path: PurePosixPath) -> PurePosixPath | None:
    return None if "run" in path.parts or path.stem == "run" else path


@pytest.mark.parametrize("inner", KINDS[1:])
@pytest.mark.parametrize("outer", ["rar4", "rar5"])
def test_archives_in_an_archive_are_unpacked_as_well(
    tmp_path: Path, outer: Kind, inner: Kind
) -> None:
    archive = write_nested(tmp_path / "a.rar", outer=outer, inner=inner)
    seen = []

    def place(path: PurePosixPath) -> PurePosixPath | None:
        seen.append(str(path))
        return without_run(path)

    out = tmp_path / "out"
    paths = unpack(archive, out, place, workspace=tmp_path / "work")
    names = [f"{c}/{c}/{k}.avi" for c in ("walk", "jump") for k in range(3)]
    assert seen == ["walk.rar", "run.rar", "jump.rar", *names]
    assert paths == [out / name for name in names]
    assert {n: d[:6] for n, d in files_in(out).items()} == {
        n: f"{n.split('/')[0]} {n[-5]}".encode()[:6] for n in names
    }
    assert names_in(tmp_path / "work") == []


@pytest.mark.parametrize("inside", [True, False])
def test_the_workspace_may_lie_anywhere(tmp_path: Path, inside: bool) -> None:
    """A file is an archive within the archive by its name, not by where it is written."""
    archive = write_nested(tmp_path / "a.rar", outer="rar5", inner="rar5")
    out = tmp_path / "all" / "out"
    workspace = out / "work" if inside else out.parent
    paths = unpack(archive, out, without_run, workspace=workspace)
    assert len(paths) == 6
    assert sorted(paths) == sorted(p for p in out.rglob("*") if p.is_file())


# -- again ---------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_a_second_time_writes_nothing(
    tmp_path: Path, kind: Kind, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = write_archive(tmp_path / "a.bin", kind=kind)
    first = unpack(archive, tmp_path / "out", everything, workspace=tmp_path / "work")
    before = stamps(tmp_path)
    monkeypatch.setattr(fetching.shutil, "disk_usage", lambda _: SimpleNamespace(free=0))
    again = unpack(archive, tmp_path / "out", everything, workspace=tmp_path / "work")
    assert again == first
    assert stamps(tmp_path) == before


def test_a_second_time_leaves_files_of_nested_archives_as_they_are(tmp_path: Path) -> None:
    archive = write_nested(tmp_path / "a.rar", outer="rar4", inner="rar4")
    first = unpack(archive, tmp_path / "out", without_run, workspace=tmp_path / "work")
    before = stamps(tmp_path)
    again = unpack(archive, tmp_path / "out", without_run, workspace=tmp_path / "work")
    assert again == first
    assert stamps(tmp_path) == before


def test_what_is_missing_or_of_another_size_is_written(tmp_path: Path) -> None:
    archive, out = write_archive(tmp_path / "a.rar", kind="rar5"), tmp_path / "out"
    unpack(archive, out, everything, workspace=tmp_path / "work")
    whole = stamps(out)["run/three.avi"]
    (out / "walk/one.avi").unlink()
    (out / "walk/two.avi").write_bytes(FILES["walk/two.avi"][:-1])
    unpack(archive, out, everything, workspace=tmp_path / "work")
    assert files_in(out) == FILES
    assert stamps(out)["run/three.avi"] == whole


def test_progress_rises_to_the_size_of_what_is_wanted(tmp_path: Path) -> None:
    archive = write_archive(tmp_path / "a.rar", kind="rar4")
    sizes = [len(d) for d in FILES.values()]
    expected = [(sum(sizes[: k + 1]), sum(sizes)) for k in range(len(sizes))]
    calls: list[tuple[int, int]] = []
    for _ in ("written", "there already"):
        unpack(
            archive, tmp_path / "out", everything,
            workspace=tmp_path / "work", on_progress=lambda *call: calls.append(call),
        )  # fmt: skip
    assert calls == expected * 2


# -- a kill --------------------------------------------------------------------------------

# Of the file number 9 half is written, then it waits to be killed.
UNPACK = """
import sys, time
from pathlib import Path
from action_recognition.datasets.download import archives

copies = 0

def copy(source, sink, length):
    global copies
    copies += 1
    data = source.read()
    sink.write(data[: len(data) // 2] if copies == 9 else data)
    if copies == 9:
        sink.flush()
        print("half", flush=True)
        time.sleep(600)

archives.shutil.copyfileobj = copy
archive, out, work = map(Path, sys.argv[1:])
archives.unpack(archive, out, lambda path: path, workspace=work)
"""


@pytest.mark.parametrize("nested", [False, True])
def test_after_a_kill_the_rest_is_written_and_only_that(tmp_path: Path, nested: bool) -> None:
    files = {f"walk/{k:02}.avi": bytes([k]) * (20_000 + k) for k in range(20)}
    archive = write_archive(tmp_path / "a.rar", files, kind="rar5")
    if nested:
        archive = write_archive(
            tmp_path / "b.rar", {"in.rar": archive.read_bytes()}, kind="rar5"
        )  # fmt: skip
    out, work = tmp_path / "out", tmp_path / "work"
    command = [sys.executable, "-c", UNPACK, str(archive), str(out), str(work)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline().split() == [b"half"]
        process.kill()
    root = out / "in" if nested else out
    done = {n: d for n, d in files_in(root).items() if not n.endswith(".part")}
    assert len(done) == 8 - nested  # the archive within was the first of the nine
    assert all(files[n] == d for n, d in done.items())
    half = {n: len(d) for n, d in files_in(root).items() if n.endswith(".part")}
    assert half == {f"walk/{len(done):02}.avi.part": (20_000 + len(done)) // 2}
    before = {n: s for n, s in stamps(root).items() if n in done}

    paths = unpack(archive, out, everything, workspace=work)
    assert paths == [root / name for name in files]
    assert files_in(root) == files
    assert {n: s for n, s in stamps(root).items() if n in done} == before
    assert not nested or names_in(work) == []
