"""The manifest as a CSV: round trip, damage, and which data a fingerprint stands for."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from action_recognition.datasets.folders import SplitRules, build_manifest, load_data
from action_recognition.datasets.manifest import Clip, Manifest, fingerprint
from action_recognition.datasets.manifest_csv import read_list, read_manifest, write_manifest
from action_recognition.errors import DataError

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


def test_file_name_that_is_not_text_is_named(tmp_path: Path) -> None:
    clip = clip_at(tmp_path / "bad\udcff.mp4")
    with pytest.raises(DataError, match=r"'bad\\udcff\.mp4': a file name must be UTF-8"):
        write_manifest(Manifest((clip,)), tmp_path / "m.csv")
    assert list(tmp_path.iterdir()) == []


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


# -- damage --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([], r"column 'path' is missing"),
        ([HEADER.replace(",group", ""), *ROWS], r"column 'group' is missing"),
        ([HEADER, ROWS[0].replace("1.5", "long")], r", line 2: duration_s 'long' is not"),
        ([HEADER, ROWS[0].replace("1.5", "nan")], r", line 2: duration_s 'nan' is not"),
        ([HEADER, ROWS[0].replace("1.5", "-1")], r", line 2: duration_s '-1' is not"),
        ([HEADER, *ROWS, "x,A,own,a,g,dev,1,"], r", line 5: split 'dev' is not known"),
        ([HEADER, *ROWS[:2], "", "x,A,own,a,g,dev,1,"], r", line 5: split 'dev'"),
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
    (tmp_path / "latin.csv").write_bytes(f"{HEADER}\na,Grün,own,a,g,test,1,\n".encode("latin-1"))
    with pytest.raises(DataError, match=r"^latin\.csv: cannot be read"):
        read_manifest(tmp_path / "latin.csv")


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
        (["path,label,split", "1.mp4,a,dev"], ", line 2: split 'dev' is not known"),
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
