"""How a data set lies in folders: which of them are splits, data sets, classes and recordings.

<class>/<clip>                      each clip by itself
<class>/<recording>/<clip>          the clips of a person, a camera, a day
<split>/<class>/...                 dealt out in train, val and test
<class>/<split>/...                 the same within each class
<data set>/...                      a folder around any of these
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from action_recognition.actions import label_for_folder
from action_recognition.datasets.left_out import LeftOut
from action_recognition.datasets.official import OfficialClip, Split, find_official
from action_recognition.datasets.split_names import read_split

_DATA_SET = re.compile(
    r"(ucf|hmdb|ntu)[-_ ]?\w*\d+.*|(j?hmdb|kinetics|something[-_ ]?something|activitynet|charades"
    r"|jester|kth|weizmann|diving48|ss?v[12]|sthv[12]|k[4-7]00)([-_ \d].*)?",
    re.IGNORECASE,
)
_AROUND = re.compile(r"(all[-_ ]?)?(videos?|clips?|data|data[-_ ]?sets?)", re.IGNORECASE)


@dataclass(frozen=True)
class Place:
    """Where a video lies in its data set.

    Parameters:
        path: the video.
        class_name: the name of its class folder; for a clip of UCF101 or HMDB51 that lies in none,
            its class there.
        split: the one whose folder it lies in; None: there is no such folder.
        recording: the name of the folder in the class folder that it lies in; empty: in none.
    """

    path: Path
    class_name: str
    split: Split | None = None
    recording: str = ""


def read_layout(
    videos: Mapping[Path, Sequence[Path]],
    lists: Mapping[str, OfficialClip],
    *,
    classes_listed: bool = False,
) -> tuple[list[Place], list[LeftOut]]:
    """Finds the place of each video, or why it has none.

    Parameters:
        videos: the sorted videos of each folder that the user named. Folders named `train` and
            `test` are splits, too.
        lists: official lists of UCF101 and HMDB51 (`official.read_lists`) that were found.
        classes_listed: other lists tell the classes of clips, so that a folder of clips alone
            is no class.
    """
    reader = _Reader(lists, classes_listed)
    splits = [read_split(root.name) for root in videos]
    are_splits = None not in splits and len(set(splits)) > 1
    for split, (root, paths) in zip(splits, videos.items(), strict=True):
        reader.read_root(_tree(root, paths), split if are_splits else None)
    return reader.places, reader.left_out


@dataclass
class _Folder:
    """A folder with videos in it or below."""

    path: Path
    videos: list[Path] = field(default_factory=list)
    folders: dict[str, _Folder] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.path.name or self.path.resolve().name

    def all_videos(self) -> Iterator[Path]:
        yield from self.videos
        for folder in self.folders.values():
            yield from folder.all_videos()

    def splits(self) -> dict[str, Split]:
        """The folders in it that are splits, if they are: two different ones, or nothing else."""
        named = {n: split for n in self.folders if (split := read_split(n)) is not None}
        alone = len(named) == len(self.folders) and not self.videos
        return named if alone or len(set(named.values())) > 1 else {}


def _tree(root: Path, videos: Sequence[Path]) -> _Folder:
    top = _Folder(root)
    for path in videos:
        folder = top
        for name in path.relative_to(root).parts[:-1]:
            folder = folder.folders.setdefault(name, _Folder(folder.path / name))
        folder.videos.append(path)
    return top


class _Reader:
    def __init__(self, lists: Mapping[str, OfficialClip], classes_listed: bool) -> None:
        self.places: list[Place] = []
        self.left_out: list[LeftOut] = []
        self._lists = lists
        self._classes_listed = classes_listed

    def read_root(self, root: _Folder, split: Split | None) -> None:
        is_class = not (root.folders or self._has_official(root) or read_split(root.name))
        if is_class and root.videos and not self._classes_listed:
            self._read_class(root, split)
        else:
            self._read(root, split)

    def _read(self, folder: _Folder, split: Split | None) -> None:
        """Reads a folder of splits, of data sets or of classes."""
        splits = folder.splits() if split is None else {}
        around = {n for n, f in folder.folders.items() if not splits and self._is_around(f, split)}
        for name, inner in sorted(folder.folders.items()):
            if splits:
                self._read_split(name, inner, splits)
            elif name in around or (around and not inner.videos):
                self._read(inner, split)
            else:
                self._read_class(inner, split)
        for path in folder.videos:
            official = find_official(path.stem, self._lists)
            if official is not None:
                self.places.append(Place(path, official.original_class, split))
            else:
                self.left_out.append(LeftOut(path, "in no class folder"))

    def _read_split(self, name: str, folder: _Folder, splits: Mapping[str, Split]) -> None:
        if name in splits:
            self._read(folder, splits[name])
        else:
            self._leave(folder, splits)

    def _read_class(self, folder: _Folder, split: Split | None) -> None:
        splits = folder.splits() if split is None else {}
        if not splits:
            self._take(folder, folder, split)
            return
        for name, inner in sorted(folder.folders.items()):
            if name in splits:
                self._take(folder, inner, splits[name])
            else:
                self._leave(inner, splits)
        reason = f"beside the folders {' and '.join(sorted(splits))}, in no split"
        self.left_out += [LeftOut(path, reason) for path in folder.videos]

    def _take(self, class_folder: _Folder, folder: _Folder, split: Split | None) -> None:
        for path in sorted(folder.all_videos()):
            within = path.relative_to(folder.path).parts[:-1]
            recording = within[0] if within else ""
            self.places.append(Place(path, class_folder.name, split, recording))

    def _leave(self, folder: _Folder, splits: Mapping[str, Split]) -> None:
        reason = f"beside the folders {' and '.join(sorted(splits))}, in no split"
        files = sum(1 for _ in folder.all_videos())
        self.left_out.append(LeftOut(folder.path, reason, "folder", files))

    def _is_around(self, folder: _Folder, split: Split | None) -> bool:
        """Whether a folder holds class folders, or splits of them, and is no class itself."""
        name = folder.name
        known = bool(_DATA_SET.fullmatch(name) or _AROUND.fullmatch(name))
        if folder.videos:  # all clips of a data set in one folder
            return known and self._has_official(folder)
        again = split is not None and read_split(name) == split  # train.zip, unpacked into train
        return known or again or _deals_classes(folder) or self._holds_data_set(folder)

    def _holds_data_set(self, folder: _Folder) -> bool:
        return any(
            self._is_class(f)
            or (not f.videos and (bool(_DATA_SET.fullmatch(n)) or self._holds_data_set(f)))
            for n, f in folder.folders.items()
        )

    def _is_class(self, folder: _Folder) -> bool:
        """Whether a folder holds clips of UCF101 or HMDB51 that are of the class of its name."""
        found = (find_official(path.stem, self._lists) for path in folder.videos)
        label = label_for_folder(folder.name)
        return any(f is not None and label_for_folder(f.original_class) == label for f in found)

    def _has_official(self, folder: _Folder) -> bool:
        return any(find_official(path.stem, self._lists) for path in folder.videos)


def _deals_classes(folder: _Folder) -> bool:
    """Whether a folder is dealt out in splits of class folders.

    A class is in several splits. A person or a day is in one: then the folder is a class.
    """
    names = [set(folder.folders[name].folders) for name in folder.splits()]
    return any(names) and (
        len(names) == 1 or any(a & b for k, a in enumerate(names) for b in names[:k])
    )
