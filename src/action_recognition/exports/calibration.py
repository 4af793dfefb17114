"""Real clips that int8 exports are calibrated with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from action_recognition.clips import Preprocessing, read_clips
from action_recognition.datasets.folders import load_data
from action_recognition.datasets.walk import videos_in
from action_recognition.errors import DataError, VideoError
from action_recognition.video import Video
from action_recognition.video.part import Place, to_source

MOST_CLIPS = 64
_NAMED = 8  # sources, in metadata


@dataclass(frozen=True)
class Calibration:
    """What an int8 export is calibrated with.

    Parameters:
        clips: (T, size, size, 3) uint8 RGB each, frames of real videos as the network takes them.
        sources: the names of what they came from, for the file's metadata.

    Raises:
        DataError: there is no clip.
    """

    clips: Sequence[NDArray[np.uint8]]
    sources: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not len(self.clips):
            raise DataError("an int8 export is calibrated with clips, and there is none")

    def described(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        frames = sum(len(clip) for clip in self.clips)
        return {"sources": list(self.sources), "clips": len(self.clips), "frames": frames}


def read_calibration(
    sources: Sequence[str | Path],
    preprocessing: Preprocessing,
    *,
    window: int,
    most: int = MOST_CLIPS,
    on_refused: Callable[[VideoError], None] = lambda _: None,
) -> Calibration:
    """Reads clips of videos and of folders.

    Of a folder of class folders the train split is taken, so that what is measured on its test
    split stays fair; of any other folder, all videos. `most` of them are spread evenly over all.

    Parameters:
        sources: video files and folders.
        preprocessing, window: of the model.
        most: clips, one a video.
        on_refused: called with each video that cannot be read, which is left out.

    Raises:
        DataError: there is no such folder, or no video that can be read.
    """
    found = [video for source in sources for video in _videos(Path(source))]
    if not found:
        raise DataError("there is no video to calibrate with")
    places = np.linspace(0, len(found) - 1, min(most, len(found))).round().astype(int)
    clips = []
    for path in [found[k] for k in places]:
        try:
            with Video(to_source(path), name=path.name) as video:
                clips.append(read_clips(video, preprocessing, window=window).frames[0])
        except VideoError as error:
            on_refused(error)
    if not clips:
        raise DataError(f"none of the {len(places)} videos to calibrate with can be read")
    names = list(dict.fromkeys(Path(source).resolve().name for source in sources))
    more = [f"and {len(names) - _NAMED} more"] if len(names) > _NAMED else []
    return Calibration(clips, (*names[:_NAMED], *more))


def _videos(source: Path) -> list[Place]:
    if not source.is_dir():
        return [source]
    videos = videos_in(source)
    if any(path.parent == source for path in videos):
        return [*videos]
    data = load_data([source], check=False, validation=False)
    return [clip.place for clip in data.split("train")]
