"""The manifest as a CSV file."""

from __future__ import annotations

import csv
import math
import os
from contextlib import suppress
from dataclasses import fields, replace
from pathlib import Path
from typing import Literal

from action_recognition.actions import label_for_folder
from action_recognition.datasets.manifest import Clip, Manifest
from action_recognition.datasets.splits import SPLITS, check_leaks
from action_recognition.errors import DataError

_COLUMNS = [f.name for f in fields(Clip)]


def write_manifest(manifest: Manifest, path: str | Path) -> None:
    """Writes the CSV; paths below its folder are written relative to it.

    Raises:
        DataError: the name of a file is not text, or the CSV cannot be written.
    """
    path = Path(path)
    base = _absolute(path).parent
    rows = [_format_row(c, base) for c in manifest.clips]
    temporary = path.with_name(path.name + ".tmp")
    try:
        base.mkdir(parents=True, exist_ok=True)
        with temporary.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(_COLUMNS)
            writer.writerows(rows)
        temporary.replace(path)
    except OSError as error:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise DataError(f"{path}: cannot be written ({error.strerror})") from None


def read_manifest(path: str | Path, *, leaks: Literal["refuse", "accept"] = "refuse") -> Manifest:
    """Reads a manifest CSV and checks it for leaks.

    Parameters:
        leaks: "accept" is for who wants to look into a manifest that leaks.

    Raises:
        DataError: missing, not a manifest, or a group is in two splits.
    """
    path = Path(path)
    rows, columns = _rows(path)
    missing = [c for c in _COLUMNS if c not in columns]
    if missing:
        raise DataError(f"{path.name}: not a manifest, column {missing[0]!r} is missing")
    clips = tuple(_parse_row(row, path, number) for number, row in rows)
    if leaks == "refuse":
        try:
            check_leaks([c.group for c in clips], [c.split for c in clips])
        except DataError as error:
            raise DataError(f"{path.name}: {error}") from None
    return Manifest(clips)


def read_list(path: str | Path) -> tuple[Clip, ...]:
    """Reads a manifest, or any CSV that lists clips of one's own with their split.

    The columns of such a list: `path` (relative to the CSV's folder), the class as `label`,
    `action_folder` or `original_class`, `split` (train, val or test), and `group`, what stays in
    one split (a person, a recording; without it each file by itself). Others are passed over.

    Raises:
        DataError: missing, without one of these columns, or a row makes no sense.
    """
    path = Path(path)
    rows, columns = _rows(path)
    if set(_COLUMNS) <= set(columns):
        return read_manifest(path).clips
    label = next((n for n in ("label", "action_folder", "original_class") if n in columns), None)
    if label is None or not {"path", "split"} <= set(columns):
        raise DataError(
            f"{path.name}: not a manifest, and not a list of clips, which has the columns path, "
            "label (or action_folder, original_class) and split"
        )
    clips = []
    for number, row in rows:
        full = {name: row.get(name) or "" for name in _COLUMNS}
        full |= {
            "label": label_for_folder(row[label] or ""),
            "original_class": row[label] or "",
            "dataset": full["dataset"] or "own",
            "group": full["group"] or full["path"],
        }
        clips.append(_parse_row(full, path, number))
    return tuple(clips)


def _rows(path: Path) -> tuple[list[tuple[int, dict[str, str]]], list[str]]:
    """The rows of a CSV with their line numbers, and its columns."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:  # spreadsheets write a mark
            reader = csv.DictReader(file)
            rows = [(reader.line_num, row) for row in reader]
            return rows, list(reader.fieldnames or [])
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path.name}: cannot be read as a manifest ({error})") from None


def _format_row(clip: Clip, base: Path) -> list[str]:
    full = _absolute(clip.path)
    shown = full.relative_to(base) if full.is_relative_to(base) else full
    shown_clip = replace(clip, path=shown)
    row = [_format(getattr(shown_clip, name)) for name in _COLUMNS]
    try:
        "".join(row).encode()
    except UnicodeEncodeError:
        raise DataError(f"{clip.path.name!r}: a file name must be UTF-8 text, rename it") from None
    return row


def _absolute(path: Path) -> Path:
    """Absolute, but links are not followed: a clip is named by the link that was made for it."""
    return Path(os.path.abspath(path))  # noqa: PTH100


def _format(value: object) -> str:
    return f"{value:.10g}" if isinstance(value, float) else str(value)


def _parse_row(row: dict[str, str], path: Path, number: int) -> Clip:
    line = f"{path.name}, line {number}"
    if None in row or None in row.values():  # what csv makes of too many fields, and of too few
        raise DataError(f"{line}: must have as many fields as the first line")
    try:
        duration = float(row["duration_s"] or 0)
    except ValueError:
        duration = math.nan
    if not 0 <= duration < math.inf:
        raise DataError(f"{line}: duration_s {row['duration_s']!r} is not a number of seconds")
    if row["split"] not in (*SPLITS, "left_out", "refused"):
        raise DataError(f"{line}: split {row['split']!r} is not known")
    for name in ("path", "label"):
        if not row[name].strip():
            raise DataError(f"{line}: {name} is empty")
    return Clip(
        path=_absolute(path).parent / row["path"],
        label=row["label"],
        dataset=row["dataset"],
        original_class=row["original_class"],
        group=row["group"],
        split=row["split"],
        duration_s=duration,
        reason=row["reason"],
    )
