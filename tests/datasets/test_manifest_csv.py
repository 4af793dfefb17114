"""The manifest as a CSV: round trip, damage, and which data a fingerprint stands for."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from action_recognition.datasets.folders import SplitRules, build_manifest, load_data
from action_recognition.datasets.manifest import Clip, Manifest, fingerprint
from action_recognition.datasets.manifest_csv import read_list, read_manifest, write_manifest
from action_recognition.errors import DataError
from video_maker import write_video

HEADER = "path,label,dataset,original_class,group,split,duration_s,reason"
ROWS = [
    "a/1.mp4,A,own,a,g1,train,1.5,",
    "a/2.mp4,A,own,a,g2,val,0,",
    "b/3.mp4,B,own,b,g3,test,2,",
]
ODD_NAMES = [
    "comma, in name.mp4",
    'a "quoted" one.mp4',
    "für Ünïcode 動画.mp4",
    "line\nbreak.mp4",
    " spaces .mp4",
    "'single'; semi.mp4",
]


def clip_at(path: Path, split: str = "train", **facts: object) -> Clip:
    return replace(Clip(path, "A", "own", "a", path.stem, split), **facts)  # type: ignore[arg-type]


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """Files with odd names; what they hold does not matter here."""
    paths = [tmp_path / "data" / "a" / name for name in ODD_NAMES]
    paths[0].parent.mkdir(parents=True)
    for k, path in enumerate(paths):
        path.write_bytes(b"x" * k)
    return paths


def write_lines(path: Path, lines: list[str]) -> Path:
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


# -- round trip ----------------------------------------------------------------------------


def test_round_trip(files: list[Path], tmp_path: Path) -> None:
    clips = [
        *(clip_at(p, split="val", duration_s=1234.567) for p in files),
        clip_at(tmp_path / "data" / "bad.mp4", split="refused", reason='no "index", it says'),
        clip_at(tmp_path / "data" / "out.mp4", split="left_out", reason="film x stands in test"),
        clip_at(tmp_path.parent / "elsewhere.mp4", split="test", label="Ä, B"),
    ]
    manifest = Manifest(tuple(clips))
    path = tmp_path / "data" / "lists" / "new" / "m.csv"  # its folder is made
    write_manifest(manifest, path)
    assert read_manifest(path) == manifest
    assert [p.name for p in path.parent.iterdir()] == ["m.csv"]


def test_paths_are_relative_so_that_the_folder_can_move(files: list[Path], tmp_path: Path) -> None:
    data = tmp_path / "data"
    write_manifest(Manifest(tuple(clip_at(p) for p in files)), data / "m.csv")
    assert str(tmp_path) not in (data / "m.csv").read_text(encoding="utf-8")
    moved = tmp_path / "moved"
    shutil.move(data, moved)
    clips = read_manifest(moved / "m.csv").clips
    assert [c.path for c in clips] == [moved / "a" / name for name in ODD_NAMES]
    assert all(c.path.is_file() for c in clips)


def test_relative_to_the_csv_and_not_to_the_working_directory(
    files: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    manifest = build_manifest([Path("data")], check=False)
    write_manifest(manifest, Path("data") / "m.csv")
    monkeypatch.chdir("/")
    assert {c.path for c in read_manifest(tmp_path / "data" / "m.csv").clips} == set(files)


def test_file_name_that_is_not_unicode_is_named(tmp_path: Path) -> None:
    clip = clip_at(tmp_path / "bad\ud800.mp4")  # Windows allows it
    with pytest.raises(DataError, match=r"'bad\\ud800\.mp4': the file name is not Unicode"):
        write_manifest(Manifest((clip,)), tmp_path / "m.csv")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("raw", [b"caf\xe9.mp4", b"\xff\x81.mp4", "é".encode() + b"\xe9.mp4"])
def test_file_name_that_is_not_utf8_is_kept_byte_for_byte(raw: bytes, tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(raw)
    path.write_bytes(b"x")
    manifest = Manifest((clip_at(path, group="g"), clip_at(tmp_path / "für.mp4", group="h")))
    write_manifest(manifest, tmp_path / "m.csv")
    assert read_manifest(tmp_path / "m.csv") == manifest


def test_csv_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "folder.csv").mkdir()
    (tmp_path / "file").touch()
    for path in (tmp_path / "folder.csv", tmp_path / "file" / "manifest.csv"):
        with pytest.raises(DataError, match=r"\.csv: cannot be written \(.+\)$"):
            write_manifest(Manifest(()), path)
    assert not list(tmp_path.glob("*.tmp"))


def test_what_a_spreadsheet_makes_of_it_is_read(tmp_path: Path) -> None:
    """A byte order mark, CRLF, another order of columns, and a column more."""
    header = "split,note,path,label,dataset,original_class,group,duration_s,reason"
    text = f"{header}\r\ntest,hello,a/1.mp4,A,own,a,g1,,\r\n"
    (tmp_path / "m.csv").write_bytes(b"\xef\xbb\xbf" + text.encode())
    (clip,) = read_manifest(tmp_path / "m.csv").clips
    assert clip == Clip(tmp_path / "a/1.mp4", "A", "own", "a", "g1", "test")


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace(",", ";").replace("1.5", "1,5").encode("cp1252"),
        lambda text: text.replace(",", "\t").encode("utf-16"),
        lambda text: ("sep=;\r\n" + text.replace(",", ";")).encode("utf-8-sig"),
        lambda text: text.replace("path,label", "Path, LABEL ").replace("_", " ").encode(),
        lambda text: (text + ",,,,,,,\n\n,,,,,,,\n").encode(),
        lambda text: "\n".join(x.removesuffix(",") for x in text.splitlines()).encode(),
        lambda text: text.replace("a/", "a\\").replace("b/", "C:\\data\\b\\").encode(),
        lambda text: text.replace(",train,", ",Train ,").replace(",val,", ",validation,").encode(),
    ],
)
def test_what_excel_and_windows_make_of_it_is_read(
    tmp_path: Path, change: Callable[[str], bytes]
) -> None:
    for name in ("a/1.mp4", "a/2.mp4", "b/3 ü.mp4"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    text = "\n".join([HEADER, *ROWS[:2], "b/3 ü.mp4,Grün,own,b,g3,test,2,", ""])
    (tmp_path / "plain.csv").write_text(text, encoding="utf-8")
    (tmp_path / "m.csv").write_bytes(change(text))
    assert read_manifest(tmp_path / "m.csv") == read_manifest(tmp_path / "plain.csv")
    assert read_list(tmp_path / "m.csv") == read_manifest(tmp_path / "plain.csv").clips


def test_paths_of_windows_that_lead_nowhere_are_one_sentence(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "m.csv", [HEADER, *(r.replace("/", "\\") for r in ROWS)])
    with pytest.raises(DataError, match=r"^m\.csv: its paths are those of Windows \(such as a\\1"):
        read_manifest(path)


# -- damage --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([], r"column 'path' is missing"),
        ([HEADER.replace(",group", ""), *ROWS], r"column 'group' is missing"),
        ([HEADER, ROWS[0].replace("1.5", "long")], r", line 2: duration_s 'long' is not"),
        ([HEADER, ROWS[0].replace("1.5", "nan")], r", line 2: duration_s 'nan' is not"),
        ([HEADER, ROWS[0].replace("1.5", "-1")], r", line 2: duration_s '-1' is not"),
        ([HEADER, *ROWS, "x,A,own,a,g,extra,1,"], r", line 5: split 'extra' is not known"),
        ([HEADER, *ROWS[:2], "", "x,A,own,a,g,extra,1,"], r", line 5: split 'extra'"),
        ([HEADER, *ROWS, "b/4.mp4,B,own"], r", line 5: must have as many fields"),
        ([HEADER, *ROWS, "b/4.mp4,B,own,b,g4,test"], r", line 5: must have as many fields"),
        ([HEADER, *ROWS, "b/4,5.mp4,B,own,b,g4,test,1,"], r", line 5: must have as many fields"),
        ([HEADER, ",B,own,b,g4,test,1,"], r", line 2: path is empty"),
        ([HEADER, "b/4.mp4, ,own,b,g4,test,1,"], r", line 2: label is empty"),
        ([HEADER, *ROWS, "b/4.mp4,B,own,b,g1,test,1,"], r"leaks.*g1 \(test and train\)"),
    ],
)
def test_damage_is_named_with_file_and_line(tmp_path: Path, lines: list[str], message: str) -> None:
    path = write_lines(tmp_path / "list of clips.csv", lines)
    with pytest.raises(DataError, match=rf"^list of clips\.csv.*{message}"):
        read_manifest(path)


def test_undamaged_lines_are_read(tmp_path: Path) -> None:
    """The lines that the damaged ones are made of are fine by themselves."""
    manifest = read_manifest(write_lines(tmp_path / "m.csv", [HEADER, *ROWS]))
    assert [c.split for c in manifest.clips] == ["train", "val", "test"]
    assert manifest.clips[0].duration_s == 1.5
    assert manifest.labels == ("A", "B")


def test_file_that_is_not_text(tmp_path: Path) -> None:
    (tmp_path / "m.csv").write_bytes(b"\x89PNG\xff\xfe\x00\x01")
    with pytest.raises(DataError, match=r"^m\.csv: cannot be read"):
        read_manifest(tmp_path / "m.csv")


def test_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"^gone\.csv: cannot be read"):
        read_manifest(tmp_path / "gone.csv")


# -- lists of clips ------------------------------------------------------------------------


def test_a_manifest_is_a_list(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "m.csv", [HEADER, *ROWS])
    assert read_list(path) == read_manifest(path).clips


@pytest.mark.parametrize("column", ["label", "action_folder", "original_class"])
def test_a_list_needs_path_class_and_split(column: str, tmp_path: Path) -> None:
    path = write_lines(
        tmp_path / "l.csv",
        [f"licence,path,{column},split", "free,a/1.mp4,fall_floor,train", ",2.mp4,waving,test"],
    )
    assert read_list(path) == (
        Clip(tmp_path / "a/1.mp4", "Falling on Floor", "own", "fall_floor", "a/1.mp4", "train"),
        Clip(tmp_path / "2.mp4", "Waving", "own", "waving", "2.mp4", "test"),
    )


def test_what_else_a_list_may_say(tmp_path: Path) -> None:
    path = write_lines(
        tmp_path / "l.csv",
        ["path,label,split,group,dataset,duration_s", "1.mp4,A,val,anna,web,2.5", "2.mp4,A,val,,,"],
    )
    first, second = read_list(path)
    assert (first.group, first.dataset, first.duration_s) == ("anna", "web", 2.5)
    assert (second.group, second.dataset, second.duration_s) == ("2.mp4", "own", 0)


def test_a_list_that_names_sections_means_trimmed_files(tmp_path: Path) -> None:
    write_video(tmp_path / "1.mp4", seconds=2, size=(32, 32))
    lines = [
        "path,label,split,Start,End",
        "1.mp4,A,train,10,12",
        "1.mp4,A,train,10,11",
        "1.mp4,A,train,,",
        "gone.mp4,A,train,0,1",
    ]
    clips = read_list(write_lines(tmp_path / "l.csv", lines))
    assert [c.split for c in clips] == ["train", "refused", "train", "train"]
    assert clips[1].reason.startswith("the untrimmed video, 2.0 s long, of which l.csv means 10 to")


def test_the_label_goes_before_the_folder(tmp_path: Path) -> None:
    lines = ["path,original_class,label,split", "1.mp4,x,Waving at someone,train"]
    (clip,) = read_list(write_lines(tmp_path / "l.csv", lines))
    assert (clip.label, clip.original_class) == ("Waving at someone", "Waving at someone")


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["path,split", "1.mp4,train"], "not a manifest, and not a list of clips, which has"),
        (["path,label", "1.mp4,a"], "not a manifest, and not a list of clips, which has"),
        (["label,split", "a,train"], "not a manifest, and not a list of clips, which has"),
        (["path,label,split", "1.mp4,a,extra"], ", line 2: split 'extra' is not known"),
        (["path,label,split", "1.mp4,a,"], ", line 2: split '' is not known"),
        (["path,label,split", "1.mp4,,train"], ", line 2: label is empty"),
        (["path,label,split", ",a,train"], ", line 2: path is empty"),
        (["path,label,split,duration_s", "1.mp4,a,train,x"], ", line 2: duration_s 'x' is not"),
        ([HEADER, *ROWS, "b/4.mp4,B,own,b,g1,test,1,"], r"leaks.*g1 \(test and train\)"),
    ],
)
def test_a_list_that_makes_no_sense(tmp_path: Path, lines: list[str], message: str) -> None:
    with pytest.raises(DataError, match=rf"^l\.csv.*{message}"):
        read_list(write_lines(tmp_path / "l.csv", lines))


# -- load_data -----------------------------------------------------------------------------


@pytest.fixture
def folders(tmp_path: Path) -> Path:
    for cls in ("fall_floor", "waving"):
        (tmp_path / "data" / cls).mkdir(parents=True)
        for k in range(6):
            (tmp_path / "data" / cls / f"{k}.mp4").write_bytes(b"x" * k)
    return tmp_path / "data"


def test_load_data_takes_folders_or_their_csv(folders: Path) -> None:
    built = load_data([folders], check=False, seed=3)
    assert built == build_manifest([folders], SplitRules(seed=3), check=False)
    write_manifest(built, folders / "m.CSV")
    assert load_data([str(folders / "m.CSV")]) == built
    for source in (folders, folders / "m.CSV"):
        for wanted in ("fall_floor", "Falling on Floor"):
            part = load_data([source], classes=[wanted], check=False)
            assert part.labels == ("Falling on Floor",)
            assert len(part.clips) == 6
        with pytest.raises(DataError, match="class 'Smoking'"):
            load_data([source], classes=["smoke"], check=False)


def test_load_data_checks_folders_unless_told_otherwise(folders: Path) -> None:
    manifest = load_data([folders])
    assert len(manifest.refused) == 12
    assert not manifest.labels


# -- fingerprint ---------------------------------------------------------------------------


def test_fingerprint_tells_data_apart(files: list[Path], tmp_path: Path) -> None:
    clips = [clip_at(p) for p in files]
    before = fingerprint(clips)
    assert len(before) == 16
    assert fingerprint(reversed(clips)) == before
    changed = [
        clips[1:],
        [replace(clips[0], split="val"), *clips[1:]],
        [replace(clips[0], label="B"), *clips[1:]],
    ]
    assert len({before, *map(fingerprint, changed)}) == 4
    shutil.copytree(tmp_path / "data", tmp_path / "copy")
    copies = [replace(c, path=tmp_path / "copy" / "a" / c.path.name) for c in clips]
    assert fingerprint(copies) == before  # where the data lies does not matter
    files[2].write_bytes(b"other size")
    assert fingerprint(clips) != before


def test_fingerprint_of_data_that_is_gone(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"gone\.mp4: cannot be read"):
        fingerprint([clip_at(tmp_path / "gone.mp4")])


def test_a_folder_of_test_clips_alone_can_be_measured(tmp_path: Path) -> None:
    """A lone train clip, too few to carve validation from, must not stop `evaluate`."""
    folder = tmp_path / "JumpingJack"
    folder.mkdir()
    for name in ("v_JumpingJack_g01_c01", "v_JumpingJack_g02_c01", "v_JumpingJack_g09_c01"):
        (folder / f"{name}.avi").write_bytes(b"not read here")
    manifest = load_data([tmp_path], check=False, validation=False)
    assert len(manifest.split("test")) == 2
    assert len(manifest.split("train")) == 1
