"""The index: several programs at once, damaged and foreign files, a full disk."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from action_recognition.errors import UsageError
from action_recognition.search.index import Index, index_file


@pytest.fixture
def warnings() -> list[str]:
    return []


def test_it_lies_in_the_cache_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("ACTION_RECOGNITION_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert index_file() == tmp_path / "action-recognition" / "search.sqlite"
    monkeypatch.setenv("XDG_CACHE_HOME", "not/absolute")  # which the standard says to ignore
    assert index_file().is_relative_to(Path("~/.cache").expanduser())


def test_what_is_put_is_got_until_something_changes(tmp_path: Path, warnings: list[str]) -> None:
    path = tmp_path / "deep" / "index"
    with Index(path, warn=warnings.append) as index:
        index.put(b"/a\xff", "model", "1", {"x": "\udce9", "y": [1.25, None]})
        index.keep_classes("digest", ("Run", "\udce9"))
    with Index(path, warn=warnings.append) as index:
        assert index.get(b"/a\xff", "model", "1") == {"x": "\udce9", "y": [1.25, None]}
        assert index.get(b"/a\xff", "model", "2") is None
        assert index.get(b"/a\xff", "other", "1") is None
        assert index.get(b"/b", "model", "1") is None
        assert index.classes("digest") == ("Run", "\udce9")
        assert index.classes("other") is None
        index.put(b"/a\xff", "model", "2", 7)
        assert index.get(b"/a\xff", "model", "1") is None  # one state of a video is kept
    assert path.stat().st_mode & 0o077 == 0
    assert not warnings


def test_two_programs_write_at_once(tmp_path: Path, warnings: list[str]) -> None:
    path = tmp_path / "index"
    program = (
        "import sys; from pathlib import Path; from action_recognition.search.index import Index\n"
        "with Index(Path(sys.argv[1]), warn=print) as index:\n"
        "    for k in range(50): index.put(f'{sys.argv[2]}-{k}'.encode(), 'a', 's', k)\n"
    )
    running = [
        subprocess.Popen([sys.executable, "-c", program, path, name], stdout=subprocess.PIPE)
        for name in ("one", "two")
    ]
    assert [(p.communicate()[0], p.returncode) for p in running] == [(b"", 0)] * 2
    with Index(path, warn=warnings.append) as index:
        for name in ("one", "two"):
            kept = [index.get(f"{name}-{k}".encode(), "a", "s") for k in range(50)]
            assert kept == list(range(50))
    assert not warnings


@pytest.mark.parametrize("damage", ["middle", "beginning", "other version", "other program"])
def test_in_the_cache_what_is_no_index_is_set_aside(
    damage: str, tmp_path: Path, warnings: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACTION_RECOGNITION_CACHE", str(tmp_path))
    with Index(warn=warnings.append) as index:
        for k in range(200):
            index.put(str(k).encode(), "a", "s", "x" * 200)
    path = index_file()
    if damage == "other version":
        _alter(path, "PRAGMA user_version = 99")
    elif damage == "other program":
        _alter(path, "PRAGMA application_id = 7")
    else:
        content = bytearray(path.read_bytes())
        start = 0 if damage == "beginning" else 4096
        content[start : start + 20000] = b"\x5a" * 20000
        path.write_bytes(content)
    with Index(warn=warnings.append) as index:
        assert index.get(b"7", "a", "s") is None
        index.put(b"7", "a", "s", "new")
        assert index.get(b"7", "a", "s") == "new"
    (sentence,) = warnings
    assert "begun anew" in sentence
    assert "\n" not in sentence
    assert path.with_name("search.sqlite.damaged").exists()


def test_a_foreign_file_that_was_named_stays_as_it_is(tmp_path: Path, warnings: list[str]) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("mine " * 200, encoding="utf-8")
    with pytest.raises(UsageError, match=r"notes\.txt: it is no index of this program"):
        Index(path, warn=warnings.append)
    assert path.read_text(encoding="utf-8") == "mine " * 200
    database = tmp_path / "contacts.sqlite"
    _alter(database, "CREATE TABLE people (name TEXT)")
    with pytest.raises(UsageError, match="belongs to another program"):
        Index(database, warn=warnings.append)
    assert [p.name for p in tmp_path.glob("*.damaged")] == []


def test_a_full_disk_is_one_sentence(tmp_path: Path, warnings: list[str]) -> None:
    with Index(tmp_path / "index", warn=warnings.append) as index:
        assert index._connection is not None
        index._connection.execute("PRAGMA max_page_count = 1")
        for k in range(3):
            index.put(str(k).encode(), "a", "s", "x" * 100_000)
        assert index.get(b"0", "a", "s") is None
    (sentence,) = warnings
    assert "cannot be used (database or disk is full)" in sentence


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path, warnings: list[str]) -> None:
    (tmp_path / "file").write_text("x", encoding="utf-8")
    with Index(tmp_path / "file" / "index", warn=warnings.append) as index:
        index.put(b"0", "a", "s", 1)
        assert index.get(b"0", "a", "s") is None
    assert len(warnings) == 1


def _alter(path: Path, statement: str) -> None:
    connection = sqlite3.connect(path)
    connection.execute(statement)
    connection.commit()
    connection.close()
