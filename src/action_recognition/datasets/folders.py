"""Makes a manifest from folders that hold one folder of videos per class.

Clips of UCF101 and HMDB51 are recognised by their file names and keep their official split; others
are split by group.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from action_recognition.actions import find_action, label_for_folder
from action_recognition.datasets.copies import join_copies
from action_recognition.datasets.manifest import Clip, Manifest
from action_recognition.datasets.manifest_csv import read_list
from action_recognition.datasets.names import find_original
from action_recognition.datasets.probe import probe
from action_recognition.datasets.splits import SPLITS, assign_by_group, check_leaks, resolve_films
from action_recognition.errors import DataError
from action_recognition.video import FILE_EXTENSIONS, has_video_name

VALIDATION_SHARE = 1 / 6
TEST_SHARE = 0.25
OWN = "own"

Films = Literal["strict", "class"]


@dataclass(frozen=True)
class SplitRules:
    """Which clips belong together, and how clips are divided into splits.

    Parameters:
        official_split: 1, 2 or 3, for clips of UCF101 and HMDB51.
        groups: how other clips are grouped. "folders": files in the same folder within a class
            folder form a group (a person, a camera, a day: the same name means the same group in
            every class); a file directly in the class folder is a group of its own. "files": each
            file is a group.
        group_pattern: regular expression with one parenthesised part, matched against the file
            names of other clips: what it captures names the group, and overrides `groups`.
        films: how films of HMDB51 are kept together. "strict": a film is in one split, whatever
            the class; "class": it is in one split within each class, as in the official lists,
            and parts of a film count as that film. Train clips of a film in test are left out.
        seed: seed of the random splits (validation; also test for your own data).
        validation: set aside train clips for validation.
    """

    official_split: int = 1
    groups: Literal["folders", "files"] = "folders"
    group_pattern: str | None = None
    films: Films = "strict"
    seed: int = 0
    validation: bool = True

    def __post_init__(self) -> None:
        if self.official_split not in (1, 2, 3):
            raise DataError(f"official split {self.official_split!r}: must be 1, 2 or 3")


def build_manifest(
    folders: Sequence[str | Path],
    rules: SplitRules | None = None,
    *,
    classes: Sequence[str] | None = None,
    check: bool = True,
    on_progress: Callable[[int, int], None] | None = None,
) -> Manifest:
    """Makes a manifest from folders that hold one folder per class.

    Parameters:
        folders: for example the folders of UCF101 and of HMDB51.
        classes: folder names or labels to use; None: every folder that holds videos.
        rules: rules for the splits; None: the defaults.
        check: decode each file once; files that fail are marked as refused, and clips that are
            copies of one another, by what they show, are put into one group (see `copies`).
        on_progress: called with (files checked, files in total).

    Raises:
        DataError: there are no videos, a class is missing or cannot be divided, or a group would
            be in two splits.
    """
    rules = rules or SplitRules()
    files = _find_files([Path(f) for f in folders], classes)
    pattern = _compile(rules.group_pattern)
    clips = [_describe(*found, rules, pattern) for found in files]
    notes: tuple[str, ...] = ()
    if check:
        clips = _check_files(clips, on_progress)
        clips, notes = join_copies(clips)
    clips = _place_official(clips)
    clips = _place_own(clips, rules.seed)
    if rules.validation:
        clips = _carve_validation(clips, rules.seed)
    check_leaks([c.group for c in clips], [c.split for c in clips])
    return Manifest(tuple(clips), notes)


def load_data(
    sources: Sequence[str | Path],
    *,
    classes: Sequence[str] | None = None,
    seed: int = 0,
    check: bool = True,
    validation: bool = True,
    on_progress: Callable[[int, int], None] | None = None,
) -> Manifest:
    """Loads the sources of `--data`: folders with one folder per class, CSV files, or both.

    A CSV file is a manifest, or any list of clips with columns for path, class and split (see
    `manifest_csv.read_list`). The validation clips of each source come from its own train clips.

    Raises:
        DataError: see `build_manifest`; a group is in two splits, or a class has no clips.
    """
    paths = [Path(s) for s in sources]
    lists = [p for p in paths if p.suffix.lower() == ".csv"]
    folders = [p for p in paths if p not in lists]
    clips: list[Clip] = []
    notes: tuple[str, ...] = ()
    if folders:
        wanted = classes if not lists else None
        rules = SplitRules(seed=seed, validation=validation)
        built = build_manifest(folders, rules, classes=wanted, check=check, on_progress=on_progress)
        clips, notes = list(built.clips), built.notes
    for path in lists:
        found = list(read_list(path))
        if validation and not any(c.split == "val" for c in found):
            found = _carve_validation(found, seed)
        clips += found
    check_leaks([c.group for c in clips], [c.split for c in clips])
    manifest = Manifest(tuple(clips), notes)
    return manifest.select([label_for_folder(c) for c in classes]) if classes else manifest


# -- the steps of build_manifest -----------------------------------------------------------


def _find_files(folders: Sequence[Path], classes: Sequence[str] | None) -> list[tuple[Path, Path]]:
    """Each video with the class folder that it belongs to."""
    wanted = None if classes is None else {label_for_folder(c) for c in classes}
    files: list[tuple[Path, Path]] = []
    label_of: dict[str, str] = {}
    for root in folders:
        if not root.is_dir():
            raise DataError(f"{root}: there is no such folder of clips")
        for folder in sorted(p for p in root.iterdir() if p.is_dir() and p.name[0] != "."):
            label = label_for_folder(folder.name)
            if wanted is not None and label not in wanted:
                continue
            found = videos_in(folder)
            if not found:
                continue
            other = label_of.setdefault(label, folder.name)
            if other != folder.name and find_action(other) is None:
                raise DataError(f"folders {other!r} and {folder.name!r} give one label, {label!r}")
            files += [(p, folder) for p in found]
    if wanted is not None:
        missing = sorted(wanted - set(label_of))
        if missing:
            raise DataError(f"no folder with videos of class {missing[0]!r} is there")
    if not files:
        names = ", ".join(str(f) for f in folders)
        raise DataError(f"{names}: no folder in it holds videos ({', '.join(FILE_EXTENSIONS)})")
    return files


def videos_in(folder: Path) -> list[Path]:
    """Video files in a folder and its subfolders, by file extension; hidden ones are skipped."""
    return sorted(
        p
        for p in folder.rglob("*")
        if has_video_name(p)
        and p.is_file()
        and not any(part[0] == "." for part in p.relative_to(folder).parts)
    )


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
    path: Path,
    folder: Path,
    rules: SplitRules,
    pattern: re.Pattern[str] | None,
) -> Clip:
    label = label_for_folder(folder.name)
    official = find_original(path.stem)
    if official is not None:
        split = official.splits[rules.official_split - 1]
        film = official.group
        if rules.films == "class" and official.dataset == "HMDB51":
            film = f"{official.original_class}/{film}"
        return Clip(
            path=path,
            label=label,
            dataset=official.dataset,
            original_class=official.original_class,
            group=film,
            split=split or "left_out",
            reason="" if split else f"not used in official split {rules.official_split}",
        )
    group = str(path)
    if pattern is not None:
        match = pattern.search(path.name)
        if match is None or not match[1]:
            raise DataError(f"{path.name}: the group pattern {pattern.pattern!r} does not match")
        group = match[1]
    elif rules.groups == "folders" and path.parent != folder:
        group = path.relative_to(folder).parts[0]
    return Clip(path, label, OWN, folder.name, group, "train")


def _check_files(clips: list[Clip], on_progress: Callable[[int, int], None] | None) -> list[Clip]:
    probes = probe([c.path for c in clips], on_progress=on_progress)
    return [
        replace(c, split="refused", reason=p.reason)
        if p.reason
        else replace(c, duration_s=p.duration_s)
        for c, p in zip(clips, probes, strict=True)
    ]


def _place_official(clips: list[Clip]) -> list[Clip]:
    """Leaves out train clips of films that are also in test."""
    index = [k for k, c in enumerate(clips) if c.dataset != OWN and c.split in SPLITS]
    splits = resolve_films([clips[k].group for k in index], [clips[k].split for k in index])  # type: ignore[misc]
    placed = list(clips)
    for k, split in zip(index, splits, strict=True):
        if split is None:
            placed[k] = replace(
                clips[k], split="left_out", reason=f"film {clips[k].group} stands in test"
            )
    return placed


def _place_own(clips: list[Clip], seed: int) -> list[Clip]:
    groups: dict[str, set[str]] = defaultdict(set)
    for c in clips:
        if c.split == "train":
            groups[c.label].add(c.group)
    few = {label for label, names in groups.items() if len(names) < len(SPLITS)}
    return _move(
        clips,
        lambda c: c.dataset == OWN and c.split == "train" and c.label not in few,
        "test",
        TEST_SHARE,
        seed,
    )


def _carve_validation(clips: list[Clip], seed: int) -> list[Clip]:
    """Moves train clips to validation.

    A class with only one or two groups stays in train and is not measured; nor is validation taken
    from a class whose train clips are all from one group.
    """
    groups: dict[str, set[str]] = defaultdict(set)
    train: dict[str, set[str]] = defaultdict(set)
    for c in clips:
        if c.split in SPLITS:
            groups[c.label].add(c.group)
        if c.split == "train":
            train[c.label].add(c.group)
    few = {a for a, names in groups.items() if len(names) < len(SPLITS) or len(train[a]) < 2}
    return _move(
        clips, lambda c: c.split == "train" and c.label not in few, "val", VALIDATION_SHARE, seed
    )


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
