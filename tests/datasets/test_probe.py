"""Every file is decoded once; what is known is not decoded again."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from action_recognition.datasets import kept_probes
from action_recognition.datasets import probe as probe_module
from action_recognition.datasets.probe import cache_folder, probe, read_fingerprints
from video_maker import MadeVideo


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "cache"
    monkeypatch.setenv("ACTION_RECOGNITION_CACHE", str(folder))
    return folder


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the files that were decoded."""
    names: list[str] = []
    video = probe_module.Video

    def count(path: Path) -> object:
        names.append(path.name)
        return video(path)

    monkeypatch.setattr(probe_module, "Video", count)
    return names


def test_good_and_bad_files(
    make_video: Callable[..., MadeVideo], tmp_path: Path, opened: list[str]
) -> None:
    make_video("good.mp4", seconds=1.0)
    (tmp_path / "bad.mp4").write_bytes(b"no video")
    paths = [tmp_path / n for n in ("good.mp4", "bad.mp4", "gone.mp4")]
    progress: list[tuple[int, int]] = []
    good, bad, gone = probe(paths, on_progress=lambda *state: progress.append(state))
    assert (good.reason, good.duration_s) == ("", pytest.approx(1.0, abs=0.05))
    assert bad.reason
    assert gone.reason
    assert progress == [(1, 3), (2, 3), (3, 3)]
    assert sorted(opened) == ["bad.mp4", "gone.mp4", "good.mp4"]
    opened.clear()
    assert probe(paths) == [good, bad, gone]
    assert opened == ["gone.mp4"]  # it may be there the next time


def test_a_changed_file_is_decoded_again(
    make_video: Callable[..., MadeVideo], tmp_path: Path, opened: list[str]
) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(b"no video")
    assert probe([path])[0].reason
    make_video("a.mp4", seconds=1.0)
    assert probe([path])[0].reason == ""
    assert opened == ["a.mp4", "a.mp4"]


def test_its_size_or_its_time_alone_tells_a_change(tmp_path: Path, opened: list[str]) -> None:
    path = tmp_path / "a.mp4"
    for data, time_s in ((b"one", 1), (b"two", 2), (b"three", 2)):
        path.write_bytes(data)
        os.utime(path, (time_s, time_s))
        probe([path])
        probe([path])
    assert opened == ["a.mp4"] * 3


def test_results_of_earlier_calls_are_kept(tmp_path: Path, opened: list[str]) -> None:
    paths = [tmp_path / "a.mp4", tmp_path / "b.mp4"]
    for path in paths:
        path.write_bytes(b"no video")
        probe([path])
    probe(paths)
    assert opened == ["a.mp4", "b.mp4"]


def entries(cache: Path) -> list[Path]:
    return sorted(p for p in cache.glob("probes-*/*") if p.is_file())


