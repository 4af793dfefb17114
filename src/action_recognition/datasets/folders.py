"""Makes a manifest from data folders: class folders, dealt out in splits or not, and their lists.

Project files of corrections can stand among them (see `segment_clips`).

Clips of UCF101 and HMDB51 are recognised by their file names and keep their official split, where
no other one is given; others are split by group.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from action_recognition.actions import label_for_folder
from action_recognition.datasets.annotation_lists import TABLES, read_annotations
from action_recognition.datasets.background import NONE, follow
from action_recognition.datasets.copies import join_copies
from action_recognition.datasets.file_names import as_text
from action_recognition.datasets.find_clips import FoundClip, find_clips
from action_recognition.datasets.left_out import LeftOut
from action_recognition.datasets.manifest import Clip, Manifest
from action_recognition.datasets.manifest_csv import read_list
from action_recognition.datasets.placing import (
    OWN,
    carve_validation,
    keep_given,
    place_official,
    place_own,
)
from action_recognition.datasets.probe import probe
from action_recognition.datasets.sections import refuse_untrimmed
from action_recognition.datasets.segment_clips import cut_segments, sort_projects
from action_recognition.datasets.shards.read import find_shards, read_shards
from action_recognition.datasets.splits import SPLITS, check_leaks
from action_recognition.errors import DataError

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
        validation: set aside train clips for validation; not of splits that are given with one.
        keep_given: clips stay in the split that a folder (`train`, `val`, `test`) or a list gives
            them; False: they are divided as if there were none.
    """

    official_split: int = 1
    groups: Literal["folders", "files"] = "folders"
    group_pattern: str | None = None
    films: Films = "strict"
    seed: int = 0
    validation: bool = True
    keep_given: bool = True

    def __post_init__(self) -> None:
        if self.official_split not in (1, 2, 3):
            raise DataError(f"official split {self.official_split!r}: must be 1, 2 or 3")


def build_manifest(
    folders: Sequence[str | Path],
    rules: SplitRules | None = None,
    *,
    classes: Sequence[str] | None = None,
    check: bool = True,
    videos: Sequence[str | Path] = (),
    none: bool = False,
    on_progress: Callable[[int, int], None] | None = None,
) -> Manifest:
    """Makes a manifest from folders that hold one folder per class.

    The class folders can lie in folders of splits and of data sets (see `layouts`), and annotation
    lists of known data sets are read (see `annotation_lists`). `Manifest.passed_over` says what
    in the folders gives no clip.

    Parameters:
        folders: for example the folders of UCF101 and of HMDB51; annotation lists of their clips,
            and project files of corrections, can stand among them.
        classes: folder names or labels to use; None: every folder that holds videos.
        rules: rules for the splits; None: the defaults.
        check: decode each file once; files that fail are marked as refused, and clips that are
            copies of one another, by what they show, are put into one group (see `copies`).
        videos: folders of the videos of project files, before those of the project files.
        none: take segments of none of the actions, as clips of the background class
            `background.NONE`; False: they are left out.
        on_progress: called with (segments cut, segments to cut), then with (files checked, files
            in total).

    Raises:
        DataError: there are no videos, a class is missing or cannot be divided, or a group would
            be in two splits.
    """
    rules = rules or SplitRules()
    projects, sources = sort_projects([Path(f) for f in folders])
    found, passed_over = _find(sources, classes, beside=bool(projects))
    segments, notes = _segments(projects, videos, classes, on_progress, beside=bool(found))
    taken = [c for c in segments if c.split in SPLITS]
    clips = [*_describe_all(found, rules), *taken]
    given = {f.path for f in found if f.split is not None} if rules.keep_given else set()
    if check:
        clips = _check_files(clips, on_progress)
        clips, lines = join_copies(clips, given=given)
        notes += lines
    clips = refuse_untrimmed(clips, [*(f.section for f in found), *(None for _ in taken)])
    no_action = [c for c in clips if c.label == NONE]
    clips, settled = keep_given([c for c in clips if c.label != NONE], given)
    clips = place_official(clips)
    clips = place_own(clips, rules.seed, settled)
    if rules.validation:
        has_val = any(c.split == "val" for c in clips)
        clips = carve_validation(clips, rules.seed, settled if has_val else ())
    clips += follow(clips, no_action, take=none)
    clips += [c for c in segments if c.split not in SPLITS]
    check_leaks([c.group for c in clips], [c.split for c in clips])
    return Manifest(tuple(clips), tuple(passed_over), notes)


