"""Labels and heat maps for the frames of a film: what is seen, how probable, and where."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from heapq import merge

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from action_recognition.editing.lettering import width_of, write
from action_recognition.models.saliency import heat_maps
from action_recognition.prefetch import in_groups
from action_recognition.recognition.formats import as_utf8
from action_recognition.recognition.recognizer import Recognizer
from action_recognition.recognition.segmentation import Segment
from action_recognition.recognition.wording import percent
from action_recognition.video.encoding import painted_size
from action_recognition.video.info import VideoInfo
from action_recognition.video.overlays import Overlay
from action_recognition.video.source import Source

_NONE = "none of the known actions"
_PAPER = (0, 0, 0, 175)  # dark enough for white letters over any picture
_TRACK, _BAR = (95, 95, 95, 220), (120, 190, 255, 255)
_HEAT = np.array([(200, 60, 20), (249, 142, 9), (252, 255, 164)], np.float32)
_STRONGEST = 0.65  # share of the colour where the heat is full: the person is still seen below
_LIFT = 0.7  # exponent of the heat: one bright moment must not leave all others dark
_AT_ONCE = 50  # frames that are explained together
_STRIDE = 4  # of the heat that is kept: the network sees no finer


def overlays_of(
    segments: Sequence[Segment],
    info: VideoInfo,
    *,
    heat: tuple[Recognizer, Source, str] | None = None,
) -> Iterator[Overlay]:
    """What lies over the frames of a video.

    Parameters:
        segments: in order; what they say is shown while they last.
        info: of the video.
        heat: to see where the action was seen: the recognizer, the video, and its name.

    Raises:
        VideoError: the video cannot be read.
    """
    labels = (label(s, info) for s in segments)
    if heat is None:
        return labels
    return merge(labels, heat_overlays(*heat, segments), key=lambda overlay: overlay.start_s)


def label(segment: Segment, info: VideoInfo) -> Overlay:
    """A strip along the lower edge: the action, its probability, and a bar as long as that."""
    width, picture_height = painted_size(info)
    height = max(28, round(0.1 * min(width, picture_height)))
    strip = Image.new("RGBA", (width, height), _PAPER)
    pen = ImageDraw.Draw(strip)
    margin, size = round(0.25 * height), 0.48 * height
    if segment.label is None:
        write(pen, margin, 0.2 * height, _NONE, size, width - 2 * margin, "white")
    else:
        share = percent(segment.probability)
        right = width - margin - width_of(share, size)
        write(pen, margin, 0.1 * height, as_utf8(segment.label), size, right - 2 * margin, "white")
        write(pen, right, 0.1 * height, share, size, width, "white")
        top, bottom, length = 0.74 * height, 0.88 * height, width - 2 * margin
        pen.rectangle((margin, top, margin + length, bottom), fill=_TRACK)
        pen.rectangle((margin, top, margin + length * segment.probability, bottom), fill=_BAR)
    box = (0.0, 1 - height / picture_height, 1.0, 1.0)
    return Overlay.of(np.asarray(strip), segment.start_s, segment.end_s, box, level=1)


def heat_overlays(
    recognizer: Recognizer, source: Source, name: str, segments: Iterable[Segment]
) -> Iterator[Overlay]:
    """Where the network saw the action of each segment, as light over the picture.

    It is computed for some ten seconds at a time (`saliency.heat_maps`): brightness can be compared
    within these.
    """
    p = recognizer.model.preprocessing
    with recognizer.open(source, name) as video:
        first_s = video.info.start_s
        planned = [
            (float(time_s), segment)
            for segment in segments
            if segment.action is not None
            for time_s in np.arange(segment.start_s, segment.end_s, p.interval_s)
        ]
        box = _seen(video.info, p.max_aspect)
        frames = video.stream_at(
            (max(0.0, time_s - first_s) for time_s, _ in planned),
            size=p.size,
            max_aspect=p.max_aspect,
        )
        both = ((at, frame) for at, (_, frame) in zip(planned, frames, strict=True))
        for group in in_groups(both, _AT_ONCE):
            yield from _explained(recognizer, group, box, p.interval_s)


def _explained(
    recognizer: Recognizer,
    group: Sequence[tuple[tuple[float, Segment], NDArray[np.uint8]]],
    box: tuple[float, float, float, float],
    interval_s: float,
) -> Iterator[Overlay]:
    """Of consecutive frames, each part that shows one action by itself."""
    begin = 0
    for end in range(1, len(group) + 1):
        if end < len(group) and group[end][0][1] is group[begin][0][1]:
            continue
        part, segment = group[begin:end], group[begin][0][1]
        target = recognizer.classes.index(segment.nearest_action)
        clip = np.stack([frame for _, frame in part])
        heat = heat_maps(recognizer.runtime, clip, target, answers=len(recognizer.classes))
        for ((time_s, _), _), warm in zip(part, heat, strict=True):
            until_s = min(time_s + interval_s, segment.end_s)
            yield Overlay.of(_light(warm), time_s, until_s, box)
        begin = end


def _light(heat: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Heat (H, W) in 0..1 as RGBA: the hotter, the lighter and the less transparent."""
    heat = heat[_STRIDE // 2 :: _STRIDE, _STRIDE // 2 :: _STRIDE] ** _LIFT
    steps = np.linspace(0, 1, len(_HEAT))
    channels = [np.interp(heat, steps, _HEAT[:, k]) for k in range(3)]
    return np.stack([*channels, 255 * _STRONGEST * heat], -1).round().astype(np.uint8)


def _seen(info: VideoInfo, max_aspect: float) -> tuple[float, float, float, float]:
    """The middle of the picture that the network sees, in shares of it."""
    width = min(1.0, info.height * max_aspect / info.width)
    height = min(1.0, info.width * max_aspect / info.height)
    return (1 - width) / 2, (1 - height) / 2, (1 + width) / 2, (1 + height) / 2
