"""The manifest: one CSV row for each clip, with its label, group and side.

Built from folders that hold one folder for each class. Clips of UCF101 and HMDB51 are known by
their file names and take their official side; others are split by group.
"""

from __future__ import annotations

import csv
import math
import os
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields, replace
from pathlib import Path

from action_recognition.actions import find_action, label_for_folder
from action_recognition.datasets.splits import (
    SIDES,
    OfficialClip,
    assign_by_group,
    check_leaks,
    find_official,
    resolve_films,
)
from action_recognition.errors import DataError, VideoError
from action_recognition.video import FILE_EXTENSIONS, Video

VALIDATION_SHARE = 1 / 6
TEST_SHARE = 0.25
OWN = "own"
_UNUSED = "not used in official split"


@dataclass(frozen=True)
class Clip:
    """One video file of a data set.

    Parameters:
        path: the file; relative paths in a CSV are relative to the CSV's folder.
        label: name of its class.
        dataset: UCF101, HMDB51 or own.
        original_class: name of the folder it was found in.
        group: group (UCF101), film (HMDB51), or what stands for one in other data.
        split: train, val or test; `left_out` and `refused` clips are on no side.
        duration_s: seconds, 0 where it was not read.
        reason: why a clip is left out or refused, else empty.
    """

    path: Path
    label: str
    dataset: str
    original_class: str
    group: str
    split: str
    duration_s: float = 0.0
    reason: str = ""


_COLUMNS = [f.name for f in fields(Clip)]


@dataclass(frozen=True)
class Manifest:
    """All clips of a data set, also those that are on no side."""

    clips: tuple[Clip, ...]

    def side(self, split: str) -> list[Clip]:
        """The clips of one side: train, val or test."""
        if split not in SIDES:
            raise DataError(f"split {split!r}: must be one of {', '.join(SIDES)}")
        return [c for c in self.clips if c.split == split]

    @property
    def labels(self) -> tuple[str, ...]:
        """Labels of all clips that stand on a side, sorted."""
        return tuple(sorted({c.label for c in self.clips if c.split in SIDES}))

    @property
    def refused(self) -> list[Clip]:
        """Files that do not decode; `reason` says why."""
        return [c for c in self.clips if c.split == "refused"]

    @property
    def left_out(self) -> list[Clip]:
        """Clips on no side: their film stands in test, or the official split does not use them."""
        return [c for c in self.clips if c.split == "left_out"]

    def select(self, classes: Sequence[str]) -> Manifest:
        """The part of it that belongs to the given labels.

        Raises:
            DataError: a label has no clips.
        """
        missing = sorted(set(classes) - {c.label for c in self.clips})
        if missing:
            raise DataError(f"no clips of class {missing[0]!r} in this data")
        return Manifest(tuple(c for c in self.clips if c.label in set(classes)))

    def summary(self) -> str:
        """A table of clips and groups of each class and side, and what is on no side."""
        count = Counter((c.label, c.split) for c in self.clips)
        width = max((len(label) for label in self.labels), default=5)
        lines = [f"{'class':<{width}}  {'train':>6} {'val':>6} {'test':>6} {'groups':>7}"]
        for label in self.labels:
            groups = len({c.group for c in self.clips if c.label == label and c.split in SIDES})
            row = " ".join(f"{count[label, s]:>6}" for s in SIDES)
            lines.append(f"{label:<{width}}  {row} {groups:>7}")
        total = " ".join(f"{len(self.side(s)):>6}" for s in SIDES)
        groups = len({c.group for c in self.clips if c.split in SIDES})
        lines.append(f"{'all':<{width}}  {total} {groups:>7}")
        reasons = Counter(c.reason for c in self.left_out)
        unused = {reason: n for reason, n in reasons.items() if reason.startswith(_UNUSED)}
        films = len(reasons) - len(unused)
        if films:
            clips = len(self.left_out) - sum(unused.values())
            lines.append(f"left out: {clips} train clips of {films} films that stand in test")
        lines += [f"left out: {n} clips {reason}" for reason, n in sorted(unused.items())]
        lines += [f"refused: {c.path.name}: {c.reason}" for c in self.refused]
        return "\n".join(lines)


