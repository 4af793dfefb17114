"""What a network says of the segments of a project file, and of the rest of their videos."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from action_recognition.clips.sampling import clip_times
from action_recognition.datasets.corrections import CorrectedSegment, Corrections, find_video
from action_recognition.errors import DataError
from action_recognition.recognition.motion import nothing_moves
from action_recognition.recognition.recognizer import Recognizer
from action_recognition.video.frames import Frames

_APART = 5  # frames from one moment of a segment to the next
_REST = 12  # windows that are seen of the rest of a video


@dataclass(frozen=True)
class Seen:
    """The output of the network for some moments of a video.

    Parameters:
        video: index of the video.
        features: (moments, hidden), the input of the dense layer.
        logits, likeness: (moments, outputs), see `runtime.Answer`.
        still: whether nothing moves.
        segment: what a person says of it; None: nobody has said anything.
    """

    video: int
    features: NDArray[np.floating]
    logits: NDArray[np.floating]
    likeness: NDArray[np.floating]
    still: bool
    segment: CorrectedSegment | None = None


def read_segments(
    recognizer: Recognizer,
    corrections: Corrections,
    folders: Sequence[Path],
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[Seen]:
    """Sees all segments, and up to twelve windows of the rest of each of their videos.

    Parameters:
        folders: where the videos are looked for.
        on_progress: called with (segments seen, segments in total).

    Raises:
        DataError: a video is missing or another one, or a segment begins after its end.
        VideoError: a video cannot be read.
    """
    found: list[Seen] = []
    wanted = sorted({s.video for s in corrections.segments})
    paths = [find_video(corrections.videos[k], folders) for k in wanted]
    done, total = 0, len(corrections.segments)
    for k, path in zip(wanted, paths, strict=True):
        segments = [s for s in corrections.segments if s.video == k]
        with recognizer.open(path, corrections.videos[k].name) as video:
            for segment in sorted(segments, key=lambda s: s.start_s):
                times = _times(recognizer, video, segment)
                found.append(_see(recognizer, video, times, k, segment))
                done += 1
                on_progress(done, total)
            for start_s in _rest(recognizer, video, segments):
                times = start_s + _grid(recognizer, recognizer.window)
                found.append(_see(recognizer, video, times[None], k, None))
    return found


def _times(recognizer: Recognizer, video: Frames, segment: CorrectedSegment) -> NDArray[np.float64]:
    """(clips, frames) times from the first frame: those that `predict` would see of the segment."""
    first_s, last_s = video.info.start_s, video.info.start_s + video.info.duration_s
    start_s, end_s = max(segment.start_s, first_s), min(segment.end_s, last_s)
    if start_s >= end_s:
        raise DataError(
            f"{video.name}: a segment begins at {segment.start_s:g} s, "
            f"but the video ends at {last_s:g} s"
        )
    interval_s = recognizer.model.preprocessing.interval_s
    times = clip_times(end_s - start_s, interval_s, window=recognizer.window)
    return start_s - first_s + times


def _rest(
    recognizer: Recognizer, video: Frames, segments: Sequence[CorrectedSegment]
) -> list[float]:
    """Where windows begin that no segment touches, in seconds from the first frame."""
    length_s = recognizer.window * recognizer.model.preprocessing.interval_s
    starts = np.arange(0, video.info.duration_s - length_s, length_s)
    at_s = starts + video.info.start_s
    free = [all(t + length_s <= s.start_s or t >= s.end_s for s in segments) for t in at_s]
    starts = starts[free]
    spread = np.linspace(0, len(starts) - 1, min(_REST, len(starts))).round().astype(int)
    return [float(s) for s in starts[spread]]


def _grid(recognizer: Recognizer, frames: int) -> NDArray[np.float64]:
    interval_s = recognizer.model.preprocessing.interval_s
    return np.asarray(np.arange(frames) * interval_s, np.float64)


def _see(
    recognizer: Recognizer,
    video: Frames,
    times: NDArray[np.float64],
    index: int,
    segment: CorrectedSegment | None,
) -> Seen:
    p = recognizer.model.preprocessing
    pictures, _ = video.frames_at(times.ravel(), size=p.size, max_aspect=p.max_aspect)
    clips = pictures.reshape(*times.shape, *pictures.shape[1:])
    answer = recognizer.runtime.run(clips)
    first = min(times.shape[1], recognizer.window) - 1  # whose window lies in the segment
    features, logits, likeness = (
        np.concatenate(part[:, first::_APART])
        for part in (answer.features, answer.logits, answer.likeness)
    )
    return Seen(index, features, logits, likeness, nothing_moves(clips), segment)
