"""A model is taught by corrections: how strongly, and whether it helps, say held-back ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from action_recognition.errors import DataError
from action_recognition.models.model_file import Model
from action_recognition.recognition.calibrated import of_moment
from action_recognition.recognition.recognizer import Recognizer
from action_recognition.recognition.results import KNOWN
from action_recognition.training.anchored import (
    Lesson,
    likeness_of,
    logits_of,
    new_classes,
    teach,
    usable,
)
from action_recognition.training.segment_reading import Seen

STRENGTHS = (0.3, 3.0, 1.0, 0.1, 0.03, 0.01)  # the first is taken where nothing can be held back
_FOLDS = 5


@dataclass(frozen=True)
class Figures:
    """How many held-back segments the old and the new model answer rightly.

    Parameters:
        segments: held back.
        old, new: answered rightly by each; "none of these" counts like any answer.
    """

    segments: int
    old: int
    new: int


@dataclass(frozen=True)
class Taught:
    """A model that was taught, and its figures.

    Parameters:
        model: the new model.
        corrected, confirmed: figures of the corrected or added segments, and of the confirmed.
        by_video: whole videos were held back; False: there is one video only, and segments were.
        untested: segments whose action is nowhere else, so that they could not be held back.
        unused: segments of "none" that a model without background classes cannot learn.
        strength: how strongly it was drawn to the old one.
    """

    model: Model
    corrected: Figures
    confirmed: Figures
    by_video: bool
    untested: int
    unused: int
    strength: float

    def to_markdown(self, old: str, new: str) -> str:
        """A table; the names are those of the models."""
        rows = [("held back", "segments", old, new)]
        for name, f in (("corrected or added", self.corrected), ("confirmed", self.confirmed)):
            rows.append((name, str(f.segments), f"{f.old} right", f"{f.new} right"))
        widths = [max(len(row[k]) for row in rows) for k in range(4)]
        lines = [
            "| " + " | ".join(t.ljust(w) for t, w in zip(row, widths, strict=True)) + " |"
            for row in rows
        ]
        lines.insert(1, "|" + "|".join("-" * (w + 2) for w in widths) + "|")
        return "\n".join(lines)


def correct(
    recognizer: Recognizer,
    seen: Sequence[Seen],
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> Taught:
    """Teaches the model of a recognizer.

    Each fifth of the videos is held back in turn: the model that is taught by the others, with a
    strength that is chosen without it, answers it. With one video, this is done with its segments.

    Parameters:
        seen: what its network says of the segments and of the rest of their videos.
        on_progress: called with (trainings done, trainings in total).

    Raises:
        DataError: there is nothing to learn from.
    """
    model = recognizer.model
    named = [s for s in seen if s.segment is not None]
    kept = [s for s in named if usable(model, s)]
    rest = [s for s in seen if s.segment is None]
    if not kept:
        raise DataError("the project file holds no segment that this model can learn from")
    by_video = len({s.video for s in kept}) > 1
    folds = _folds(kept, by_video=by_video)
    counts = {"confirmed": np.zeros(3, int), "corrected": np.zeros(3, int)}
    untested = 0
    for k, held in enumerate(folds):
        train, others = _without(kept, rest, held, by_video=by_video)
        found = train and teach(model, [*train, *others], strength=_strength(model, train, others))
        for s in held:
            assert s.segment is not None
            if not found or s.segment.action in new_classes(found, [s]):
                untested += 1
                continue
            kind = "confirmed" if s.segment.kind == "confirmed" else "corrected"
            right = [_answer(recognizer, m, s) == s.segment.action for m in (model, found)]
            counts[kind] += np.array([1, *right])
        on_progress(k + 1, len(folds) + 1)
    strength = _strength(model, kept, rest)
    taught = teach(model, [*kept, *rest], strength=strength)
    on_progress(len(folds) + 1, len(folds) + 1)
    return Taught(
        model=replace(taught, metrics={}),
        corrected=Figures(*counts["corrected"].tolist()),
        confirmed=Figures(*counts["confirmed"].tolist()),
        by_video=by_video,
        untested=untested,
        unused=len(named) - len(kept),
        strength=strength,
    )


def _folds(kept: Sequence[Seen], *, by_video: bool) -> list[list[Seen]]:
    """Parts of the segments, each of which is held back once; a video is in one of them."""
    groups = sorted({s.video for s in kept}) if by_video else list(range(len(kept)))
    count = min(_FOLDS, len(groups))
    of = {group: k % count for k, group in enumerate(groups)}
    parts: list[list[Seen]] = [[] for _ in range(count)]
    for k, s in enumerate(kept):
        parts[of[s.video if by_video else k]].append(s)
    return parts


def _without(
    kept: Sequence[Seen], rest: Sequence[Seen], held: Sequence[Seen], *, by_video: bool
) -> tuple[list[Seen], list[Seen]]:
    """The other segments, and the rest of their videos."""
    ids, videos = {id(s) for s in held}, {s.video for s in held}
    others = [s for s in rest if not (by_video and s.video in videos)]
    return [s for s in kept if id(s) not in ids], others


def _strength(model: Model, kept: Sequence[Seen], rest: Sequence[Seen]) -> float:
    """The largest strength with which held-back segments are as probable as with the best.

    Within one standard error, that is, as in Hastie, Tibshirani and Friedman, The Elements of
    Statistical Learning, 2nd edition, section 7.10: what was learned before is kept where
    corrections do not speak against it.
    """
    by_video = len({s.video for s in kept}) > 1
    folds = _folds(kept, by_video=by_video)
    if len(folds) < 2:
        return STRENGTHS[0]
    loss: dict[float, list[float]] = {strength: [] for strength in STRENGTHS}
    for held in folds:
        train, others = _without(kept, rest, held, by_video=by_video)
        lesson = Lesson(model, [*train, *others])
        for strength in STRENGTHS:
            found = lesson.learned(strength)
            loss[strength] += [_loss(model, found, s) for s in held]
    mean = {strength: float(np.mean(losses)) for strength, losses in loss.items()}
    best = loss[min(mean, key=mean.__getitem__)]
    limit = np.mean(best) + np.std(best) / np.sqrt(len(best))
    return max(strength for strength, value in mean.items() if value <= limit)


def _loss(old: Model, new: Model, s: Seen) -> float:
    """-ln of the mean probability of what is right, over all outputs; 0 if it is not known."""
    assert s.segment is not None
    if s.segment.action in new_classes(new, [s]):
        return 0.0
    scaled = logits_of(old, new, s).mean(0) / (new.window_temperature or new.temperature)
    log_p = scaled - np.logaddexp.reduce(scaled)
    if s.segment.action is None:
        return -float(np.logaddexp.reduce(log_p[len(new.classes) :]))
    return -float(log_p[new.classes.index(s.segment.action)])


def _answer(recognizer: Recognizer, model: Model, s: Seen) -> str | None:
    """The action of a segment, as a moment of a timeline is decided; None: none of the known."""
    logits = logits_of(recognizer.model, model, s).mean(0)
    likeness = likeness_of(model, s).mean(0)
    probabilities, known = of_moment(model, logits, likeness, s.still)
    return model.classes[int(probabilities.argmax())] if known >= KNOWN else None
