"""Annotation lists: Kinetics, Something-Something, UCF101 and HMDB51, by their own form."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from action_recognition.datasets.annotation_lists import Annotations, read_annotations
from action_recognition.errors import DataError

KINETICS = "label,youtube_id,time_start,time_end,split"
HOLDING = "Holding [something] next to [something]"


def table(path: Path, *rows: str, header: str = KINETICS) -> Path:
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return path


def dump(path: Path, content: Any) -> Path:
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def told(lists: Annotations, stem: str) -> tuple[str, str | None, str] | None:
    clip = lists.find(stem)
    return None if clip is None else (clip.label, clip.split, clip.problem)


# -- Kinetics ------------------------------------------------------------------------------


def test_kinetics(tmp_path: Path) -> None:
    train = table(
        tmp_path / "train.csv", "playing violin,-bc_efghij1,20,30,train", "abseiling,b,0,10,train"
    )
    val = table(tmp_path / "val.csv", "abseiling,c,7,17,validate")
    lists = read_annotations([train, val])
    assert lists.files == [train, val]
    assert told(lists, "-bc_efghij1_000020_000030") == ("playing violin", "train", "")
    assert told(lists, "b_0_10") == ("abseiling", "train", "")
    assert told(lists, "c") == ("abseiling", "val", "")
    assert told(lists, "c_000007_000018") is None
    assert told(lists, "d_000007_000017") is None
    clip, plain = lists.find("c_000007_000017"), lists.find("c")
    assert clip is not None
    assert plain is not None
    assert (clip.group, clip.stem) == ("c", "c_000007_000017")
    assert clip.section is not None
    assert plain.section is not None
    assert (clip.section.start_s, clip.section.end_s, clip.section.cut) == (7, 17, True)
    assert not plain.section.cut


@pytest.mark.parametrize(
    ("name", "header", "row", "expected"),
    [
        ("k600_test.csv", "Label;YouTube ID;Time Start;Time End", "a;x;0;1", ("a", "test", "")),
        ("list.tsv", "label\tyoutube_id\tsplit", "a\tx\tValidation", ("a", "val", "")),
        ("clips.csv", "label,youtube_id", "a,x", ("a", None, "")),
        ("test.csv", "youtube_id,time_start,time_end,split", "x,0,10,test",
         ("", "test", "test.csv does not tell its class")),
    ],
)  # fmt: skip
def test_kinetics_in_other_forms(
    tmp_path: Path, name: str, header: str, row: str, expected: tuple[str, str | None, str]
) -> None:
    lists = read_annotations([table(tmp_path / name, row, header=header)])
    assert told(lists, "x") == expected


def test_several_sections_of_one_video(tmp_path: Path) -> None:
    lists = read_annotations([table(tmp_path / "l.csv", "a,x,0,10,train", "b,x,20,30,train")])
    assert told(lists, "x_000000_000010") == ("a", "train", "")
    assert told(lists, "x_000020_000030") == ("b", "train", "")
    clip = lists.find("x")
    assert clip is not None
    assert clip.problem == "several sections of it are listed: cut them out first"


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("a,,0,10,train", "line 3: youtube_id is empty"),
        ("a,y,10,0,train", "line 3: time_start '10' and time_end '0' are no section"),
        ("a,y,0,10,some", "line 3: split 'some' is not known"),
        ("a,x,0,10,test", "x is 'a' in the split test, but 'a' in the split train in l.csv"),
        ("b,x,0,10,train", "x is 'b' in the split train, but 'a' in the split train in l.csv"),
    ],
)
def test_kinetics_that_makes_no_sense(tmp_path: Path, row: str, message: str) -> None:
    path = table(tmp_path / "l.csv", "a,x,0,10,train", row)
    with pytest.raises(DataError, match=rf"^l\.csv.*{message}"):
        read_annotations([path])


def test_the_same_row_in_two_lists(tmp_path: Path) -> None:
    paths = [table(tmp_path / f"{n}.csv", "a,x,0,10,train") for n in ("one", "two")]
    lists = read_annotations(paths)
    assert told(lists, "x") == ("a", "train", "")


# -- Something-Something -------------------------------------------------------------------


def test_something(tmp_path: Path) -> None:
    paths = [
        dump(
            tmp_path / "labels.json", {"Holding something next to something": "0", "Pushing": "1"}
        ),
        dump(
            tmp_path / "something-something-v2-train.json",
            [{"id": "1", "label": "holding potato next to box", "template": HOLDING}],
        ),
        dump(
            tmp_path / "validation.json", [{"id": 2, "label": "Pushing"}, {"id": 3, "label": "x"}]
        ),
        dump(tmp_path / "test.json", [{"id": "4"}]),
    ]
    lists = read_annotations(paths)
    assert sorted(lists.files) == sorted(paths)
    assert told(lists, "1") == ("Holding something next to something", "train", "")
    assert told(lists, "2") == ("Pushing", "val", "")
    assert told(lists, "3") == ("x", "val", "its class is not in labels.json")
    assert told(lists, "4") == ("", "test", "test.json does not tell its class")


# -- UCF101 and HMDB51 ---------------------------------------------------------------------


def write_ucf101(folder: Path, number: int) -> list[Path]:
    """Lists that deal groups out otherwise than the published ones."""
    folder.mkdir(exist_ok=True)
    texts = {
        "classInd.txt": "1 Lunges\n",
        f"trainlist0{number}.txt": "Lunges/v_Lunges_g01_c01.avi 1\n",
        f"testlist0{number}.txt": "Lunges/v_Lunges_g08_c01.avi\n",
    }
    for name, text in texts.items():
        (folder / name).write_text(text)
    return [folder / name for name in texts]


def test_official_lists_go_before_what_is_published(tmp_path: Path) -> None:
    paths = write_ucf101(tmp_path / "ucf", 1)
    hmdb51 = tmp_path / "wave_test_split1.txt"
    hmdb51.write_text("film_wave_f_cm_np1_fr_med_0.avi 2 \n")
    lists = read_annotations([*paths, hmdb51])
    assert sorted(lists.files) == sorted([*paths, hmdb51])
    splits = {stem: clip.splits for stem, clip in lists.official.items()}
    assert splits == {
        # Of splits 2 and 3 there are no lists.
        "v_Lunges_g01_c01": ("train", "train", "train"),
        "v_Lunges_g08_c01": ("test", "test", "train"),
        "film_wave_f_cm_np1_fr_med_0": ("test", None, None),
    }


def test_an_official_list_that_makes_no_sense(tmp_path: Path) -> None:
    (tmp_path / "trainlist01.txt").write_text("Lunges/1.avi 1\n")
    with pytest.raises(DataError, match=r"trainlist01\.txt, line 1: .* is no line of a split list"):
        read_annotations([tmp_path / "trainlist01.txt"])


# -- others --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("notes.txt", b"to do: more clips"),
        ("m.csv", b"path,label,split\n1.mp4,a,train\n"),
        ("photo.csv", b"\x89PNG\x00"),
        ("empty.csv", b""),
        ("package.json", b'{"id": 1}'),
        ("list.json", b"[1, 2]"),
        ("none.json", b"[]"),
        ("broken.json", b"[{"),
        ("deep.json", b"[" * 100_000),
        ("classes.txt", b"jump\nrun\n"),
    ],
)
def test_other_files_are_passed_over(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    lists = read_annotations([tmp_path / name])
    assert (lists.files, lists.official, lists.clips) == ([], {}, {})
