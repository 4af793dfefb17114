"""A camera's pictures: recognised as they come, and given back with the answer written on them."""

from __future__ import annotations

import time
from collections.abc import Callable

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from action_recognition.dashboard.formatting import nearest, one_line
from action_recognition.recognition.recognizer import Recognizer
from action_recognition.recognition.streaming import Stream, StreamAnswer

STEP_S = 0.6  # between two answers, where the machine is quick enough
_STALE_S = 5.0  # an older answer is not shown any more
_BAR = 0.11  # height of the bar with the answer, as a share of the picture's
_INK, _GROUND, _SHARE = (255, 255, 255), (16, 22, 29), 0.72


class Camera:
    """What stands between the browser's camera and the picture that it shows.

    The time of a picture is that of its arrival, and none queues: of those that came while one was
    written on, the newest is taken and the others are dropped.

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
        self._dropped = 0  # since the camera is on, before they reached the stream

    async def receive_newest(self, frames: list[av.VideoFrame]) -> list[av.VideoFrame]:
        """The pictures that wait -> the newest of them as in `receive`; the others are dropped."""
        self._dropped += len(frames) - 1
        return [self.receive(frames[-1])]

    def receive(self, frame: av.VideoFrame) -> av.VideoFrame:
        """A picture of the camera -> the same with the answer written over it."""
        stream = self._stream
        if stream is None:
            stream = self._recognizer.stream(step_s=STEP_S, wait=self._wait, gap_s=_STALE_S)
            self._stream = stream
        now = self._clock()
        for answer in stream.feed(frame, now):
            self._answer, self._answered_s = answer, now
        if now - self._answered_s > _STALE_S:
            self._answer = None
        pixels: NDArray[np.uint8] = np.asarray(frame.to_ndarray(format="rgb24"), dtype=np.uint8)
        text = in_words(self._answer, dropped=self._dropped + stream.dropped)
        shown = av.VideoFrame.from_ndarray(write_over(pixels, text), "rgb24")
        shown.pts, shown.time_base = frame.pts, frame.time_base
        return shown

    def end(self) -> None:
        """The camera is off: its thread ends, its pictures are forgotten."""
        stream, self._stream, self._answer = self._stream, None, None
        self._dropped = 0
        if stream is not None:
            stream.close()


def in_words(answer: StreamAnswer | None, *, dropped: int = 0) -> str:
    """The line that is written over the picture, with the number of frames that were dropped."""
    lost = f" · {dropped} dropped" if dropped else ""
    if answer is None:
        return f"Looking …{lost}"
    if answer.action is None:
        seen = "None of these"
    elif answer.unsure:
        seen = f"Unsure: {nearest(answer)}"
    else:
        seen = nearest(answer, of=1)
    return f"{seen} · {1000 * answer.latency_s:.0f} ms{lost}"


def write_over(pixels: NDArray[np.uint8], text: str) -> NDArray[np.uint8]:
    """A picture (H, W, 3) uint8 with a line of text in a dark bar at its lower edge."""
    text = one_line(text)  # a class can have any name
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
