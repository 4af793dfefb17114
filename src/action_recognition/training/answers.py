"""What a network gives of whole videos, read as for recognition."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from action_recognition.clips import Preprocessing, read_clips
from action_recognition.datasets.manifest import Clip
from action_recognition.models.runtime import Runtime, VideoAnswer
from action_recognition.models.torch_runtime import TorchRuntime, to_input
from action_recognition.prefetch import ahead
from action_recognition.training.processes import ALONE, Processes
from action_recognition.video import Video
from action_recognition.video.part import Place, to_source


class Answers(NamedTuple):
    """What the network says of N videos.

    Parameters:
        videos: of each.
        labels: of each.
    """

    videos: Sequence[VideoAnswer]
    labels: Sequence[str]

    def part(self, which: NDArray[np.bool_]) -> Answers:
        """Those of some of the videos."""
        index: list[int] = np.flatnonzero(which).tolist()
        return Answers([self.videos[k] for k in index], [self.labels[k] for k in index])


def answers(
    runtime: Runtime,
    clips: Sequence[Clip],
    preprocessing: Preprocessing,
    on_progress: Callable[[int, int], None] | None = None,
    processes: Processes = ALONE,
) -> Answers:
    """What a network says of videos, through the function that answers in use.

    Parameters:
        processes: that share them out among themselves.

    Returns:
        all for the writer, none for the other processes.
    """
    mine: list[VideoAnswer] = []
    report = processes.progress(len(clips), on_progress)
    paths = [c.place for c in processes.part(clips)]
    for frames in read_videos(paths, preprocessing, runtime.window):
        mine.append(runtime.answer(frames))
        report(len(mine))
    found = processes.to_writer(mine)
    return Answers(found, [c.label for c in clips[: len(found)]])


def video_vectors(
    runtime: TorchRuntime,
    paths: Sequence[Place],
    preprocessing: Preprocessing,
    on_progress: Callable[[int, int], None] | None = None,
    processes: Processes = ALONE,
) -> list[NDArray[np.float32]]:
    """The trunk's vectors (T, features) of each video; as `answers`, for the writer alone."""
    mine: list[NDArray[np.float32]] = []
    report = processes.progress(len(paths), on_progress)
    for frames in read_videos(processes.part(paths), preprocessing, runtime.window):
        mine.append(trunk_vectors(runtime, frames[0]))
        report(len(mine))
    return processes.to_writer(mine)


def trunk_vectors(runtime: TorchRuntime, frames: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Frames (T, H, W, 3) uint8 -> the trunk's vector of each, (T, features)."""
    trunk, found = runtime.network.trunk, []
    with torch.inference_mode():
        state = None
        for start in range(0, len(frames), 20):
            x = to_input(torch.from_numpy(frames[None, start : start + 20]).to(runtime.device))
            maps, state = trunk(x, trunk.start(x) if state is None else state)
            found.append(maps.mean((3, 4))[0].cpu().numpy())
    return np.concatenate(found)


def read_videos(
    paths: Sequence[Place], preprocessing: Preprocessing, window: int
) -> Iterator[NDArray[np.uint8]]:
    """Frames of each video as for recognition, decoded ahead by a few."""

    def read() -> Iterator[NDArray[np.uint8]]:
        for path in paths:
            with Video(to_source(path), name=path.name) as video:
                yield read_clips(video, preprocessing, window=window).frames

    return ahead(read(), limit=4)
