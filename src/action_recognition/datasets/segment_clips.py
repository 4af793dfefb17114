"""The segments of project files as clips: each is cut out of its video, into the cache folder."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from action_recognition.actions import label_for_folder
from action_recognition.datasets.background import NONE
from action_recognition.datasets.corrections import (
    CorrectedSegment,
    digest_of,
    find_video,
    is_project,
    load_corrections,
)
from action_recognition.datasets.kept_probes import cache_folder
from action_recognition.datasets.locking import only_one
from action_recognition.datasets.manifest import Clip
from action_recognition.datasets.placing import OWN
from action_recognition.errors import DataError, UsageError, VideoError
from action_recognition.files import replacing
from action_recognition.video.cutting import write_cut

_LONGEST_STEM = 50  # characters of a video's name: with the times, below 255 bytes


def sort_projects(sources: Sequence[Path]) -> tuple[list[Path], list[Path]]:
    """Project files of corrections, and all other sources."""
    projects = [s for s in sources if s.suffix.lower() == ".json" and is_project(s)]
    return projects, [s for s in sources if s not in projects]


def segments_folder() -> Path:
    """Where the clips are kept. A second call finds them there; they can be deleted at any time."""
    return cache_folder() / "segments"


def cut_segments(
    projects: Sequence[Path],
    folders: Sequence[Path] = (),
    *,
    labels: Collection[str] | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> tuple[list[Clip], str]:
    """Cuts the segments out of their videos, those that are not cut yet.

    A group is a video, known by its content, so that two project files may name the same one. A
    segment of none of the actions has the label `background.NONE`. Where a video is missing,
    another one or damaged, its segments are left out, and their reason says so.

    Parameters:
        folders: where the videos are looked for, before the folder of their project file.
        labels: of the segments to take, beside those of none of the actions; None: all.
        on_progress: called with (segments cut, segments to cut).

    Returns:
        a clip for each segment, in the split `train` or `left_out`, and a line on what was cut.

    Raises:
        DataError: a project file cannot be used.
        OSError: the cache folder cannot be written.
    """
    found = dict.fromkeys(
        entry for project in projects for entry in _entries(project, folders, labels)
    )
    taken = [(clip, source, s) for clip, source, s in found if clip.split == "train"]
    new = [entry for entry in taken if not entry[0].path.is_file()]
    reasons: dict[Path, str] = {}
    for done, (clip, source, segment) in enumerate(new, 1):
        try:
            _cut(clip.path, source, segment)
        except (UsageError, VideoError) as error:
            reasons[clip.path] = str(error)
        if on_progress is not None:
            on_progress(done, len(new))
    clips = [
        replace(clip, split="left_out", reason=reasons[clip.path]) if clip.path in reasons else clip
        for clip, _, _ in found
    ]
    kept = {clip.path for clip in clips if clip.split == "train"}
    size = sum(path.stat().st_size for path in kept)
    videos = len({clip.group for clip, _, _ in taken})
    return clips, (
        f"segments: {len(kept)} of {videos} video{'s'[: videos != 1]}, {len(new) - len(reasons)} "
        f"of them cut now, {size / 1e6:.1f} MB in {segments_folder()}"
    )


_Entry = tuple[Clip, Path, CorrectedSegment]


def _entries(
    project: Path, folders: Sequence[Path], labels: Collection[str] | None
) -> Iterator[_Entry]:
    """The clips that the segments will be, each with its video."""
    corrections = load_corrections(project)
    for index, video in enumerate(corrections.videos):
        segments = [
            s
            for s in corrections.segments
            if s.video == index and (labels is None or s.action is None or _label(s) in labels)
        ]
        if not segments:
            continue
        path, group, reason = project.parent / video.path, video.name, ""
        try:
            path = find_video(video, [*folders, project.parent])
            group = (video.sha256 or digest_of(path)).lower()[:16]
        except DataError as error:
            reason = str(error)
        folder, stem = segments_folder() / group, path.stem[:_LONGEST_STEM]
        for s in segments:
            clip = Clip(
                path=path if reason else folder / f"{stem} {s.start_s:.3f}-{s.end_s:.3f}.mp4",
                label=_label(s),
                dataset=OWN,
                original_class=s.action or NONE,
                group=group,
                split="left_out" if reason else "train",
                reason=reason,
            )
            yield clip, path, replace(s, video=0, kind="added")  # what is the same, is equal


def _label(segment: CorrectedSegment) -> str:
    return NONE if segment.action is None else label_for_folder(segment.action)


def _cut(path: Path, source: Path, segment: CorrectedSegment) -> None:
    with only_one(path.parent.with_suffix(".lock")):
        if not path.is_file():
            with replacing(path) as temporary:
                write_cut(source, temporary, segment.start_s, segment.end_s, mode="exact")
