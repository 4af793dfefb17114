"""The manifest as a CSV file, and lists of clips that others wrote."""

from __future__ import annotations

import csv
import math
import os
import re
from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Literal

from action_recognition.actions import label_for_folder
from action_recognition.datasets.file_names import as_text
from action_recognition.datasets.foreign_paths import locate
from action_recognition.datasets.manifest import Clip, Manifest
from action_recognition.datasets.sections import read_section, refuse_untrimmed
from action_recognition.datasets.split_names import read_split
from action_recognition.datasets.splits import SPLITS, check_leaks
from action_recognition.datasets.tables import SURPLUS, Table, read_table
from action_recognition.errors import DataError
from action_recognition.files import replacing

_LONGEST_S = 1e9
_COLUMNS = [f.name for f in fields(Clip) if f.name != "part"]


def write_manifest(manifest: Manifest, path: str | Path) -> None:
    """Writes the CSV; paths below its folder are written relative to it, with `/` on any system.

    File names are written as they are on disk: where they are not UTF-8, their lines are not,
    either.

    Raises:
        DataError: the name of a file cannot be written, or the CSV cannot.
    """
    path = Path(path)
    base = _absolute(path).parent
    rows = [_format_row(c, base) for c in manifest.clips]
    try:
        with (
            replacing(path) as temporary,
            temporary.open("w", encoding="utf-8", errors="surrogateescape", newline="") as file,
        ):
            writer = csv.writer(file)
            writer.writerow(_COLUMNS)
            writer.writerows(rows)
    except OSError as error:
        raise DataError(f"{path}: cannot be written ({error.strerror})") from None


def read_manifest(path: str | Path, *, leaks: Literal["refuse", "accept"] = "refuse") -> Manifest:
    """Reads a manifest CSV and checks it for leaks.

    What a spreadsheet or Windows made of it is read as well (`tables.read_table`,
    `foreign_paths.locate`).

    Parameters:
        leaks: "accept" is for who wants to look into a manifest that leaks.

    Raises:
        DataError: missing, not a manifest, a group is in two splits, or its paths are those of
            Windows and lead nowhere.
    """
    path = Path(path)
    table = read_table(path)
    missing = [c for c in _COLUMNS if c not in table.columns]
    if missing:
        raise DataError(f"{path.name}: not a manifest, column {missing[0]!r} is missing")
    return _manifest(table, path, leaks)


def read_list(path: str | Path) -> tuple[Clip, ...]:
    """Reads a manifest, or any table that lists clips of one's own with their split.

    The columns of such a list: `path` (relative to the list's folder), the class as `label`,
    `action_folder` or `original_class`, `split` (train, val or test), and `group`, what stays in
    one split (a person, a recording; without it each file by itself). With `start` and `end` (or
    `time_start`, `start_s`, `start_time`), in seconds, a file must be that section of a video:
    longer ones are refused. Others are passed over.

    Raises:
        DataError: missing, without one of these columns, or a row makes no sense.
    """
    path = Path(path)
    table = read_table(path)
    if set(_COLUMNS) <= set(table.columns):
        return _manifest(table, path, "refuse").clips
    names = ("label", "action_folder", "original_class")
    label = next((n for n in names if n in table.columns), None)
    if label is None or not {"path", "split"} <= set(table.columns):
        raise DataError(
            f"{path.name}: not a manifest, and not a list of clips, which has the columns path, "
            "label (or action_folder, original_class) and split"
        )
    rows, sections = [], []
    for number, row in table.rows:
        _check_fields(row, ("path", label, "split"), path, number)
        section = read_section(row, path.name, number)
        full = {name: row.get(name, "") for name in _COLUMNS}
        full |= {
            "label": label_for_folder(row[label]),
            "original_class": row[label],
            "dataset": full["dataset"] or "own",
            "group": full["group"] or full["path"],
        }
        if section is not None:  # the list may give the length of the section, not of the file
            full["duration_s"] = ""
        rows.append((number, full))
        sections.append(section)
    return tuple(refuse_untrimmed(_parse_rows(rows, path), sections))


def _manifest(table: Table, path: Path, leaks: Literal["refuse", "accept"]) -> Manifest:
    for number, row in table.rows:
        _check_fields(row, _COLUMNS[:-1], path, number)
    clips = _parse_rows(table.rows, path)
    if leaks == "refuse":
        try:
            check_leaks([c.group for c in clips], [c.split for c in clips])
        except DataError as error:
            raise DataError(f"{path.name}: {error}") from None
    return Manifest(tuple(clips))


def _check_fields(row: dict[str, str], names: Sequence[str], path: Path, number: int) -> None:
    if not set(names) <= set(row) or SURPLUS in row:  # cut off, or a separator in a name
        raise DataError(f"{path.name}, line {number}: must have as many fields as the first line")


def _format_row(clip: Clip, base: Path) -> list[str]:
    full = _absolute(clip.path)
    shown = full.relative_to(base) if full.is_relative_to(base) else full
    fields = {name: getattr(clip, name) for name in _COLUMNS} | {"path": shown.as_posix()}
    row = [_format(fields[name]) for name in _COLUMNS]
    try:
        "".join(row).encode(errors="surrogateescape")
    except UnicodeEncodeError:  # Windows allows such names
        raise DataError(f"{clip.path.name!r}: the file name is not Unicode, rename it") from None
    return row


def _absolute(path: Path) -> Path:
    """Absolute, but links are not followed: a clip is named by the link that was made for it."""
    return Path(os.path.abspath(path))  # noqa: PTH100


def _format(value: object) -> str:
    return f"{value:.10g}" if isinstance(value, float) else str(value)


def _parse_rows(rows: Sequence[tuple[int, dict[str, str]]], path: Path) -> list[Clip]:
    clips = [_parse_row(row, path, number) for number, row in rows]
    files = locate([row["path"] for _, row in rows], _absolute(path).parent, path.name)
    return [replace(clip, path=file) for clip, file in zip(clips, files, strict=True)]


def _parse_row(row: dict[str, str], path: Path, number: int) -> Clip:
    line = f"{path.name}, line {number}"
    fields = {name: as_text(field) for name, field in row.items()}
    try:
        duration = float(fields["duration_s"].replace(",", ".") or 0)
    except ValueError:
        duration = math.nan
    if not 0 <= duration <= _LONGEST_S:
        raise DataError(
            f"{line}: duration_s {fields['duration_s'][:60]!r} is not a number of seconds"
        )
    split = read_split(fields["split"]) or re.sub(r"\W+", "_", fields["split"].strip().casefold())
    if split not in (*SPLITS, "left_out", "refused"):
        raise DataError(f"{line}: split {fields['split'][:60]!r} is not known")
    for name in ("path", "label"):
        if not fields[name].strip():
            raise DataError(f"{line}: {name} is empty")
    return Clip(
        path=Path(fields["path"]),
        label=fields["label"].strip(),
        dataset=fields["dataset"],
        original_class=fields["original_class"],
        group=fields["group"],
        split=split,
        duration_s=duration,
        reason=fields.get("reason", ""),
    )
