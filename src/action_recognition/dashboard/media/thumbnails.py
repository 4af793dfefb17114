"""Small pictures for tables, as data URLs: nothing is written to disk for them."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from action_recognition.video import Video

SIDE = 96  # pixels, of the longer side
_WHOLE = 40.0  # no video is longer for its width than this: nothing is cropped


def data_url(pixels: NDArray[np.uint8], *, aspect: float) -> str:
    """A small JPEG of a square picture (S, S, 3) uint8 RGB.

    Parameters:
        aspect: width by height, before it was squeezed to the square.
    """
    size = round(SIDE * min(1.0, aspect)), round(SIDE * min(1.0, 1 / aspect))
    out = io.BytesIO()
    Image.fromarray(pixels).resize(size, Image.Resampling.BOX).save(out, "JPEG", quality=75)
    return "data:image/jpeg;base64," + base64.b64encode(out.getvalue()).decode()


def middle_of(path: Path) -> str:
    """The picture in the middle of a video, as a data URL.

    Raises:
        VideoError: the video cannot be read.
    """
    with Video(path) as video:
        frames, _ = video.frames_at([video.info.duration_s / 2], size=2 * SIDE, max_aspect=_WHOLE)
        return data_url(frames[0], aspect=video.info.width / video.info.height)
