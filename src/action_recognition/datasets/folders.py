"""A manifest of folders that hold one folder of videos for each class.

Clips of UCF101 and HMDB51 are known by their file names and take their official split; others are
split by group.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from action_recognition.actions import find_action, label_for_folder
from action_recognition.datasets.manifest import Clip, Manifest
from action_recognition.datasets.manifest_csv import read_list
from action_recognition.datasets.official import find_official
from action_recognition.datasets.probe import probe
from action_recognition.datasets.splits import SPLITS, assign_by_group, check_leaks, resolve_films
from action_recognition.errors import DataError
from action_recognition.video import FILE_EXTENSIONS

VALIDATION_SHARE = 1 / 6
TEST_SHARE = 0.25
OWN = "own"

Films = Literal["strict", "class"]


@dataclass(frozen=True)
class SplitRules:
    """What belongs together, and how it is divided into splits.

    Parameters:
        official_split: 1, 2 or 3, for clips of UCF101 and HMDB51.
        groups: of other clips. "folders": files in the same folder within a class folder are a
            group (a person, a camera, a day: the same name means the same group in every class);
            a file that lies in the class folder itself is a group of its own. "files": each file
            is a group.
        group_pattern: regular expression with one parenthesised part, matched against the file
            names of other clips: what it captures names the group, whatever `groups` says.
        films: of HMDB51. "strict": a film is in one split, whatever its class; "class": within a
            class it is in one split, as in the official lists, and parts of a film are that film.
            Train clips of a film that stands in test are left out.
        seed: for the splits that are drawn (validation; test too in data of one's own).
        validation: carve validation clips out of the train split.
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
    """Makes a manifest of folders that hold one folder for each class.

    Parameters:
        folders: for example the folders of UCF101 and of HMDB51.
        classes: folder names or labels to take; None: every folder that holds videos.
        rules: of the splits; None: the defaults.
        check: decode each file once; those that fail are refused, by name.
        on_progress: called with (files checked, files in all).

    Raises:
        DataError: nothing is there, a class is missing or cannot be divided, or a group would
            are in two splits.
    """
    rules = rules or SplitRules()
    files = _find_files([Path(f) for f in folders], classes)
    pattern = _compile(rules.group_pattern)
    clips = [_describe(*found, rules, pattern) for found in files]
    if check:
        clips = _check_files(clips, on_progress)
    clips = _place_official(clips)
    clips = _place_own(clips, rules.seed)
    if rules.validation:
        clips = _carve_validation(clips, rules.seed)
    check_leaks([c.group for c in clips], [c.split for c in clips])
    return Manifest(tuple(clips))


def load_data(
    sources: Sequence[str | Path],
    *,
    classes: Sequence[str] | None = None,
    seed: int = 0,
    check: bool = True,
    validation: bool = True,
    on_progress: Callable[[int, int], None] | None = None,
) -> Manifest:
    """What `--data` means: folders with one folder for each class, and CSV files, together.

    A CSV is a manifest, or any list of clips with columns for path, class and split (see
    `manifest_csv.read_list`). Each source gets its validation clips from its own train clips.

    Raises:
        DataError: see `build_manifest`; a group is in two splits, or a class has no clips.
    """
    paths = [Path(s) for s in sources]
    lists = [p for p in paths if p.suffix.lower() == ".csv"]
    folders = [p for p in paths if p not in lists]
    clips: list[Clip] = []
    if folders:
        wanted = classes if not lists else None
        rules = SplitRules(seed=seed, validation=validation)
        clips += build_manifest(
            folders, rules, classes=wanted, check=check, on_progress=on_progress
        ).clips
    for path in lists:
        found = list(read_list(path))
        if validation and not any(c.split == "val" for c in found):
            found = _carve_validation(found, seed)
        clips += found
    check_leaks([c.group for c in clips], [c.split for c in clips])
    manifest = Manifest(tuple(clips))
    return manifest.select([label_for_folder(c) for c in classes]) if classes else manifest


# -- the steps of build_manifest -----------------------------------------------------------


def _find_files(folders: Sequence[Path], classes: Sequence[str] | None) -> list[tuple[Path, Path]]:
    """Each video with the class folder it belongs to."""
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
    """Video files in a folder and the folders in it, by their endings; hidden ones are not."""
    return sorted(
        p
        for p in folder.rglob("*")
        if p.suffix.lower()[1:] in FILE_EXTENSIONS
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
    official = find_official(path.stem)
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
    """Leaves out train clips of films that stand in test, too."""
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
    """A class of clips from one or two recordings only is trained on, and measured nowhere.

    Nor is validation taken from a class whose train clips are all of one recording.
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
