"""Compares exported files with this project's own answers, on real clips."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from action_recognition.exports.calibration import Calibration
from action_recognition.exports.export import FORMS, SUFFIXES, export_model
from action_recognition.exports.metadata import CLIP, STREAM
from action_recognition.exports.runners import Pair, open_runner
from action_recognition.recognition.calibrated import of_moment, of_video
from action_recognition.recognition.motion import Motion, nothing_moves
from action_recognition.recognition.recognizer import Recognizer

BATCHES, LENGTHS, PIECES = (1, 3, 8), (1, 7, 64), (1, 3, 7, 64)
CLOSE = 1e-4
INT8_CLOSE = 0.5  # rounding may decide between two likely answers, not turn a certain one round
_TIMED = 7  # runs, of which the median counts

Frames = NDArray[np.uint8]


@dataclass(frozen=True)
class Compared:
    """One exported file.

    Parameters:
        to, form: see `export_model`.
        name: of the file.
        bytes: of all that belongs to it.
        difference: the largest of probabilities and known probabilities, over all batches and
            lengths.
        opens_s: seconds from the call to an opened model.
        frame_s: seconds a frame of a clip of 25, one at a time where it is a stream.
        allowed: the difference that is no fault.
    """

    to: str
    form: str
    name: str
    bytes: int
    difference: float
    opens_s: float
    frame_s: float
    allowed: float = CLOSE


def compare(
    recognizer: Recognizer,
    clips: Sequence[Frames],
    folder: Path,
    *,
    formats: Sequence[str] = tuple(SUFFIXES),
    batches: Sequence[int] = BATCHES,
    lengths: Sequence[int] = LENGTHS,
    calibration: Calibration | None = None,
    on_file: Callable[[str], None] = lambda _: None,
) -> Iterator[Compared]:
    """Exports a model in every form and compares each with the recognizer's own answers.

    Parameters:
        clips: (T, size, size, 3) uint8 RGB each, of real videos; at least one.
        folder: where the files are written.
        batches, lengths: of clips, and of frames in them; shorter clips are played to and fro.
        calibration: where given, int8 files are compared, too.
        on_file: called with the name of each file as it begins.
    """
    inputs = {(b, t): _batch(clips, b, t) for b in batches for t in lengths}
    expected = {form: {at: _own(recognizer, x, form) for at, x in inputs.items()} for form in FORMS}
    for to in formats:
        for suffix in SUFFIXES[to]:
            for form in FORMS if to != "keras" else (CLIP,):
                for int8 in (False, True) if to == "onnx" and calibration else (False,):
                    path = folder / f"{form}{'-int8' if int8 else ''}{suffix}"
                    on_file(path.name)
                    chosen = calibration if int8 else None
                    made = export_model(
                        recognizer.model, path, to=to, form=form, calibration=chosen
                    )  # fmt: skip
                    size = sum(found.stat().st_size for found in made)
                    allowed = INT8_CLOSE if int8 else CLOSE
                    worst, opened, frame_s = _measure(path, to, form, inputs, expected[form], clips)
                    yield Compared(to, form, path.name, size, worst, opened, frame_s, allowed)


def _measure(
    path: Path,
    to: str,
    form: str,
    inputs: Mapping[tuple[int, int], Frames],
    expected: Mapping[tuple[int, int], Pair],
    clips: Sequence[Frames],
) -> tuple[float, float, float]:
    """The largest difference, the seconds to open the file, and those a frame."""
    started = time.perf_counter()
    run = open_runner(path, to, form)
    opened = time.perf_counter() - started
    worst = 0.0
    for piece in PIECES if form == STREAM else (None,):
        for at, frames in inputs.items():
            if piece is None or piece <= at[1]:
                worst = max(worst, difference(run(frames, piece), expected[at]))
    return worst, opened, _median(partial(run, piece=1), _batch(clips, 1, 25)) / 25


def difference(found: Pair, expected: Pair) -> float:
    """The largest difference; infinite where a number is none, or shapes differ."""
    if any(a.shape != b.shape for a, b in zip(found, expected, strict=True)):
        return float("inf")
    apart = [np.abs(a - b).max(initial=0) for a, b in zip(found, expected, strict=True)]
    return float(np.nan_to_num(apart, nan=np.inf).max())


def _own(recognizer: Recognizer, frames: Frames, form: str) -> Pair:
    """What `Recognizer` answers."""
    found = [(_clip if form == CLIP else _moments)(recognizer, one) for one in frames]
    return np.stack([p for p, _ in found]), np.stack([np.asarray(k) for _, k in found])


def _clip(recognizer: Recognizer, frames: Frames) -> tuple[Any, Any]:
    answer = recognizer.runtime.answer(frames[None])
    still = nothing_moves(frames[None])
    return of_video(recognizer.model, answer.logits, answer.likeness, still)


def _moments(recognizer: Recognizer, frames: Frames) -> tuple[Any, Any]:
    answer = recognizer.runtime.run(frames[None])
    still = list(Motion(recognizer.window).feed(frames))
    found = [
        of_moment(recognizer.model, logits, likeness, quiet)
        for logits, likeness, quiet in zip(answer.logits[0], answer.likeness[0], still, strict=True)
    ]
    return np.stack([p for p, _ in found]), np.stack([k for _, k in found])


def _batch(clips: Sequence[Frames], batch: int, times: int) -> Frames:
    """(batch, times, size, size, 3): clips, played to and fro until they are long enough."""
    chosen = [clips[k % len(clips)] for k in range(batch)]
    long = [np.concatenate([clip, clip[::-1]] * (times // (2 * len(clip)) + 1)) for clip in chosen]
    return np.stack([clip[:times] for clip in long])


def _median(run: Callable[[Frames], Pair], frames: Frames) -> float:
    run(frames)
    spent = []
    for _ in range(_TIMED):
        started = time.perf_counter()
        run(frames)
        spent.append(time.perf_counter() - started)
    return float(np.median(spent))
