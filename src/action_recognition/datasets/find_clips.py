"""The clips of data folders, each with its class; every other entry is left out by name."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from action_recognition.actions import find_action, label_for_folder
from action_recognition.datasets.annotation_lists import Annotation, Annotations, read_annotations
from action_recognition.datasets.file_names import as_text
from action_recognition.datasets.layouts import Place, read_layout
from action_recognition.datasets.left_out import LeftOut, describe
from action_recognition.datasets.official import OfficialClip, Split, find_official
from action_recognition.datasets.sections import Section
from action_recognition.datasets.split_names import read_split
from action_recognition.datasets.walk import Found, walk, why_not_read, without_videos
from action_recognition.errors import DataError
from action_recognition.video import FILE_EXTENSIONS, has_video_name

_MAX_LINES = 3  # of what is left out, where nothing is taken


@dataclass(frozen=True)
class FoundClip:
    """A video and what folders and lists say of it.

    Parameters:
        path: the video.
        class_name: the name of its class folder, or its class in a list.
        split: the one that is given; None: none is.
        group: the folder in its class folder, or the video that it was cut from; empty: none.
        official: what is known of a clip of UCF101 or HMDB51.
        section: the part of a longer video that it must be.
    """

    path: Path
    class_name: str
    split: Split | None
    group: str
    official: OfficialClip | None = None
    section: Section | None = None

    @property
    def label(self) -> str:
        """The label of its class."""
        return label_for_folder(self.class_name)


def find_clips(
    sources: Sequence[Path], classes: Sequence[str] | None = None
) -> tuple[list[FoundClip], list[LeftOut]]:
    """Finds the clips of data folders, and what is left out of them.

    Parameters:
        sources: folders, and annotation lists of their clips (see `annotation_lists`); of lists
            alone, their folders are searched. Lists in the folders are read as well.
        classes: folder names or labels to use; None: all.

    Raises:
        DataError: there is no clip at all or none of a class, a source is neither folder nor
            list, or two class folders give one label.
    """
    given = [s for s in sources if s.is_file()]
    roots = [s for s in sources if s not in given] or [s.parent for s in given]
    seen: set[str] = set()
    found = {root: walk(root, seen) for root in dict.fromkeys(roots)}
    lists = _read_lists(given, [p for f in found.values() for p in f.lists])
    wanted = None if classes is None else {label_for_folder(c) for c in classes}
    clips, left_out = _place(found, lists, wanted)
    left_out += [entry for f in found.values() for entry in _of_no_use(f, lists)]
    missing = sorted((wanted or set()) - {c.label for c in clips})
    if missing:
        raise DataError(f"no folder with videos of class {missing[0]!r} is there")
    if not clips:
        raise DataError(_nothing(found, left_out))
    return clips, left_out


def _nothing(found: Mapping[Path, Found], left_out: Sequence[LeftOut]) -> str:
    names = ", ".join(str(root) for root in found)
    videos = sum(len(f.videos) for f in found.values())
    if videos:
        nothing = f"{names}: none of the {videos} videos in it is in a class folder or in a list"
    else:
        nothing = f"{names}: no folder in it holds videos ({', '.join(FILE_EXTENSIONS)})"
    return "; ".join([nothing, *describe(left_out)[:_MAX_LINES]])


def _read_lists(given: Sequence[Path], in_folders: Sequence[Path]) -> Annotations:
    here = {p.resolve() for p in in_folders}
    lists = read_annotations([*in_folders, *(p for p in given if p.resolve() not in here)])
    read = {p.resolve() for p in lists.files}
    for path in given:
        if path.resolve() not in read:
            kind = "a single video" if has_video_name(path) else why_not_read(path.name)
            raise DataError(
                f"{path}: {kind}; wanted are folders of clips, and annotation lists of UCF101, "
                "HMDB51, Kinetics or Something-Something"
            )
    return lists


def _place(
    found: Mapping[Path, Found], lists: Annotations, wanted: set[str] | None
) -> tuple[list[FoundClip], list[LeftOut]]:
    """The wanted clips as the folders have them in order, then those that lists tell of."""
    told = {p: a for f in found.values() for p in f.videos if (a := lists.find(p.stem))}
    root_of = {p: root for root, f in found.items() for p in f.videos}
    others = _among(told, [p for f in found.values() for p in f.videos])
    known = {*told, *others}
    places, left_out = read_layout(
        {root: [p for p in f.videos if p not in known] for root, f in found.items()},
        lists.official,
        classes_listed=bool(told),
    )
    left_out += [LeftOut(path, "in no list, unlike those beside it") for path in others]
    clips = [_placed(place, lists) for place in places]
    clips += [_listed(p, root_of[p], clip) for p, clip in told.items() if not clip.problem]
    left_out += [LeftOut(path, clip.problem) for path, clip in told.items() if clip.problem]
    clips = [c for c in clips if wanted is None or c.label in wanted]
    _check_labels(c.class_name for c in clips if c.path not in told)
    here = {(clip.name, clip.seconds) for clip in told.values()}
    for clip in (c for listed in lists.clips.values() for c in listed):
        is_wanted = wanted is None or label_for_folder(clip.label) in wanted
        if is_wanted and (clip.name, clip.seconds) not in here:
            reason = f"listed in {clip.source.name}, but not there"
            left_out.append(LeftOut(clip.source.parent / clip.stem, reason, "clip", files=0))
    return clips, left_out


def _among(told: Mapping[Path, Annotation], videos: Iterable[Path]) -> set[Path]:
    """Unlisted videos in a folder of listed ones, unless it is called after their class."""
    labels: dict[Path, set[str]] = defaultdict(set)
    for path, clip in told.items():
        labels[path.parent].add(label_for_folder(clip.label))
    return {
        path
        for path in videos
        if path not in told
        and path.parent in labels
        and label_for_folder(as_text(path.parent.name)) not in labels[path.parent]
    }


def _placed(place: Place, lists: Annotations) -> FoundClip:
    return FoundClip(
        place.path,
        as_text(place.class_name),
        place.split,
        as_text(place.recording),
        find_official(place.path.stem, lists.official),
    )


def _listed(path: Path, root: Path, clip: Annotation) -> FoundClip:
    folders = (read_split(name) for name in reversed(path.relative_to(root).parts[:-1]))
    split = clip.split or next((s for s in folders if s), None)
    return FoundClip(path, clip.label, split, clip.group, section=clip.section)


def _check_labels(class_names: Iterable[str]) -> None:
    name_of: dict[str, str] = {}
    for name in class_names:
        label = label_for_folder(name)
        other = name_of.setdefault(label, name)
        if other != name and find_action(other) is None:
            raise DataError(f"folders {other!r} and {name!r} give one label, {label!r}")


def _of_no_use(found: Found, lists: Annotations) -> Iterator[LeftOut]:
    yield from found.left_out
    yield from without_videos(found, [*found.videos, *lists.files])
    for path in set(found.lists) - set(lists.files):
        yield LeftOut(path, why_not_read(path.name))
