"""The folder of a run: what is compared when it is resumed, what may be damaged or missing."""

from __future__ import annotations

import errno
import json
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from action_recognition.errors import UsageError
from action_recognition.training.run_folder import (
    LAST,
    locked,
    prepare_folder,
    read_json,
    write_json,
    write_whole,
)

RECORD: dict[str, Any] = {
    "data": "0123",
    "init": "a/start.h5",
    "init_weights": "89ab",
    "settings": {"batch": 4, "workers": 2, "film_epochs": 10, "augmentation": {"flip": True}},
    "versions": {"python": "3.11.7", "torch": "2.13.0"},
    "date": "2026-01-01",
}


def changed(**changes: Any) -> dict[str, Any]:
    settings = RECORD["settings"] | changes.pop("settings", {})
    return RECORD | {"settings": settings} | changes


def test_a_fresh_run_clears_what_an_old_one_left(tmp_path: Path) -> None:
    names = [LAST, "best.ckpt", "tuned.json", "refit/last.ckpt", "refit/tuned.json"]
    for name in [*names, "notes.txt"]:
        write_whole(tmp_path / "run" / name, b"old")
    assert prepare_folder(tmp_path / "run", RECORD, resume=False) is None
    left = {p.name for p in (tmp_path / "run").rglob("*") if p.is_file()}
    assert left == {"settings.json", "notes.txt"}


@pytest.mark.parametrize("how", ["moved", "renamed", "linked"])
def test_a_folder_in_another_place_is_the_same_run(how: str, tmp_path: Path) -> None:
    old = tmp_path / "a" / "m.training"
    prepare_folder(old, RECORD, resume=False)
    write_whole(old / LAST, b"checkpoint")
    new = {"moved": tmp_path / "b" / "m.training", "renamed": old.with_name("n.training")}
    place = new.get(how, tmp_path / "link.training")
    place.parent.mkdir(exist_ok=True)
    if how == "linked":
        place.symlink_to(old, target_is_directory=True)
    else:
        old.rename(place)
    assert prepare_folder(place, RECORD, resume=True) == place / LAST


@pytest.mark.parametrize(
    "change",
    [
        {"date": "2026-02-02"},
        {"init": "elsewhere/start.h5"},
        {"settings": {"workers": 0}},
        {"settings": {"film_epochs": 0}},
    ],
)
def test_what_may_differ(change: dict[str, Any], tmp_path: Path) -> None:
    prepare_folder(tmp_path, RECORD, resume=False)
    said: list[str] = []
    prepare_folder(tmp_path, changed(**change), resume=True, on_note=said.append)
    assert said == []


def test_other_versions_are_worth_a_note(tmp_path: Path) -> None:
    prepare_folder(tmp_path, RECORD, resume=False)
    said: list[str] = []
    other = changed(versions={"python": "3.12.1", "torch": "2.13.0"})
    prepare_folder(tmp_path, other, resume=True, on_note=said.append)
    assert len(said) == 1
    assert "other versions of Python or its libraries" in said[0]


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"data": "4567"}, "data"),
        ({"settings": {"batch": 5}}, "settings"),
        ({"settings": {"augmentation": {"flip": False}}}, "settings"),
        ({"init": "b.h5", "init_weights": "cdef"}, "init, init_weights"),
        ({"data": "4567", "init": "elsewhere/start.h5"}, "data"),
    ],
)
def test_what_may_not_differ(change: dict[str, Any], named: str, tmp_path: Path) -> None:
    prepare_folder(tmp_path, RECORD, resume=False)
    with pytest.raises(UsageError, match=f"^cannot resume: {named} differ from"):
        prepare_folder(tmp_path, changed(**change), resume=True)
    assert json.loads((tmp_path / "settings.json").read_text()) == RECORD


def test_a_folder_has_one_training_at_a_time(tmp_path: Path) -> None:
    def enter() -> None:
        with locked(tmp_path / "link"):
            pass

    (tmp_path / "link").symlink_to(tmp_path / "run", target_is_directory=True)
    with ThreadPoolExecutor() as other:
        with locked(tmp_path / "run"), locked(tmp_path / "run"):
            refused = other.submit(enter).exception()
        assert isinstance(refused, UsageError)
        assert str(refused).endswith("link: another training is at work in this folder")
        other.submit(enter).result()
    assert not (tmp_path / "run").exists()  # the lock is beside it


def test_where_nothing_can_be_written_there_is_no_lock(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with (
        pytest.raises(UsageError, match=r"run: cannot be written \("),
        locked(tmp_path / "file" / "run"),
    ):
        pass


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe\x00", b'{"data": '])
def test_a_damaged_file_is_one_sentence(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "settings.json").write_bytes(content)
    expected = r"^cannot resume: .*settings\.json: it is damaged; start anew without --resume$"
    with pytest.raises(UsageError, match=expected):
        prepare_folder(tmp_path, RECORD, resume=True)


def test_a_missing_file_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"strength\.json: it is missing; start anew"):
        read_json(tmp_path / "strength.json")


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left"), KeyboardInterrupt()])
def test_a_full_disk_leaves_the_old_file(
    error: BaseException, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: int) -> None:
        raise error

    write_json(tmp_path / "a.json", [1])
    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(type(error)):
        write_json(tmp_path / "a.json", [2])
    assert read_json(tmp_path / "a.json") == [1]
    assert [p.name for p in tmp_path.iterdir()] == ["a.json"]