def load_data(
    sources: Sequence[str | Path],
    *,
    classes: Sequence[str] | None = None,
    seed: int = 0,
    check: bool = True,
    validation: bool = True,
    videos: Sequence[str | Path] = (),
    none: bool = False,
    on_progress: Callable[[int, int], None] | None = None,
) -> Manifest:
    """Loads the sources of `--data`: folders with one folder per class, project files, lists.

    The segments of a project file of corrections become clips (see `segment_clips`). A list is a
    manifest, or any table of clips with columns for path, class and split (see
    `manifest_csv.read_list`); shards are named by their folder, a pattern or one by one (see
    `shards.read`). Annotation lists of data sets (see `annotation_lists`), which give no paths,
    tell of the clips in the folders; without a folder, of those in their own. The validation clips
    of each list, and of all shards, come from their own train clips.

    Parameters:
        videos, none, on_progress: see `build_manifest`.

    Raises:
        DataError: see `build_manifest`; a group is in two splits, or a class has no clips.
    """
    shards = {source: found for source in sources if (found := find_shards(source))}
    folders, lists = _sort_sources([Path(s) for s in sources if s not in shards])
    clips: list[Clip] = []
    passed_over: tuple[LeftOut, ...] = ()
    notes: tuple[str, ...] = ()
    if folders:
        built = build_manifest(
            folders,
            SplitRules(seed=seed, validation=validation),
            classes=classes if not (lists or shards) else None,
            check=check,
            videos=videos,
            none=none,
            on_progress=on_progress,
        )
        clips, passed_over, notes = list(built.clips), built.passed_over, built.notes
    in_shards = list(dict.fromkeys(path for found in shards.values() for path in found))
    listings = [list(read_list(path)) for path in lists]
    for listed in [*listings, read_shards(in_shards)]:
        if validation and not any(c.split == "val" for c in listed):
            listed = carve_validation(listed, seed)
        clips += listed
    check_leaks([c.group for c in clips], [c.split for c in clips])
    manifest = Manifest(tuple(clips), passed_over, notes)
    return manifest.select(_labels(classes), beside=(NONE,)) if classes else manifest


def _sort_sources(sources: Sequence[Path]) -> tuple[list[Path], list[Path]]:
    """What `build_manifest` takes, and lists of clips that stand for themselves."""
    lists = [
        s
        for s in sources
        if s.suffix.lower() in TABLES and not s.is_dir() and not read_annotations([s]).files
    ]
    return [s for s in sources if s not in lists], lists


def _labels(classes: Sequence[str]) -> set[str]:
    return {label_for_folder(c) for c in classes}


# -- the steps of build_manifest -----------------------------------------------------------


def _find(
    sources: Sequence[Path], classes: Sequence[str] | None, *, beside: bool
) -> tuple[list[FoundClip], list[LeftOut]]:
    """See `find_clips`; beside project files, the folders need not have all of the classes."""
    if beside and not sources:
        return [], []
    found, passed_over = find_clips(sources, None if beside else classes)
    return [f for f in found if classes is None or f.label in _labels(classes)], passed_over


def _segments(
    projects: Sequence[Path],
    videos: Sequence[str | Path],
    classes: Sequence[str] | None,
    on_progress: Callable[[int, int], None] | None,
    *,
    beside: bool,
) -> tuple[list[Clip], tuple[str, ...]]:
    """The clips of project files, and lines on them; some can be taken, or there are others."""
    if not projects:
        return [], ()
    clips, line = cut_segments(
        projects,
        [Path(v) for v in videos],
        labels=None if classes is None else _labels(classes),
        on_progress=on_progress,
    )
    if not beside and not any(c.split in SPLITS for c in clips):
        reason = clips[0].reason if clips else "it has none of the wanted classes"
        raise DataError(f"{projects[0].name}: no segment can be taken: {reason}")
    return clips, (line,)


def _describe_all(found: Sequence[FoundClip], rules: SplitRules) -> list[Clip]:
    pattern = _compile(rules.group_pattern)
    return [_describe(clip, rules, pattern) for clip in found]


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


def _describe(found: FoundClip, rules: SplitRules, pattern: re.Pattern[str] | None) -> Clip:
    given = found.split if rules.keep_given else None
    official = found.official
    if official is None:
        group = _group(found, rules, pattern)
        return Clip(found.path, found.label, OWN, found.class_name, group, given or "train")
    split = given or official.splits[rules.official_split - 1]
    film = official.group
    if rules.films == "class" and official.dataset == "HMDB51":
        film = f"{official.original_class}/{film}"
    return Clip(
        path=found.path,
        label=found.label,
        dataset=official.dataset,
        original_class=official.original_class,
        group=film,
        split=split or "left_out",
        reason="" if split else f"not used in official split {rules.official_split}",
    )


def _group(found: FoundClip, rules: SplitRules, pattern: re.Pattern[str] | None) -> str:
    """What a clip of one's own must not be separated from."""
    name = as_text(found.path.name)
    if pattern is not None:
        match = pattern.search(name)
        if match is None or not match[1]:
            raise DataError(f"{name}: the group pattern {pattern.pattern!r} does not match")
        return match[1]
    if found.group and rules.groups == "folders":
        return found.group
    return as_text(str(found.path))


def _check_files(
    clips: Sequence[Clip], on_progress: Callable[[int, int], None] | None
) -> list[Clip]:
    probes = probe([c.path for c in clips], on_progress=on_progress)
    return [
        replace(c, split="refused", reason=p.reason)
        if p.reason
        else replace(c, duration_s=p.duration_s)
        for c, p in zip(clips, probes, strict=True)
    ]