def build_manifest(
    folders: Sequence[str | Path],
    *,
    classes: Sequence[str] | None = None,
    official_split: int = 1,
    group_pattern: str | None = None,
    seed: int = 0,
    check: bool = True,
    validation: bool = True,
    on_progress: Callable[[int, int], None] | None = None,
) -> Manifest:
    """Makes a manifest of folders that hold one folder for each class.

    Parameters:
        folders: for example the folders of UCF101 and of HMDB51.
        classes: folder names or labels to take; None: every folder that holds videos.
        official_split: 1, 2 or 3, for clips of UCF101 and HMDB51.
        group_pattern: regular expression with one parenthesised part, matched against the file
            names of other clips: what it captures names the group. None: each file is a group.
        seed: for the sides that are drawn (validation; test too in data of one's own).
        check: decode each file once; those that fail are refused, by name.
        validation: carve validation clips out of the train side.
        on_progress: called with (files checked, files in all).

    Raises:
        DataError: nothing is there, a class is missing or cannot be divided, or a group would
            stand on two sides.
    """
    if official_split not in (1, 2, 3):
        raise DataError(f"official split {official_split!r}: must be 1, 2 or 3")
    files = _find_files([Path(f) for f in folders], classes)
    pattern = _compile(group_pattern)
    clips = [_describe(path, folder, pattern, official_split) for path, folder in files]
    if check:
        clips = _check_files(clips, on_progress)
    clips = _place_official(clips)
    clips = _place_own(clips, seed)
    if validation:
        clips = _carve_validation(clips, seed)
    check_leaks([c.group for c in clips], [c.split for c in clips])
    return Manifest(tuple(clips))


def write_manifest(manifest: Manifest, path: str | Path) -> None:
    """Writes the CSV; paths below its folder are written relative to it.

    Raises:
        DataError: the name of a file is not text.
    """
    path = Path(path)
    base = path.resolve().parent
    rows = [_format_row(c, base) for c in manifest.clips]
    base.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(path.name + ".tmp")
    with temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(_COLUMNS)
        writer.writerows(rows)
    temporary.replace(path)


def read_manifest(path: str | Path) -> Manifest:
    """Reads a manifest CSV and checks it for leaks.

    Raises:
        DataError: missing, not a manifest, or a group stands on two sides.
    """
    path = Path(path)
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:  # spreadsheets write a mark
            reader = csv.DictReader(file)
            missing = [c for c in _COLUMNS if c not in (reader.fieldnames or [])]
            if missing:
                raise DataError(f"{path.name}: not a manifest, column {missing[0]!r} is missing")
            clips = tuple(_parse_row(row, path, reader.line_num) for row in reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path.name}: cannot be read as a manifest ({error})") from None
    try:
        check_leaks([c.group for c in clips], [c.split for c in clips])
    except DataError as error:
        raise DataError(f"{path.name}: {error}") from None
    return Manifest(clips)


def load_data(
    sources: Sequence[str | Path],
    *,
    classes: Sequence[str] | None = None,
    seed: int = 0,
    check: bool = True,
    validation: bool = True,
    on_progress: Callable[[int, int], None] | None = None,
) -> Manifest:
    """What `--data` means: one manifest CSV, or folders with one folder for each class."""
    paths = [Path(s) for s in sources]
    if len(paths) == 1 and paths[0].suffix.lower() == ".csv":
        manifest = read_manifest(paths[0])
        return manifest.select([label_for_folder(c) for c in classes]) if classes else manifest
    return build_manifest(
        paths,
        classes=classes,
        seed=seed,
        check=check,
        validation=validation,
        on_progress=on_progress,
    )


# -- the steps of build_manifest -----------------------------------------------------------


def _find_files(folders: Sequence[Path], classes: Sequence[str] | None) -> list[tuple[Path, str]]:
    wanted = None if classes is None else {label_for_folder(c) for c in classes}
    files: list[tuple[Path, str]] = []
    label_of: dict[str, str] = {}
    for root in folders:
        if not root.is_dir():
            raise DataError(f"{root}: there is no such folder of clips")
        for folder in sorted(p for p in root.iterdir() if p.is_dir() and p.name[0] != "."):
            label = label_for_folder(folder.name)
            if wanted is not None and label not in wanted:
                continue
            found = sorted(
                p
                for p in folder.rglob("*")
                if p.suffix.lower()[1:] in FILE_EXTENSIONS
                and p.is_file()
                and not any(part[0] == "." for part in p.relative_to(folder).parts)
            )
            if not found:
                continue
            other = label_of.setdefault(label, folder.name)
            if other != folder.name and find_action(other) is None:
                raise DataError(f"folders {other!r} and {folder.name!r} give one label, {label!r}")
            files += [(p, folder.name) for p in found]
    if wanted is not None:
        missing = sorted(wanted - set(label_of))
        if missing:
            raise DataError(f"no folder with videos of class {missing[0]!r} is there")
    if not files:
        names = ", ".join(str(f) for f in folders)
        raise DataError(f"{names}: no folder in it holds videos ({', '.join(FILE_EXTENSIONS)})")
    return files


def _compile(group_pattern: str | None) -> re.Pattern[str] | None:
    if group_pattern is None:
        return None
    try:
        pattern = re.compile(group_pattern)
    except re.error as error:
        raise DataError(f"group pattern {group_pattern!r}: {error}") from None
    if pattern.groups != 1:
        raise DataError(f"group pattern {group_pattern!r}: must have one part in parentheses")
    return pattern


