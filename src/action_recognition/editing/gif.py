"""A GIF of one moment, small enough to send."""

from __future__ import annotations

import io
from itertools import chain, islice

import numpy as np
from PIL import Image

from action_recognition.editing.pictures import fitted, whole_frames
from action_recognition.errors import UsageError
from action_recognition.video.frames import Frames

MAX_SIDE = 1024  # pixels
_SAMPLE = 8  # frames from which the colours are taken


def gif_of(
    video: Frames,
    start_s: float,
    end_s: float,
    *,
    max_side: int = 400,
    frame_rate: float = 10.0,
    max_s: float = 10.0,
) -> bytes:
    """A GIF that plays without end, of one palette, so that nothing flickers.

    Parameters:
        start_s, end_s: in seconds as a player counts; of a longer moment, the first `max_s`.
        max_side: of its longer side, 16 to 1024 pixels; a smaller video is not enlarged.
        frame_rate: in frames/s, 1 to 50; GIFs count in hundredths of a second.

    Raises:
        UsageError: a value is out of range, or there is nothing between the times.
        VideoError: the video cannot be decoded.
    """
    for name, value, low, high in (
        ("max_side", max_side, 16, MAX_SIDE),
        ("frame_rate", frame_rate, 1, 50),
        ("max_s", max_s, 0.1, 60),
    ):
        if not low <= value <= high:
            raise UsageError(f"GIF: {name}={value:g}, must be from {low:g} to {high:g}")
    end_s = min(end_s, start_s + max_s, video.info.start_s + video.info.duration_s)
    hundredths = max(2, round(100 / frame_rate))
    times = np.arange(start_s, end_s, hundredths / 100).tolist()
    if not times:
        raise UsageError(f"{video.name}: the video shows nothing from {start_s:g} s on")
    size = fitted(video.info, max_side)
    sample = [times[k] for k in np.linspace(0, len(times) - 1, min(_SAMPLE, len(times)), dtype=int)]
    palette = _palette(list(whole_frames(video, sample, size)))
    frames = (
        picture.quantize(palette=palette, dither=Image.Dither.NONE)
        for picture in whole_frames(video, times, size)
    )
    out = io.BytesIO()
    (first,) = islice(frames, 1)
    first.save(
        out,
        "GIF",
        save_all=True,
        append_images=chain(frames),
        duration=10 * hundredths,
        loop=0,
        optimize=False,
    )
    return out.getvalue()


def _palette(pictures: list[Image.Image]) -> Image.Image:
    """256 colours that suit all of some pictures of one size."""
    width, height = pictures[0].size
    together = Image.new("RGB", (width, height * len(pictures)))
    for k, picture in enumerate(pictures):
        together.paste(picture, (0, k * height))
    return together.quantize(256, method=Image.Quantize.MEDIANCUT)
