"""Tables as spreadsheets of any country and system write them: CSV, semicolons, tabs, UTF-16."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from action_recognition.errors import DataError

SURPLUS = ""

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
        text = _decode(path.read_bytes())
        return _parse(path, text)
    except OSError as error:
        reason = error.strerror or str(error)
    except (ValueError, csv.Error) as error:
        reason = str(error)
    raise DataError(f"{path.name}: cannot be read as a manifest ({reason})")


def _decode(data: bytes) -> str:
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return data.decode("utf-16")
    text = data.removeprefix(codecs.BOM_UTF8).decode(errors="surrogateescape")
    if "\0" in text:
        raise ValueError("it is not text")
    return text


def _parse(path: Path, text: str) -> Table:
    lines = [line for line in text.splitlines()[:100] if line.strip()]
    named = _SEPARATOR_LINE.fullmatch(lines[0]) if lines else None
    separator = named[1] if named else _separator(lines[0] if lines else "")
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    rows = [(reader.line_num, row) for row in reader if any(field.strip() for field in row)]
    rows = rows[1:] if named else rows
    if not rows:
        return Table((), ())
    columns = [_column(name) for name in rows[0][1]]
    for name, count in Counter(c for c in columns if c).items():
        if count > 1:
            raise DataError(f"{path.name}: its first line names the column {name!r} twice")
    found = []
    for number, row in rows[1:]:
        fields = {c: f for c, f in zip(columns, row, strict=False) if c}
        if len(row) > len(columns):
            fields[SURPLUS] = separator.join(row[len(columns) :])
        found.append((number, fields))
    return Table(tuple(c for c in columns if c), tuple(found))


def _separator(first_line: str) -> str:
    return max(_SEPARATORS, key=first_line.count)


def _column(name: str) -> str:
    return re.sub(r"[\W_]+", "_", name.strip().casefold()).strip("_")
