"""A camera's pictures: recognised as they come, and given back with the answer written on them."""

from __future__ import annotations

import time
from collections.abc import Callable

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from action_recognition.dashboard.formatting import nearest
from action_recognition.recognition.recognizer import Recognizer
from action_recognition.recognition.streaming import Stream, StreamAnswer

STEP_S = 0.6  # between two answers, where the machine is quick enough
_STALE_S = 5.0  # an older answer is not shown any more
_BAR = 0.11  # height of the bar with the answer, as a share of the picture's
_INK, _GROUND, _SHARE = (255, 255, 255), (16, 22, 29), 0.72


class Camera:
    """What stands between the browser's camera and the picture that it shows.

    Parameters:
        wait: for each answer, so that none is passed over; for films instead of cameras.
        clock: gives the time in seconds.
    """

    def __init__(
        self,
        recognizer: Recognizer,
        *,
        wait: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._recognizer, self._wait, self._clock = recognizer, wait, clock
        self._stream: Stream | None = None
        self._answer: StreamAnswer | None = None
        self._answered_s = 0.0

    def receive(self, frame: av.VideoFrame) -> av.VideoFrame:
        """A picture of the camera -> the same with the answer written over it."""
        if self._stream is None:
            self._stream = self._recognizer.stream(step_s=STEP_S, wait=self._wait, gap_s=_STALE_S)
        now = self._clock()
        for answer in self._stream.feed(frame, now):
            self._answer, self._answered_s = answer, now
        if now - self._answered_s > _STALE_S:
            self._answer = None
        pixels: NDArray[np.uint8] = np.asarray(frame.to_ndarray(format="rgb24"), dtype=np.uint8)
        shown = av.VideoFrame.from_ndarray(write_over(pixels, in_words(self._answer)), "rgb24")
        shown.pts, shown.time_base = frame.pts, frame.time_base
        return shown

    def end(self) -> None:
        """The camera is off: its thread ends, its pictures are forgotten."""
        stream, self._stream, self._answer = self._stream, None, None
        if stream is not None:
            stream.close()


def in_words(answer: StreamAnswer | None) -> str:
    """The line that is written over the picture."""
    if answer is None:
        return "Looking …"
    if answer.action is None:
        seen = "None of these"
    elif answer.unsure:
        seen = f"Unsure: {nearest(answer)}"
    else:
        seen = nearest(answer, of=1)
    return f"{seen} · {1000 * answer.latency_s:.0f} ms"


def write_over(pixels: NDArray[np.uint8], text: str) -> NDArray[np.uint8]:
    """A picture (H, W, 3) uint8 with a line of text in a dark bar at its lower edge."""
    height, width = pixels.shape[:2]
    bar = max(18, round(_BAR * height))
    out = pixels.copy()
    ground = np.array(_GROUND) * _SHARE
    out[-bar:] = (out[-bar:] * (1 - _SHARE) + ground).astype(np.uint8)
    size = 0.6 * bar
    length = ImageFont.load_default(size).getlength(text)
    font = ImageFont.load_default(min(size, size * (width - 0.4 * bar) / max(length, 1)))
    strip = Image.fromarray(out[-bar:])
    ImageDraw.Draw(strip).text((0.2 * bar, bar / 2), text, fill=_INK, font=font, anchor="lm")
    out[-bar:] = np.asarray(strip)
    return out
