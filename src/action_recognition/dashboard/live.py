"""A camera's pictures: recognised as they come, and given back with the answer written on them."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from action_recognition.calibration import video_probabilities
from action_recognition.dashboard.line import Job, shared_line
from action_recognition.dashboard.wording import percent
from action_recognition.picture import SquareConverter
from action_recognition.recognizer import Recognizer, clip_outputs

STEP_S = 0.5  # between two answers, where the machine is quick enough
_STALE_S = 5.0  # an older answer is not shown any more
_BAR = 0.11  # height of the bar with the answer, as a share of the picture's
_INK, _GROUND, _SHARE = (255, 255, 255), (16, 22, 29), 0.72


@dataclass(frozen=True)
class LiveAnswer:
    """What was seen last: `latency_s` is from the newest picture that it rests on to the answer."""

    action: str
    probability: float
    known: bool
    latency_s: float

    def __str__(self) -> str:
        shown = f"{self.action} {percent(self.probability)}" if self.known else "None of these"
        return f"{shown} · {1000 * self.latency_s:.0f} ms"


class Watcher:
    """Fed with pictures and their times, it knows what was seen last.

    Pictures between two that a clip needs are passed over, and so is every step for which the
    network is still busy with an earlier one: it never falls behind.
    """

    def __init__(self, recognizer: Recognizer, *, step_s: float = STEP_S) -> None:
        self._recognizer, self._step_s = recognizer, step_s
        self._preprocessing = recognizer.model.preprocessing
        self._interval_s = self._preprocessing.interval_s
        self._to_square = SquareConverter(
            self._preprocessing.size, self._preprocessing.max_aspect, 1.0, 0
        )
        length = self._preprocessing.frames
        self._recent: deque[tuple[float, NDArray[np.uint8]]] = deque(maxlen=length)
        self._job: Job[LiveAnswer] | None = None
        self._asked_s = -float("inf")
        self._answered_s = -float("inf")
        self._answer: LiveAnswer | None = None

    def feed(self, frame: NDArray[np.uint8], time_s: float) -> LiveAnswer | None:
        """Takes a picture (H, W, 3) uint8 RGB; gives the last answer, None while there is none."""
        if self._recent and not 0 <= time_s - self._recent[-1][0] < _STALE_S:
            self._recent.clear()  # the camera was off, or its clock began anew
            self._asked_s = self._answered_s = -float("inf")
            self._answer = None
        # Half a picture of a camera with 25 frames/s: else an interval would become longer.
        if not self._recent or time_s - self._recent[-1][0] >= self._interval_s - 0.02:
            picture = av.VideoFrame.from_ndarray(frame, format="rgb24")
            self._recent.append((time_s, self._to_square(picture)))
            self._ask(time_s)
        self._collect(time_s)
        return self._answer

    def _ask(self, time_s: float) -> None:
        full = len(self._recent) == self._recent.maxlen
        if full and self._job is None and time_s - self._asked_s >= self._step_s:
            clip = np.stack([picture for _, picture in self._recent])
            came = time.monotonic()
            self._asked_s = time_s
            self._job = shared_line().join(lambda _: self._recognise(clip, came))

    def _collect(self, time_s: float) -> None:
        if self._job is not None and self._job.done:
            job, self._job = self._job, None
            self._answer, self._answered_s = job.result(), time_s
        if time_s - self._answered_s > _STALE_S:
            self._answer = None

    def _recognise(self, clip: NDArray[np.uint8], came: float) -> LiveAnswer:
        model, classes = self._recognizer.model, self._recognizer.classes
        logits, features = clip_outputs(model.network, clip[None], self._preprocessing)
        shares = video_probabilities(logits[:, : len(classes)], model.temperature)
        known = True
        if model.novelty is not None:
            score = model.novelty.score(model.novelty.opinions(logits, features[0]))
            known = score >= model.novelty.threshold
        best = int(shares.argmax())
        return LiveAnswer(classes[best], float(shares[best]), known, time.monotonic() - came)


class Camera:
    """What stands between the browser's camera and the picture that it shows."""

    def __init__(self, recognizer: Recognizer) -> None:
        self._watcher = Watcher(recognizer)

    def receive(self, frame: av.VideoFrame) -> av.VideoFrame:
        """A picture of the camera -> the same with the answer written over it."""
        pixels: NDArray[np.uint8] = np.asarray(frame.to_ndarray(format="rgb24"), dtype=np.uint8)
        answer = self._watcher.feed(pixels, time.monotonic())
        written = write_over(pixels, "Looking …" if answer is None else str(answer))
        shown = av.VideoFrame.from_ndarray(written, format="rgb24")
        shown.pts, shown.time_base = frame.pts, frame.time_base
        return shown


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
