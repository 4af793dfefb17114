"""From the unpacked data sets to the clips of the wanted classes: picked, checked, linked."""

from __future__ import annotations

import filecmp
import os
import shutil
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from action_recognition.actions import ACTIONS, find_action, label_for_folder
from action_recognition.datasets.locking import only_one
from action_recognition.datasets.manifest import Clip, Manifest
from action_recognition.datasets.official import OfficialClip, Split, find_official
from action_recognition.datasets.placing import VALIDATION_SHARE
from action_recognition.datasets.probe import probe
from action_recognition.datasets.splits import assign_by_group, check_leaks
from action_recognition.datasets.walk import videos_in
from action_recognition.errors import DataError
from action_recognition.files import make_folder

TRAIN_SHARE = 0.7  # HMDB51's own proportion: 70 train and 30 test clips a class

TEN = tuple(action.original_class for action in ACTIONS)

Films = Literal["official", "strict"]
_PICKED: tuple[Split, ...] = ("train", "test")  # validation is carved out of train


@dataclass(frozen=True)
class Choice:
    """Which clips are picked.

    Parameters:
        classes: original class names (`fall_floor`) or folder names here.
        clips_per_class: None takes all that the split uses.
        official_split: 1, 2 or 3.
        films: "official" keeps the data sets' own split, which keeps the sources of a class
            apart; "strict" also keeps apart the parts of one film and films that stand in
            several classes: their train clips are left out, and unused clips step in.
        seed: for the validation clips.
    """

    classes: Sequence[str] = TEN
    clips_per_class: int | None = 100
    official_split: int = 1
    films: Films = "official"
    seed: int = 0

    def __post_init__(self) -> None:
        if self.official_split not in (1, 2, 3):
            raise DataError(f"official split {self.official_split!r}: must be 1, 2 or 3")
        if self.clips_per_class is not None and self.clips_per_class < 2:
            raise DataError(f"clips per class: {self.clips_per_class}, must be at least 2, or all")


