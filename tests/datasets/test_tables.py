"""Tables as spreadsheets of any country and system write them."""

from __future__ import annotations

from pathlib import Path

import pytest

from action_recognition.datasets.tables import SURPLUS, read_table
from action_recognition.errors import DataError

COLUMNS = ("path", "original_class", "split")
ROWS = (
    (2, {"path": "a, b/1.mp4", "original_class": "jump", "split": "train"}),
    (3, {"path": "ü;|.mp4", "original_class": "", "split": "test"}),
)


def text(separator: str) -> str:
    lines = [
        ["path", "original_class", "split"],
        ['"a, b/1.mp4"', "jump", "train"],
        ['"ü;|.mp4"', "", "test"],
    ]
    return "".join(separator.join(line) + "\r\n" for line in lines)


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_separators_and_encodings(tmp_path: Path, separator: str, encoding: str) -> None:
    (tmp_path / "t.csv").write_bytes(text(separator).encode(encoding))
    table = read_table(tmp_path / "t.csv")
    assert (table.columns, table.rows) == (COLUMNS, ROWS)


@pytest.mark.parametrize("separator", [";", "\t"])
def test_the_line_in_which_excel_names_the_separator(tmp_path: Path, separator: str) -> None:
    (tmp_path / "t.csv").write_text(f"sep={separator}\n{text(separator)}", encoding="utf-8")
    table = read_table(tmp_path / "t.csv")
    assert table.columns == COLUMNS
    assert [number for number, _ in table.rows] == [3, 4]


@pytest.mark.parametrize(
    "header",
    [" Path ;ORIGINAL CLASS;Split", "path;original-class;split", "PATH;Original_Class;SPLIT"],
)
def test_names_of_columns_are_written_otherwise(tmp_path: Path, header: str) -> None:
    (tmp_path / "t.csv").write_text(f"{header}\n1;2;3\n", encoding="utf-8")
    assert read_table(tmp_path / "t.csv").columns == COLUMNS


def test_empty_rows_and_columns_are_passed_over(tmp_path: Path) -> None:
    lines = ["", "path,,split,,", "1,x,train,,", ",,,,", "", " , ,,,", "2,,test,,", ",,,,", ""]
    (tmp_path / "t.csv").write_text("\n".join(lines), encoding="utf-8")
    table = read_table(tmp_path / "t.csv")
    assert table.columns == ("path", "split")
    assert table.rows == (
        (3, {"path": "1", "split": "train"}),
        (7, {"path": "2", "split": "test"}),
    )


def test_rows_of_another_length(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("a,b\n1\n1,2,3,4\n", encoding="utf-8")
    rows = [row for _, row in read_table(tmp_path / "t.csv").rows]
    assert rows == [{"a": "1"}, {"a": "1", "b": "2", SURPLUS: "3,4"}]


def test_nothing_in_it(tmp_path: Path) -> None:
    for content in (b"", b"\n\n", b"\xef\xbb\xbf", b"sep=;\n"):
        (tmp_path / "t.csv").write_bytes(content)
        assert read_table(tmp_path / "t.csv").columns == ()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"PK\x03\x04\x00\x00", "it is not text"),
        (b"path;split\na\x00b;train\n", "it is not text"),
        (b"\xff\xfea", "truncated"),
        (b"a,b, A\n", "names the column 'a' twice"),
        (b'a,b\n1,"' + b"x" * 200_000, "field larger"),
    ],
)
def test_what_cannot_be_read_is_named(tmp_path: Path, content: bytes, reason: str) -> None:
    (tmp_path / "t.csv").write_bytes(content)
    with pytest.raises(DataError, match=rf"^t\.csv: .*{reason}"):
        read_table(tmp_path / "t.csv")
