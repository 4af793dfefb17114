"""Videos to try: a clip of each action of a folder, or those that come with the package."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from action_recognition.actions import label_for_folder
from action_recognition.dashboard.media.figure import film, jumping
from action_recognition.dashboard.media.scenes import FOOTAGE, three_scenes
from action_recognition.datasets.walk import videos_in

_SIZE = (480, 360)
_MAX_BYTES = 50_000_000


@dataclass(frozen=True)
class Example:
    """A video to try: its title on the page, its file's name, and what gives its bytes.

    `read` raises OSError where a file has gone meanwhile.
    """

    title: str
    name: str
    read: Callable[[], bytes]


BUILT_IN: tuple[Example, ...] = (
    Example("News reader", "akiyo.mp4", (FOOTAGE / "akiyo.mp4").read_bytes),
    Example("Man in a car", "carphone.mp4", (FOOTAGE / "carphone.mp4").read_bytes),
    Example("Jumping figure", "jumping.mp4", lambda: film(6, jumping, size=_SIZE)),
    Example("Three scenes", "three-scenes.mp4", three_scenes),
)


def find_examples(folder: Path, classes: Sequence[str]) -> tuple[Example, ...]:
    """The first clip of each class that has a folder in `folder`; where none has, `BUILT_IN`."""
    clips = class_clips(folder, classes)
    if not clips:
        return BUILT_IN
    return tuple(Example(label, path.name, path.read_bytes) for label, path in clips.items())


def class_clips(folder: Path, classes: Sequence[str]) -> dict[str, Path]:
    """The first clip of each class, by its label, in the order of `classes`."""
    try:
        folders = {label_for_folder(f.name): f for f in sorted(folder.iterdir()) if f.is_dir()}
    except OSError:
        return {}
    found = {}
    for label in classes:
        if label in folders:
            clips = (c for c in videos_in(folders[label]) if c.stat().st_size <= _MAX_BYTES)
            first = next(clips, None)
            if first is not None:
                found[label] = first
    return found
