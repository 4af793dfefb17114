"""The manifest: one row per clip, with its label, group and split."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO

from action_recognition.datasets.file_names import as_text
from action_recognition.datasets.left_out import LeftOut, describe, some
from action_recognition.datasets.splits import SPLITS
from action_recognition.errors import DataError
from action_recognition.video.part import FilePart, Place, to_source

_OF_GROUPS = ("film ", "group ")  # reasons that begin so name the group of the clip


@dataclass(frozen=True)
class Clip:
    """One video file of a data set.

    Parameters:
        path: the file; relative paths in a CSV are relative to the CSV's folder. Of a clip in a
            shard, that of the shard with the name that it has there behind it.
        label: name of the class.
        dataset: UCF101, HMDB51 or own.
        original_class: name of the folder it was found in.
        group: clips that must be in the same split: a group of UCF101, a film or source of HMDB51
            (see `official.OfficialClip`), or its equivalent in other data.
        split: train, val or test; `left_out` and `refused` clips are in no split.
        duration_s: duration in seconds, 0 if it was not read.
        reason: why a clip is left out or refused, or which refused clip it replaces; else empty.
        part: of a shard (see `shards`), where the clip is in it. A CSV does not keep it.
    """

    path: Path
    label: str
    dataset: str
    original_class: str
    group: str
    split: str
    duration_s: float = 0.0
    reason: str = ""
    part: FilePart | None = None

    @property
    def place(self) -> Place:
        """Where it is (see `part.to_source`)."""
        return self.path if self.part is None else self.part

    def source(self) -> Path | BinaryIO:
        """What to read it from.

        Raises:
            VideoError: it lies in a shard that cannot be read.
        """
        return to_source(self.place)

    def size(self) -> int:
        """The size of the video in bytes.

        Raises:
            OSError: the file is missing.
        """
        return self.path.stat().st_size if self.part is None else self.part.size


@dataclass(frozen=True)
class Manifest:
    """All clips of a data set, including those that are in no split.

    Parameters:
        clips: one for each video.
        passed_over: entries of the data folders that give no clip, with their reasons.
        notes: lines for the user on how it was made. A CSV keeps neither of them.
    """

    clips: tuple[Clip, ...]
    passed_over: tuple[LeftOut, ...] = ()
    notes: tuple[str, ...] = field(default=(), compare=False)

    def split(self, split: str) -> list[Clip]:
        """The clips of one split: train, val or test."""
        if split not in SPLITS:
            raise DataError(f"split {split!r}: must be one of {', '.join(SPLITS)}")
        return [c for c in self.clips if c.split == split]

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels of all clips that are in a split, sorted."""
        return tuple(sorted({c.label for c in self.clips if c.split in SPLITS}))

    @property
    def refused(self) -> list[Clip]:
        """Clips that cannot be decoded; `reason` says why."""
        return [c for c in self.clips if c.split == "refused"]

    @property
    def left_out(self) -> list[Clip]:
        """Clips in no split: their group is in test, or the official split does not use them."""
        return [c for c in self.clips if c.split == "left_out"]

    def select(self, classes: Collection[str], *, beside: Collection[str] = ()) -> Manifest:
        """The part of the manifest that belongs to the given labels.

        Parameters:
            beside: labels that are kept, too, where there are any.

        Raises:
            DataError: one of `classes` has no clips.
        """
        missing = sorted(set(classes) - {c.label for c in self.clips})
        if missing:
            raise DataError(f"no clips of class {missing[0]!r} in this data")
        kept = {*classes, *beside}
        return replace(self, clips=tuple(c for c in self.clips if c.label in kept))

    def summary(self) -> str:
        """A table of the clips of each class, the clips in no split, and the notes."""
        count = Counter((c.label, c.split) for c in self.clips)
        used = [c for c in self.clips if c.split in SPLITS]
        width = max((len(label) for label in self.labels), default=5)
        lines = [
            f"{'class':<{width}}  {'train':>6} {'val':>6} {'test':>6} {'groups':>7} {'seconds':>8}"
        ]
        for label in (*self.labels, "all"):
            of = [c for c in used if label in (c.label, "all")]
            splits = (len(self.split(s)) if label == "all" else count[label, s] for s in SPLITS)
            row = " ".join(f"{n:>6}" for n in splits)
            groups, seconds = len({c.group for c in of}), sum(c.duration_s for c in of)
            lines.append(f"{label:<{width}}  {row} {groups:>7} {seconds:>8.0f}")
        lines += self.omissions()
        if len(self.labels) == 1:
            lines.append(
                "one class only: a class is a folder of clips in the folder that you name, or that "
                "folder itself, if there is none in it"
            )
        return "\n".join([*lines, *self.notes])

    def omissions(self) -> list[str]:
        """Lines on what is in no split: left out, refused, passed over, and how much that is."""
        dropped = [c for c in self.left_out if c.reason.startswith("film ")]
        lines = []
        if dropped:
            films = len({c.group for c in dropped})
            lines.append(
                f"left out: {len(dropped)} train clips of {films} films that stand in test"
            )
        lines += _leaks(self.left_out)
        reasons = Counter(c.reason for c in self.left_out if not c.reason.startswith(_OF_GROUPS))
        lines += [
            f"left out: {n} clip{'s'[: n != 1]}, {reason}" for reason, n in sorted(reasons.items())
        ]
        lines += [f"refused: {c.path.name}: {c.reason}" for c in self.refused]
        lines += describe(self.passed_over)
        lines += self._empty_classes()
        used = sum(c.split in SPLITS for c in self.clips)
        total = len(self.clips) + sum(entry.files for entry in self.passed_over)
        if used < total:
            lines.append(f"taken: {used} of {total} entries")
        return [as_text(line) for line in lines]

    def _empty_classes(self) -> list[str]:
        trained = {c.label for c in self.split("train")}
        lines = [
            f"class {label!r} is empty: none of its clips is taken"
            for label in sorted({c.label for c in self.clips} - set(self.labels))
        ]
        leaking = {c.label for c in self.left_out if c.reason.startswith("group ")}
        lines += [
            f"class {label!r} has no clip left to train on, because the given splits leak; "
            "`data from-folder --new-splits` divides the clips anew"
            for label in sorted(leaking - trained)
        ]
        return lines


def _leaks(clips: Iterable[Clip]) -> list[str]:
    """Lines on clips whose group stands in another of the given splits."""
    groups: dict[str, list[str]] = defaultdict(list)
    for c in clips:
        if c.reason.startswith("group "):
            groups[c.reason.rpartition(" ")[2]].append(c.group)
    return [
        f"left out: {len(of)} clips of {len(set(of))} groups that stand in {split}, too: the given "
        f"splits leak ({some(sorted(set(of)), 10)})"
        for split, of in sorted(groups.items())
    ]


def fingerprint(clips: Iterable[Clip]) -> str:
    """A hash of file names, sizes, labels and splits, which identifies a model's training data.

    Raises:
        DataError: a file is missing.
    """
    try:
        rows = [f"{c.label}/{c.path.name}/{c.size()}/{c.split}" for c in clips]
    except OSError as error:
        raise DataError(f"{error.filename}: cannot be read ({error.strerror})") from None
    sha = hashlib.sha256()
    for row in sorted(rows):
        sha.update(row.encode(errors="surrogateescape") + b"\n")
    return sha.hexdigest()[:16]