def _describe(
    path: Path, folder: str, pattern: re.Pattern[str] | None, official_split: int
) -> Clip:
    label = label_for_folder(folder)
    official: OfficialClip | None = find_official(path.stem)
    if official is not None:
        side = official.splits[official_split - 1]
        return Clip(
            path=path,
            label=label,
            dataset=official.dataset,
            original_class=official.original_class,
            group=official.group,
            split=side or "left_out",
            reason="" if side else f"{_UNUSED} {official_split}",
        )
    group = str(path)
    if pattern is not None:
        match = pattern.search(path.name)
        if match is None or not match[1]:
            raise DataError(f"{path.name}: the group pattern {pattern.pattern!r} does not match")
        group = match[1]
    return Clip(path, label, OWN, folder, group, "train")


def _check_files(clips: list[Clip], on_progress: Callable[[int, int], None] | None) -> list[Clip]:
    def checked(clip: Clip) -> Clip:
        try:
            with Video(clip.path) as video:
                video.check()
                return replace(clip, duration_s=round(video.info.duration_s, 3))
        except VideoError as error:
            return replace(clip, split="refused", reason=error.reason)

    done: list[Clip] = []
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for clip in pool.map(checked, clips):
            done.append(clip)
            if on_progress is not None:
                on_progress(len(done), len(clips))
    return done


def _place_official(clips: list[Clip]) -> list[Clip]:
    """Leaves out train clips of films that stand in test, under another class or as a part."""
    index = [k for k, c in enumerate(clips) if c.dataset != OWN and c.split in SIDES]
    sides = resolve_films([clips[k].group for k in index], [clips[k].split for k in index])  # type: ignore[misc]
    placed = list(clips)
    for k, side in zip(index, sides, strict=True):
        if side is None:
            placed[k] = replace(
                clips[k], split="left_out", reason=f"film {clips[k].group} stands in test"
            )
    return placed


def _place_own(clips: list[Clip], seed: int) -> list[Clip]:
    groups: dict[str, set[str]] = defaultdict(set)
    for c in clips:
        if c.split == "train":
            groups[c.label].add(c.group)
    for label in sorted({c.label for c in clips if c.dataset == OWN and c.split == "train"}):
        if len(groups[label]) < len(SIDES):
            raise DataError(
                f"class {label!r} has clips of too few groups ({', '.join(sorted(groups[label]))})"
                ": train, val and test need one each; add clips of other recordings"
            )
    return _move(clips, lambda c: c.dataset == OWN and c.split == "train", "test", TEST_SHARE, seed)


def _carve_validation(clips: list[Clip], seed: int) -> list[Clip]:
    return _move(clips, lambda c: c.split == "train", "val", VALIDATION_SHARE, seed)


def _move(
    clips: list[Clip], which: Callable[[Clip], bool], to: str, share: float, seed: int
) -> list[Clip]:
    index = [k for k, c in enumerate(clips) if which(c)]
    if not index:
        return clips
    labels, groups = [clips[k].label for k in index], [clips[k].group for k in index]
    moved = list(clips)
    picks = assign_by_group(labels, groups, share=share, seed=seed)
    for k, picked in zip(index, picks, strict=True):
        if picked:
            moved[k] = replace(clips[k], split=to)
    return moved


def _format_row(clip: Clip, base: Path) -> list[str]:
    full = clip.path.resolve()
    shown = full.relative_to(base) if full.is_relative_to(base) else full
    shown_clip = replace(clip, path=shown)
    row = [_format(getattr(shown_clip, name)) for name in _COLUMNS]
    try:
        "".join(row).encode()
    except UnicodeEncodeError:
        raise DataError(f"{clip.path.name!r}: a file name must be UTF-8 text, rename it") from None
    return row


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
    if row["split"] not in (*SIDES, "left_out", "refused"):
        raise DataError(f"{line}: split {row['split']!r} is not known")
    for name in ("path", "label"):
        if not row[name].strip():
            raise DataError(f"{line}: {name} is empty")
    return Clip(
        path=path.resolve().parent / row["path"],
        label=row["label"],
        dataset=row["dataset"],
        original_class=row["original_class"],
        group=row["group"],
        split=row["split"],
        duration_s=duration,
        reason=row["reason"],
    )


def fingerprint(clips: Iterable[Clip]) -> str:
    """A hash of file names, sizes, labels and sides: which data a model was trained on.

    Raises:
        DataError: a file is gone.
    """
    import hashlib

    try:
        rows = [f"{c.label}/{c.path.name}/{c.path.stat().st_size}/{c.split}" for c in clips]
    except OSError as error:
        raise DataError(f"{error.filename}: cannot be read ({error.strerror})") from None
    sha = hashlib.sha256()
    for row in sorted(rows):
        sha.update(row.encode(errors="surrogateescape") + b"\n")
    return sha.hexdigest()[:16]
