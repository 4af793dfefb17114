"""Tables as spreadsheets of any country and system write them: CSV, semicolons, tabs, UTF-16."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from action_recognition.errors import DataError
from action_recognition.files import read_regular

SURPLUS = ""

_LARGEST = 256 * 2**20  # bytes of a file
_LONGEST_ROW = 2**20  # characters
_MOST_LINES = 1_000_000

_SEPARATORS = ",;\t|"
_SEPARATOR_LINE = re.compile(r'"?sep=(.)"?\s*', re.IGNORECASE)  # Excel's own first line


@dataclass(frozen=True)
class Table:
    """The rows of a table.

    Parameters:
        columns: their names in lower case, words joined by `_`.
        rows: each with the number of its line, from 1, and its fields by column. Fields at the
            end of a row can be missing: Excel leaves empty ones out. Bytes that are not UTF-8 are
            lone surrogates (`file_names.as_text` reads them). What a row has beyond the columns is
            in the field `SURPLUS`.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[int, dict[str, str]], ...]


def read_table(path: Path) -> Table:
    """Reads a table whose first line names its columns.

    The separator (comma, semicolon, tab or `|`) is told by the first line. UTF-8 with and without a
    byte order mark and UTF-16 with one are read. Rows without any text are passed over.

    Raises:
        DataError: it cannot be read, is not text, or names a column twice.
    """
    try:
        return _parse(path, read_regular(path, _LARGEST))
    except OSError as error:
        reason = error.strerror or str(error)
    except (ValueError, csv.Error) as error:
        reason = str(error)
    raise DataError(f"{path.name}: cannot be read as a manifest ({reason})")


class _Lines:
    """The lines of a text, of which `used` counts the characters."""

    def __init__(self, data: bytes) -> None:
        utf16 = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        self._text = io.TextIOWrapper(
            io.BytesIO(data),
            encoding="utf-16" if utf16 else "utf-8-sig",
            errors="strict" if utf16 else "surrogateescape",
            newline="",
        )
        self.used, self.number = 0, 0

    def __iter__(self) -> Iterator[str]:
        while line := self._text.readline(_LONGEST_ROW + 1):
            self.used += len(line)
            self.number += 1
            if self.used > _LONGEST_ROW:
                raise ValueError(f"line {self.number} has more than {_LONGEST_ROW} characters")
            if self.number > _MOST_LINES:
                raise ValueError(f"it has more than {_MOST_LINES} lines")
            if "\0" in line:
                raise ValueError("it is not text")
            yield line


def _parse(path: Path, data: bytes) -> Table:
    lines = [line for line in islice(_each(data), 100) if line.strip()]
    named = _SEPARATOR_LINE.fullmatch(lines[0]) if lines else None
    separator = named[1] if named else _separator(lines[0] if lines else "")
    rows = _rows(data, separator)
    if named:
        next(rows, None)
    _, first = next(rows, (0, []))
    columns = [_column(name) for name in first]
    for name, count in Counter(c for c in columns if c).items():
        if count > 1:
            raise DataError(f"{path.name}: its first line names the column {name[:60]!r} twice")
    found = []
    for number, row in rows:
        fields = {c: f for c, f in zip(columns, row, strict=False) if c}
        if len(row) > len(columns):
            fields[SURPLUS] = separator.join(row[len(columns) :])
        found.append((number, fields))
    return Table(tuple(c for c in columns if c), tuple(found))


def _each(data: bytes) -> Iterator[str]:
    lines = _Lines(data)
    for line in lines:
        lines.used = 0
        yield line


def _rows(data: bytes, separator: str) -> Iterator[tuple[int, list[str]]]:
    """The number of the last line of each row that has text, and its fields."""
    lines = _Lines(data)
    reader = csv.reader(lines, delimiter=separator)
    try:
        for row in reader:
            lines.used = 0
            if any(field.strip() for field in row):
                yield reader.line_num, row
    except csv.Error as error:
        raise ValueError(f"line {reader.line_num}: {error}") from None


def _separator(first_line: str) -> str:
    return max(_SEPARATORS, key=first_line.count)


def _column(name: str) -> str:
    return re.sub(r"[\W_]+", "_", name.strip().casefold()).strip("_")
