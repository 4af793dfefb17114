"""The state of a data set on disk: what is there, what is wrong, what its split shares."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from pathlib import Path

from action_recognition.datasets.download.sources import OFFICIAL
from action_recognition.datasets.manifest import Clip, Manifest
from action_recognition.datasets.names import find_original
from action_recognition.datasets.official import film_of
from action_recognition.datasets.splits import SPLITS, check_leaks
from action_recognition.errors import DataError
from action_recognition.files import read_json


def describe_download(root: str | Path) -> list[str]:
    """A line for each official file: fetched, unpacked, or how much of it is there."""
    root = Path(root)
    lines = []
    for file in OFFICIAL:
        folder = root / file.kind / file.dataset.lower()
        pattern = "*.txt" if file.kind == "splits" else "*/*"
        unpacked = sum(p.is_file() for p in folder.glob(pattern))
        archive = root / "archives" / file.file_name
        part = archive.with_name(archive.name + ".part")
        if archive.exists():
            state = "fetched"
        elif part.exists():
            state = f"partly fetched ({part.stat().st_size / 1e6:.1f}{_of_total(part)} MB)"
        else:
            state = "not fetched"
        files = f"{unpacked} {'lists' if file.kind == 'splits' else 'clips'} unpacked"
        lines.append(f"{file.name}: {state}, {files}")
    return lines


def find_problems(manifest: Manifest) -> list[str]:
    """What is wrong: files that are gone, and groups that are in two splits.

    Groups are those of the manifest, and the recordings that names of UCF101 and HMDB51 tell of.
    """
    used = [c for c in manifest.clips if c.split in SPLITS]
    problems = [f"{c.path}: the file is gone" for c in used if not c.path.is_file()]
    named = [(original.source, c) for c in used if (original := find_original(c.path.stem))]
    for clips, known_by in (([(c.group, c) for c in used], ""), (named, "by their file names")):
        try:
            check_leaks([g for g, _ in clips], [c.split for _, c in clips], known_by=known_by)
        except DataError as error:
            problems.append(str(error))
    return problems


def shared_contents(manifest: Manifest) -> list[str]:
    """Files with the same bytes in two splits, as a note: copies under other names."""
    used = [c for c in manifest.clips if c.split in SPLITS and c.path.is_file()]
    copies = [group for group in _copies(used) if len({c.split for c in group}) > 1]
    if not copies:
        return []
    splits = {c.split: c for c in copies[0]}  # one of each split is enough to look at
    shown = ", ".join(f"{c.path.name} ({split})" for split, c in sorted(splits.items()))
    return [
        f"{sum(map(len, copies))} files are copies of a file in another split, by their bytes, for "
        f"example {shown}"
    ]


def shared_films(manifest: Manifest) -> list[str]:
    """How far the official split of HMDB51 lets films be in both splits, as notes.

    The split keeps the sources of a class apart. Parts of a film are sources of their own, and
    a film may stand in several classes.
    """
    hmdb51 = [c for c in manifest.clips if c.dataset == "HMDB51"]
    test = {(c.label, _film(c)) for c in hmdb51 if c.split == "test"}
    films = {film for _, film in test}
    trained = [c for c in hmdb51 if c.split in ("train", "val") and _film(c) in films]
    same = sum((c.label, _film(c)) in test for c in trained)
    if not trained:
        return []
    return [
        f"{same} train and val clips are of a film of which another part stands in test under the "
        f"same class, {len(trained) - same} more under another class (the official split of "
        "HMDB51 allows both; `prepare --films strict` does not)"
    ]


def _film(clip: Clip) -> str:
    return film_of(clip.group.rpartition("/")[2])


def _of_total(part: Path) -> str:
    try:
        total = read_json(part.with_name(part.name + ".json"))["total"]
        return f" of {total / 1e6:.1f}"
    except (OSError, ValueError, TypeError, KeyError, OverflowError):
        return ""


def _copies(clips: list[Clip]) -> list[list[Clip]]:
    """Clips whose files have the same bytes; only files of one size are read."""
    by_size: dict[int, list[Clip]] = defaultdict(list)
    for c in clips:
        by_size[c.path.stat().st_size].append(c)
    by_content: dict[bytes, list[Clip]] = defaultdict(list)
    for group in by_size.values():
        if len(group) > 1:
            for c in group:
                with c.path.open("rb") as file:
                    by_content[hashlib.file_digest(file, "sha256").digest()].append(c)
    return [group for group in by_content.values() if len(group) > 1]
