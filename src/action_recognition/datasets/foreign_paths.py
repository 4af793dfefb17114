"""Paths of a list that was written on another system, found on this one."""

from __future__ import annotations

import itertools
import os
import re
import unicodedata
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path, PureWindowsPath
from typing import Literal

from action_recognition.datasets.file_names import as_text
from action_recognition.errors import DataError

_FORMS: tuple[Literal["NFC", "NFD"], ...] = ("NFC", "NFD")
_DRIVE = re.compile(r"[A-Za-z]:")


def locate(texts: Sequence[str], folder: Path, name: str) -> list[Path]:
    r"""The files that the paths of a list mean.

    Paths of Windows are read as such where no file has their very name: `data\jump\1.mp4` lies
    below the list's folder, and so does what `C:\Users\anna\data\jump\1.mp4` ends in, if the
    folders that all of these paths begin with are left out. A name may be spelled otherwise on
    disk: with accents as characters of their own (macOS), or not in UTF-8.

    Parameters:
        texts: the paths as they are written; surrogates stand for bytes that are not UTF-8.
        folder: what relative paths start from.
        name: of the list, for errors.

    Raises:
        DataError: most paths are those of Windows, and not one of the files is found.
    """
    paths = [_literal(text, folder) for text in texts]
    if os.name == "nt":
        return paths
    foreign = [k for k, text in enumerate(texts) if _is_windows(text) and not _is_there(paths[k])]
    if not foreign:
        return paths
    parts = [_parts(as_text(texts[k])) for k in foreign]
    absolute = [p for k, p in zip(foreign, parts, strict=True) if _is_absolute(texts[k])]
    cut = _common(absolute, folder)
    for k, found in zip(foreign, parts, strict=True):
        paths[k] = _literal("/".join(found[cut:] if _is_absolute(texts[k]) else found), folder)
    most = len(foreign) > len(texts) / 2  # a name of this system may hold a backslash, too
    if most and not any(_is_there(paths[k]) for k in foreign):
        raise DataError(
            f"{name}: its paths are those of Windows (such as {as_text(texts[foreign[0]])}), and "
            f"none of its {len(foreign)} files is below {folder}, where they were looked for; put "
            "the list into the folder that its paths start from"
        )
    return paths


def _literal(text: str, folder: Path) -> Path:
    """The path as it is written, or in another spelling if only that is there."""
    path = folder / text
    if text.isascii() and text == text.strip():
        return path
    readable = as_text(text)
    spellings = [text, readable, *(unicodedata.normalize(form, readable) for form in _FORMS)]
    with suppress(UnicodeEncodeError):  # bytes that are not UTF-8 on disk
        spellings.append(os.fsdecode(readable.encode("cp1252")))
    candidates = [folder / s for s in (*spellings, readable.strip())]
    return next((p for p in candidates if _is_there(p)), folder / readable)


def _is_there(path: Path) -> bool:
    return os.path.exists(path)  # noqa: PTH110  # Path.exists fails on a name that is too long


def _is_windows(text: str) -> bool:
    return "\\" in text or bool(_DRIVE.match(text))


def _is_absolute(text: str) -> bool:
    return bool(PureWindowsPath(text).drive or PureWindowsPath(text).root)


def _parts(text: str) -> tuple[str, ...]:
    path = PureWindowsPath(text)
    return path.parts[1:] if path.anchor else path.parts


def _common(absolute: Sequence[tuple[str, ...]], folder: Path) -> int:
    """How many parts at the front to leave out, which must be the same in all of the paths."""
    if not absolute:
        return 0
    columns = zip(*(parts[:-1] for parts in absolute), strict=False)
    same = itertools.takewhile(lambda names: len(set(names)) == 1, columns)
    for cut in range(1 + sum(1 for _ in same)):
        if any(_is_there(folder.joinpath(*parts[cut:])) for parts in absolute):
            return cut
    return 0