def test_results_of_other_rules_are_void(
    tmp_path: Path, opened: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(b"no video")
    probe([path])
    monkeypatch.setattr(kept_probes, "_RULES", kept_probes._RULES + 1)
    probe([path])
    assert opened == ["a.mp4", "a.mp4"]


@pytest.mark.parametrize("where", [0, (1 << 16) - 1, -1])
def test_its_beginning_or_its_end_alone_tells_a_change(
    where: int, tmp_path: Path, opened: list[str]
) -> None:
    path = tmp_path / "a.mp4"
    content = bytearray(200_000)
    path.write_bytes(content)
    os.utime(path, (1, 1))
    probe([path])
    content[where] = 1
    path.write_bytes(content)
    os.utime(path, (1, 1))
    probe([path])
    probe([path])
    assert opened == ["a.mp4"] * 2


@pytest.mark.parametrize("damage", ["empty", "cut", "one bit", "of another file", "a folder"])
def test_a_damaged_or_foreign_entry_is_made_anew(
    damage: str, make_video: Callable[..., MadeVideo], tmp_path: Path, cache: Path,
    opened: list[str],
) -> None:  # fmt: skip
    make_video("other.mp4", seconds=2.0)
    probe([tmp_path / "other.mp4"])
    (foreign,) = entries(cache)
    make_video("a.mp4", seconds=1.0)
    (first,) = read_fingerprints([tmp_path / "a.mp4"])
    (entry,) = set(entries(cache)) - {foreign}
    whole = entry.read_bytes()
    changed = bytearray(whole)
    changed[len(whole) // 2] ^= 1
    content = {"cut": whole[:-64], "one bit": changed, "of another file": foreign.read_bytes()}
    entry.write_bytes(content.get(damage, b""))
    if damage == "a folder":
        entry.unlink()
        entry.mkdir()
    (again,) = read_fingerprints([tmp_path / "a.mp4"])
    assert first is not None
    assert again is not None
    assert (first == again).all()
    assert opened == ["other.mp4", "a.mp4", "a.mp4"]
    assert damage == "a folder" or entry.read_bytes() == whole
    assert not list(cache.rglob("*.tmp"))


def test_a_file_that_changes_while_it_is_decoded_is_not_kept(
    make_video: Callable[..., MadeVideo], tmp_path: Path, cache: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    path = make_video("a.mp4", seconds=1.0).path
    take = probe_module.take_fingerprint

    def change(video: object) -> object:
        os.utime(path, (1, 1))
        return take(video)  # type: ignore[arg-type]

    monkeypatch.setattr(probe_module, "take_fingerprint", change)
    assert probe([path])[0].reason == ""
    assert entries(cache) == []


def test_processes_that_want_the_same_decode_it_once(
    make_video: Callable[..., MadeVideo], tmp_path: Path, cache: Path
) -> None:
    """Each prints the names of the files that it has decoded."""
    paths = [make_video(f"{k}.mp4", seconds=1.0).path for k in range(6)]
    with ThreadPoolExecutor() as pool:
        done = list(pool.map(lambda _: _decoded_by_a_process(paths), range(3)))
    assert sorted(name for names in done for name in names) == [p.name for p in paths]
    assert len(entries(cache)) == len(paths)


def _decoded_by_a_process(paths: list[Path]) -> list[str]:
    program = """
import sys
from pathlib import Path
from action_recognition.datasets import probe
decode = probe._decode
probe._decode = lambda path: (sys.stdout.write(f"{path.name}\\n"), decode(path))[1]
assert all(p.duration_s == 1.0 for p in probe.probe([Path(p) for p in sys.argv[1:]]))
"""
    return subprocess.run(
        [sys.executable, "-c", program, *map(str, paths)],
        check=True, stdout=subprocess.PIPE, text=True,
    ).stdout.split()  # fmt: skip


def test_a_process_that_was_killed_keeps_nobody_waiting(tmp_path: Path, cache: Path) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(b"no video")
    program = """
import os, signal, sys
from pathlib import Path
from action_recognition.datasets import probe
probe._decode = lambda path: os.kill(os.getpid(), signal.SIGKILL)
probe.probe([Path(sys.argv[1])])
"""
    killed = subprocess.run([sys.executable, "-c", program, str(path)], check=False)
    assert killed.returncode == -9
    began_s = time.monotonic()
    assert probe([path])[0].reason
    assert time.monotonic() - began_s < 10


def test_a_cache_that_cannot_be_written(
    make_video: Callable[..., MadeVideo], tmp_path: Path, cache: Path
) -> None:
    make_video("a.mp4", seconds=1.0)
    cache.write_bytes(b"a file where the folder should be")
    assert probe([tmp_path / "a.mp4"])[0].reason == ""


def test_fingerprints_are_taken_in_the_same_pass_and_kept(
    make_video: Callable[..., MadeVideo], tmp_path: Path, opened: list[str]
) -> None:
    make_video("good.mp4", seconds=1.0)
    (tmp_path / "bad.mp4").write_bytes(b"no video")
    paths = [tmp_path / "good.mp4", tmp_path / "bad.mp4", tmp_path / "good.mp4"]
    probe(paths)
    opened.clear()
    first, bad, again = read_fingerprints(paths)
    assert first is not None
    assert first.shape == (10, 64)
    assert bad is None
    assert again is not None
    assert (first == again).all()
    assert opened == []
    make_video("good.mp4", seconds=2.0)
    (changed,) = read_fingerprints(paths[:1])
    assert changed is not None
    assert len(changed) == 20
    assert opened == ["good.mp4"]


@pytest.mark.parametrize("damage", [b"", b"no entry", None])
def test_a_lost_or_damaged_fingerprint_is_taken_again(
    make_video: Callable[..., MadeVideo], tmp_path: Path, cache: Path, damage: bytes | None
) -> None:
    make_video("a.mp4", seconds=1.0)
    (first,) = read_fingerprints([tmp_path / "a.mp4"])
    assert first is not None
    (kept,) = entries(cache)
    if damage is None:
        kept.unlink()
    else:
        kept.write_bytes(damage)
    (second,) = read_fingerprints([tmp_path / "a.mp4"])
    assert second is not None
    assert (first == second).all()
    assert kept.stat().st_size > 1000


def test_fingerprints_without_a_cache(
    make_video: Callable[..., MadeVideo], tmp_path: Path, cache: Path
) -> None:
    make_video("a.mp4", seconds=1.0)
    cache.write_bytes(b"a file where the folder should be")
    (found,) = read_fingerprints([tmp_path / "a.mp4"])
    assert found is not None


def test_where_results_are_kept(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert cache_folder() == cache
    monkeypatch.delenv("ACTION_RECOGNITION_CACHE")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert cache_folder() == Path("~/.cache/action-recognition").expanduser()
