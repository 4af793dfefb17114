"""One picture of an answer, to keep or to send: the action, the probabilities, the evidence."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from action_recognition.dashboard.charts.colours import HUE, text_colour
from action_recognition.dashboard.formatting import headline, leaders, nearest, percent, video_facts
from action_recognition.dashboard.media.frames import pictures, spread
from action_recognition.dashboard.media.heat_maps import overlay
from action_recognition.editing.lettering import write
from action_recognition.recognition.results import Prediction

_WIDTH, _MARGIN, _GAP = 1200, 40, 8
_BARS, _BAR_HEIGHT = 5, 40
_FAINT = "#abcbe8"  # of the bars that are not the answer
_BACKGROUND = "#ffffff"


def summary_png(
    prediction: Prediction,
    frames: NDArray[np.uint8],
    times_s: NDArray[np.float64],
    heat: NDArray[np.float32],
) -> bytes:
    """A PNG file, 1200 pixels wide.

    Parameters:
        frames: (T, H, W, 3) uint8 RGB, one clip of the video.
        times_s: (T,) seconds at which they are shown.
        heat: (T, H, W) in 0..1, where the network saw the action in it.
    """
    dark_text, bars = text_colour(dark=False), prediction.ranked[:_BARS]
    chosen = spread(len(frames))
    shown = pictures(frames[chosen], times_s[chosen])
    heated = pictures(overlay(frames[chosen], heat[chosen]), times_s[chosen])
    inner = _WIDTH - 2 * _MARGIN
    side = (inner - _GAP * (len(shown) - 1)) // len(shown)
    side = min(side, 200)
    height = 160 + _BAR_HEIGHT * len(bars) + 30 + 2 * (side + _GAP) + 40 + _MARGIN
    image = Image.new("RGB", (_WIDTH, height), _BACKGROUND)
    pen = ImageDraw.Draw(image)
    write(pen, _MARGIN, 32, headline(prediction), 44, inner, dark_text)
    about = f"{prediction.file} · {video_facts(prediction.video)}"
    if prediction.action is None or prediction.unsure:
        about = f"Nearest: {nearest(prediction)}. {about}"
    write(pen, _MARGIN, 96, about, 20, inner, dark_text)
    y = 150
    full = leaders(prediction)
    for k, (action, p) in enumerate(bars):
        write(pen, _MARGIN, y, action, 22, 300, dark_text)
        left, room = _MARGIN + 320, inner - 320 - 120
        right = left + max(2, round(room * p))
        pen.rounded_rectangle((left, y, right, y + 26), 3, fill=HUE if k < full else _FAINT)
        write(pen, right + 12, y, percent(p), 22, 120, dark_text)
        y += _BAR_HEIGHT
    y += 20
    for row in (shown, heated):
        for k, picture in enumerate(row):
            small = Image.fromarray(picture.pixels).resize((side, side), Image.Resampling.LANCZOS)
            image.paste(small, (_MARGIN + k * (side + _GAP), y))
        y += side + _GAP
    for k, picture in enumerate(shown):
        write(pen, _MARGIN + k * (side + _GAP), y, picture.caption, 18, side, dark_text)
    out = io.BytesIO()
    image.save(out, "PNG", optimize=True)
    return out.getvalue()