def prepare(
    videos: Sequence[str | Path],
    clips_folder: str | Path,
    choice: Choice | None = None,
    *,
    lists: Mapping[str, OfficialClip] | None = None,
    previous: Manifest | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> Manifest:
    """Picks the clips of some classes of UCF101 and HMDB51 and links them into class folders.

    Of `clips_per_class`, 70 % are taken from the train and 30 % from the test split of the
    official split, spread evenly over groups and films. Each picked file is decoded once; one
    that does not decode is refused and replaced by the next one of its class, split and, if
    there is one, group. A clip that the split leaves unused can step in when its film stands on
    no other split. Validation clips are then carved out of train, by film.

    Parameters:
        videos: folders that hold a folder for each original class.
        clips_folder: gets `<action's folder>/<file>`, a link to the original, or a copy where
            the file system has no links.
        choice: of the clips; None: the defaults.
        lists: official lists (`official.read_lists`) that go before those in the package.
        previous: the manifest of an earlier call: links that it lists and that are no longer
            wanted are removed; files that have no other name stay.

    Raises:
        DataError: a class is not there, has no clip in a split, or a folder cannot be written.
    """
    choice = choice or Choice()
    official_split = choice.official_split
    folders = _find_classes([Path(v) for v in videos], choice.classes)
    candidates = {c: _candidates(c, f, official_split, lists) for c, f in folders.items()}
    pick = _Pick(candidates, choice.clips_per_class, choice.films)
    pick.check(on_progress)
    clips = _carve_validation(pick.clips(official_split), candidates, choice.seed)
    check_leaks([c.group for c in clips], [c.split for c in clips])
    folder = Path(clips_folder)
    with only_one(folder.with_name(f".{folder.name}.lock")):
        placed = list(_linked(clips, folder))
        if previous is not None:
            _remove_stale(previous, placed, folder)
    return Manifest(tuple(placed))


class _Candidate:
    """A file of a class with its official facts and its place in the chosen official split."""

    def __init__(self, path: Path, official: OfficialClip, official_split: int) -> None:
        self.path = path
        self.official = official
        self.split: Split | None = official.splits[official_split - 1]


class _Pick:
    """The choice of clips, first by the lists, then by what decodes."""

    def __init__(
        self, candidates: Mapping[str, list[_Candidate]], per_class: int | None, films: Films
    ) -> None:
        self.films = films
        self.chosen: dict[tuple[str, Split], list[_Candidate]] = {}
        self.spare: dict[tuple[str, Split], list[_Candidate]] = {}
        self.unused: dict[str, list[_Candidate]] = {}
        self.left_out: list[tuple[str, _Candidate]] = []
        self.refused: list[tuple[str, Split, _Candidate, str]] = []
        self.stands_for: dict[Path, Path] = {}
        self.duration_s: dict[Path, float] = {}
        self.wanted: dict[tuple[str, Split], int | None] = {}
        test_films = {
            c.official.group for group in candidates.values() for c in group if c.split == "test"
        }
        for cls, group in candidates.items():
            self.unused[cls] = _spread(c for c in group if c.split is None)
            for split in _PICKED:
                ranked = _spread(c for c in group if c.split == split)
                if films == "strict" and split == "train":
                    leaking = [c for c in ranked if c.official.group in test_films]
                    self.left_out += [(cls, c) for c in leaking]
                    ranked = [c for c in ranked if c not in leaking]
                count = None if per_class is None else _share(per_class, split)
                self.wanted[cls, split] = count
                self.chosen[cls, split] = ranked[:count]
                self.spare[cls, split] = [] if count is None else ranked[count:]
        # Of the spare clips too: each of them may come in later for a damaged one.
        self.splits_of_film: dict[str, set[Split]] = defaultdict(set)
        for clips in (self.chosen, self.spare):
            for (_, split), group in clips.items():
                for c in group:
                    self.splits_of_film[c.official.group].add(split)
        if films == "strict":
            for (cls, split), count in self.wanted.items():
                while count is not None and len(self.chosen[cls, split]) < count:
                    extra = self._unused_clip(cls, split, None)
                    if extra is None:
                        break
                    self.chosen[cls, split].append(extra)

    def check(self, on_progress: Callable[[int, int], None] | None) -> None:
        """Decodes what is chosen; what fails is refused and replaced until all decode."""
        fresh = [(key, c) for key, group in self.chosen.items() for c in group]
        while fresh:
            results = probe([c.path for _, c in fresh], on_progress=on_progress)
            replacements = []
            for ((cls, split), candidate), result in zip(fresh, results, strict=True):
                self.duration_s[candidate.path] = result.duration_s
                if not result.reason:
                    continue
                group = self.chosen[cls, split]
                group.remove(candidate)
                self.refused.append((cls, split, candidate, result.reason))
                new = self._replacement(cls, split, candidate)
                if new is not None:
                    group.append(new)
                    self.stands_for[new.path] = candidate.path
                    replacements.append(((cls, split), new))
            fresh, on_progress = replacements, None

    def clips(self, official_split: int) -> list[Clip]:
        """Rows of the manifest: picked, left out, refused, in a fixed order."""
        successor = {old: new for new, old in self.stands_for.items()}
        rows = []
        for (cls, split), group in self.chosen.items():
            for c in group:
                old = self.stands_for.get(c.path)
                reason = f"stands for {old.name}, which was refused" if old else ""
                if c.split is None:
                    unused = f"not used in official split {official_split}"
                    reason = f"{reason}; {unused}" if reason else f"{unused}, its film is free"
                rows.append(self._row(cls, c, split, reason))
        for cls, c in self.left_out:
            rows.append(self._row(cls, c, "left_out", f"film {c.official.group} stands in test"))
        for cls, _, c, why in self.refused:
            new = successor.get(c.path)
            fate = f"replaced by {new.name}" if new else "no clip is left to replace it"
            rows.append(self._row(cls, c, "refused", f"{why}; {fate}"))
        return sorted(rows, key=lambda r: (r.label, r.split, r.path.name))

    def _row(self, cls: str, c: _Candidate, split: str, reason: str) -> Clip:
        return Clip(
            path=c.path,
            label=label_for_folder(cls),
            dataset=c.official.dataset,
            original_class=cls,
            group=c.official.group if self.films == "strict" else c.official.source,
            split=split,
            duration_s=self.duration_s.get(c.path, 0.0),
            reason=reason,
        )

    def _replacement(self, cls: str, split: Split, refused: _Candidate) -> _Candidate | None:
        spare = self.spare[cls, split]
        if spare:
            same = [c for c in spare if c.official.source == refused.official.source]
            new = (same or spare)[0]
            spare.remove(new)
            return new
        if self.wanted[cls, split] is None:  # all were asked for: there is nothing to stand in
            return None
        return self._unused_clip(cls, split, refused)

    def _unused_clip(self, cls: str, split: Split, like: _Candidate | None) -> _Candidate | None:
        """The first unused clip whose film is in no other split, one of the same film before."""
        free = [c for c in self.unused[cls] if self.splits_of_film[c.official.group] <= {split}]
        if like is not None:
            free.sort(key=lambda c: c.official.group != like.official.group)  # stable
        if not free:
            return None
        self.unused[cls].remove(free[0])
        self.splits_of_film[free[0].official.group].add(split)
        return free[0]


def _share(per_class: int, split: Split) -> int:
    train = min(per_class - 1, max(1, round(per_class * TRAIN_SHARE)))
    return train if split == "train" else per_class - train


def _spread(candidates: Iterable[_Candidate]) -> list[_Candidate]:
    """The first of each source, then the second of each, and so on."""
    sources: dict[str, list[_Candidate]] = defaultdict(list)
    for c in sorted(candidates, key=lambda c: c.path.name):
        sources[c.official.source].append(c)
    ranked: list[_Candidate] = []
    for turn in range(max(map(len, sources.values()), default=0)):
        ranked += [group[turn] for _, group in sorted(sources.items()) if turn < len(group)]
    return ranked


def _find_classes(folders: Sequence[Path], classes: Sequence[str]) -> dict[str, list[Path]]:
    """Original class to the folders of its videos."""
    for folder in folders:
        if not folder.is_dir():
            raise DataError(f"{folder}: there is no such folder of videos")
    found: dict[str, list[Path]] = {}
    for name in classes:
        action = find_action(name)
        names = {name, action.original_class, action.folder} if action else {name}
        there = [f / n for f in folders for n in sorted(names) if (f / n).is_dir()]
        if not there:
            shown = ", ".join(str(f) for f in folders)
            raise DataError(
                f"class {name!r} is not there: no folder of that name in {shown}; "
                "`action-recognition data download` brings it, if it is one of the data sets'"
            )
        found[action.original_class if action else name] = there
    return found


def _candidates(
    cls: str, folders: Sequence[Path], official_split: int, lists: Mapping[str, OfficialClip] | None
) -> list[_Candidate]:
    found: dict[str, _Candidate] = {}
    for path in (p for folder in folders for p in videos_in(folder)):
        official = find_official(path.stem, lists)
        # Without official facts there is no saying which split a file may be in.
        if official is not None and official.original_class == cls:
            found.setdefault(path.stem, _Candidate(path, official, official_split))
    for split in _PICKED:
        if not any(c.split == split for c in found.values()):
            raise DataError(
                f"class {cls!r} has no {split} clip of official split {official_split} in "
                f"{', '.join(str(f) for f in folders)}"
            )
    return list(found.values())


def _carve_validation(
    clips: list[Clip], candidates: Mapping[str, list[_Candidate]], seed: int
) -> list[Clip]:
    film = {c.path: c.official.group for group in candidates.values() for c in group}
    train = [k for k, c in enumerate(clips) if c.split == "train"]
    picks = assign_by_group(
        [clips[k].label for k in train],
        [film[clips[k].path] for k in train],
        share=VALIDATION_SHARE,
        seed=seed,
    )
    carved = list(clips)
    for k, picked in zip(train, picks, strict=True):
        if picked:
            carved[k] = replace(clips[k], split="val")
    return carved


def _linked(clips: Sequence[Clip], folder: Path) -> Iterator[Clip]:
    """The rows; picked clips are named by their link in the class folders."""
    for clip in clips:
        if clip.split in ("refused", "left_out"):
            yield clip
            continue
        action = find_action(clip.original_class)
        link = folder / (action.folder if action else clip.original_class) / clip.path.name
        try:
            make_folder(link.parent)
            _make_link(link, clip.path)
        except OSError as error:
            raise DataError(f"{link}: cannot be written ({error.strerror})") from None
        yield replace(clip, path=link)


def _make_link(link: Path, original: Path) -> None:
    if link.exists() and (
        link.samefile(original)
        or (not link.is_symlink() and filecmp.cmp(link, original, shallow=False))
    ):
        return
    link.unlink(missing_ok=True)
    with suppress(OSError, NotImplementedError):  # no symbolic links here: a hard link, or a copy
        link.symlink_to(os.path.relpath(original.resolve(), link.parent.resolve()))
        return
    with suppress(OSError, NotImplementedError):
        link.hardlink_to(original)
        return
    part = link.with_name(link.name + ".part")
    shutil.copy2(original, part)
    part.replace(link)


def _is_link(path: Path) -> bool:
    """Whether removing it loses nothing: a plain file may be an original of the user's own."""
    return path.is_symlink() or (path.is_file() and path.stat().st_nlink > 1)


def _remove_stale(previous: Manifest, clips: Sequence[Clip], folder: Path) -> None:
    kept = {c.path.absolute() for c in clips}
    for clip in previous.clips:
        path = clip.path.absolute()
        if path.is_relative_to(folder.absolute()) and path not in kept and _is_link(path):
            path.unlink()
            with suppress(OSError):  # only an empty folder goes
                path.parent.rmdir()
