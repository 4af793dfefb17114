"""From moments to segments: which action lasts from when to when.

A hidden Markov model over the actions and "none of these" smooths the answers for single moments:
an action continues more often than it changes, so a lone moment that disagrees with its neighbours
is overruled, while several in a row are not. The most probable path (Viterbi) is followed as
moments arrive; each is decided once `lag` later ones are known, which bounds the memory.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from action_recognition.errors import UsageError
from action_recognition.recognition.results import UNSURE


@dataclass(frozen=True)
class Moment:
    """The answer of the network for one moment of a video.

    Parameters:
        time_s: the middle of the window that it covers, in seconds as a player counts.
        probabilities: (classes,) in 0..1, with sum 1.
        known_probability: the probability, in 0..1, that it is one of the known actions; 1 if the
            model has no rule for it.
    """

    time_s: float
    probabilities: NDArray[np.float64]
    known_probability: float = 1.0


@dataclass(frozen=True)
class Segment:
    """A stretch of a video that shows one action.

    Parameters:
        start_s, end_s: in seconds as a player counts, which starts where the sound or the picture
            does, whichever is first.
        action: name of the action, or None for none of the known actions.
        nearest_action: the known action with the highest mean probability; `action` where that
            is not None.
        probability: mean probability of `nearest_action` over the moments, in 0..1.
        known_probability: mean probability, in 0..1, that it is one of the known actions.
        second_action: the one with the next highest mean probability; None where there is no other.
        second_probability: that of `second_action`.
    """

    start_s: float
    end_s: float
    action: str | None
    nearest_action: str
    probability: float
    known_probability: float
    second_action: str | None = None
    second_probability: float = 0.0

    @property
    def unsure(self) -> bool:
        """Whether a known action is seen, but no single one is more probable than not."""
        return self.action is not None and self.probability < UNSURE

    @property
    def label(self) -> str | None:
        """The action in words, the two nearest where it is unsure; None for no known action.

        >>> Segment(0, 1, "Run", "Run", 0.41, 1.0, "Walk", 0.35).label
        'Unsure: Run or Walk'
        """
        if not self.unsure:
            return self.action
        names = [self.nearest_action, *([self.second_action] if self.second_action else [])]
        return f"Unsure: {' or '.join(names)}"

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return {
            "start_s": round(self.start_s, 3),
            "end_s": round(self.end_s, 3),
            "action": self.action,
            "nearest_action": self.nearest_action,
            "probability": round(self.probability, 4),
            "known_probability": round(self.known_probability, 4),
            "unsure": self.unsure,
            "second_action": self.second_action,
            "second_probability": round(self.second_probability, 4),
        }


def find_segments(
    moments: Iterable[Moment],
    classes: tuple[str, ...],
    *,
    step_s: float,
    dwell_s: float,
    start_s: float = 0.0,
    end_s: float | None = None,
) -> Iterator[Segment]:
    """Yields segments in order and without gaps, each as soon as it has ended.

    Parameters:
        moments: in order of time, `step_s` seconds apart.
        dwell_s: how long an action lasts on average, in seconds; 0 disables smoothing: each
            moment gets its own most probable answer.
        start_s: start of the video in seconds.
        end_s: end of the video in seconds; None: half a step after the last moment.
    """
    if not (step_s > 0 and dwell_s >= 0):
        raise UsageError(f"find_segments: step_s={step_s}, dwell_s={dwell_s} make no sense")
    path = _Path(len(classes) + 1, math.exp(-step_s / dwell_s) if dwell_s else None)
    last_s = start_s
    state: int | None = None
    inside, count = np.zeros(len(classes) + 1), 0  # sums of probabilities, then of known

    def closed(at_s: float) -> Segment:
        assert state is not None
        *shares, known = (inside / count).tolist()
        ranked = sorted(range(len(classes)), key=lambda k: -shares[k])
        nearest = state if state < len(classes) else ranked[0]
        second = next((k for k in ranked if k != nearest), None)
        return Segment(
            start_s=start_s,
            end_s=at_s,
            action=classes[state] if state < len(classes) else None,
            nearest_action=classes[nearest],
            probability=shares[nearest],
            known_probability=known,
            second_action=None if second is None else classes[second],
            second_probability=0.0 if second is None else shares[second],
        )

    for moment, decided in path.follow(moments):
        if state is not None and decided != state:
            border = (last_s + moment.time_s) / 2
            yield closed(border)
            start_s, inside, count = border, np.zeros_like(inside), 0
        state, last_s = decided, moment.time_s
        inside = inside + np.append(moment.probabilities, moment.known_probability)
        count += 1
    if state is not None:
        yield closed(last_s + step_s / 2 if end_s is None else max(end_s, start_s))


def _evidence(moment: Moment) -> NDArray[np.float64]:
    """The evidence for each action, then for none of them, in 0..1.

    The best action gets all the evidence for a known one: "none of these" must not win only because
    many actions share that evidence.
    """
    actions = moment.probabilities / moment.probabilities.max()
    return np.append(actions * moment.known_probability, 1 - moment.known_probability)


class _Path:
    """The most probable path through the moments, decided `lag` moments late.

    Parameters:
        states: number of them.
        stay: probability that the next moment has the same state; None: moments are independent.
    """

    def __init__(self, states: int, stay: float | None) -> None:
        self.states, self.stay = states, stay
        # The odds of a change are spent after so many moments: later ones hardly move a decision.
        self.lag = 0 if stay is None else max(1, min(60, round(3 / (1 - stay))))

    def follow(self, moments: Iterable[Moment]) -> Iterator[tuple[Moment, int]]:
        """Yields each moment with the state decided for it."""
        if self.stay is None:
            for moment in moments:
                yield moment, int(_evidence(moment).argmax())
            return
        change = math.log((1 - self.stay) / (self.states - 1))
        keep = math.log(self.stay)
        scores: NDArray[np.float64] | None = None
        waiting: deque[tuple[Moment, NDArray[np.int64]]] = deque()  # with where each came from
        for moment in moments:
            seen = np.log(_evidence(moment) + 1e-6)
            if scores is None:
                came_from = np.arange(self.states)
                scores = seen
            else:
                best = int(scores.argmax())
                stayed, changed = scores + keep, scores[best] + change
                came_from = np.where(stayed >= changed, np.arange(self.states), best)
                scores = np.maximum(stayed, changed) + seen
            scores = scores - scores.max()
            waiting.append((moment, came_from))
            if len(waiting) > self.lag:
                first, _ = waiting[0]
                yield first, self._back(scores, waiting)[0]
                waiting.popleft()
        if scores is not None:
            states = self._back(scores, waiting)
            yield from ((moment, state) for (moment, _), state in zip(waiting, states, strict=True))

    @staticmethod
    def _back(
        scores: NDArray[np.float64], waiting: deque[tuple[Moment, NDArray[np.int64]]]
    ) -> list[int]:
        """The states of the waiting moments on the currently best path."""
        state = int(scores.argmax())
        states = [state]
        for _, came_from in list(waiting)[:0:-1]:
            state = int(came_from[state])
            states.append(state)
        return states[::-1]
