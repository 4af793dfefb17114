"""Manifests, lists and state files of strangers: one sentence, and nothing that hangs."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from action_recognition.datasets.annotation_lists import read_annotations
from action_recognition.datasets.manifest_csv import read_list, read_manifest
from action_recognition.datasets.tables import read_table
from action_recognition.errors import DataError
from action_recognition.files import read_json, read_regular

sys.path.insert(0, str(Path(__file__).parents[1] / "corpus"))
import manifest_mutants as made

pytestmark = pytest.mark.timeout(60)

HEAD = "path,label,dataset,original_class,group,split,duration_s,reason\n"
ROW = "a.avi,Jumping,own,Jumping,g,train,{},\n"
BAD = {
    "NUL": (HEAD + "\0", r"it is not text"),
    "a long field": (HEAD + "x" * 140_000, r"line 2: field larger than"),
    "a long line": (HEAD + "x" * 2**21, r"line 2 has more than 1048576 characters"),
    "a long row": (HEAD + '"\n",' * 2**19, r"line \d+ has more than 1048576 characters"),
    "many lines": (HEAD + "\n" * 1_000_001, r"it has more than 1000000 lines"),
    "no seconds": (HEAD + ROW.format("1e999"), r", line 2: duration_s '1e999'"),
    "not a number": (HEAD + ROW.format("nan"), r", line 2: duration_s 'nan'"),
    "for ever": (HEAD + ROW.format("1e300"), r", line 2: duration_s '1e300'"),
    "digits": (HEAD + ROW.format("9" * 5000), r", line 2: duration_s '9{60}' is"),
}


@pytest.mark.parametrize("name", BAD)
def test_manifests(tmp_path: Path, name: str) -> None:
    text, said = BAD[name]
    (tmp_path / "m.csv").write_text(text)
    with pytest.raises(DataError, match=rf"^m\.csv[^\n]*{said}"):
        read_manifest(tmp_path / "m.csv")


@pytest.mark.parametrize("end", ["1e999", "inf", "nan", "1e300", "-1"])
def test_sections_without_end(tmp_path: Path, end: str) -> None:
    text = f"label,youtube_id,time_start,time_end,split\njumping,abc,0,{end},train\n"
    (tmp_path / "train.csv").write_text(text)
    with pytest.raises(DataError, match=r"^train\.csv, line 2: time_start '0' and time_end"):
        read_annotations([tmp_path / "train.csv"])


@pytest.mark.parametrize("read", [read_manifest, read_list, read_table])
def test_what_is_no_file(tmp_path: Path, read: Callable[[Path], object]) -> None:
    os.mkfifo(tmp_path / "pipe.csv")
    (tmp_path / "zero.csv").symlink_to("/dev/zero")
    (tmp_path / "folder.csv").mkdir()
    with (tmp_path / "huge.csv").open("wb") as file:
        file.truncate(20 * 2**30)
    for name, why in (
        ("pipe", "not a regular file"),
        ("zero", "not a regular file"),
        ("folder", "a folder"),
        ("huge", "larger than 256 MB"),
    ):
        with pytest.raises(DataError, match=rf"^{name}\.csv: cannot be read .*\(it is {why}\)$"):
            read(tmp_path / f"{name}.csv")


def test_annotation_lists_in_odd_json(tmp_path: Path) -> None:
    """They are no lists, and so passed over."""
    for k, text in enumerate(('{"a":' * 10**5, "[" * 10**5, "9" * 5000, '[{"id": [[]]}]', "\0")):
        (tmp_path / f"{k}.json").write_text(text)
    os.mkfifo(tmp_path / "pipe.json")
    found = read_annotations(sorted(tmp_path.iterdir()))
    assert found.files == []


def test_state_files(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    path.write_text("[" * 10**5)
    with pytest.raises(ValueError, match="nested too deeply"):
        read_json(path)
    path.write_text(json.dumps({"total": 1}))
    assert read_json(path) == {"total": 1}
    with pytest.raises(OSError, match="larger than 0 MB"):
        read_regular(path, 3)


def test_at_random(tmp_path: Path) -> None:
    """More of it: `python tests/corpus/fuzz.py manifests`."""
    path = tmp_path / "m.csv"
    for name, content in made.mutants(seed=3, count=60):
        if name == "long":
            continue
        path.write_bytes(content)
        assert made.check(path)
