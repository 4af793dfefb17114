"""The answer for one video."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from action_recognition.clips import VideoClips
from action_recognition.errors import UsageError
from action_recognition.recognition.wording import percent
from action_recognition.video import VideoInfo

KNOWN = 0.5  # from this probability on, something is taken for one of the known actions
FILM_S = 15.0  # a longer video is a film: what it shows, and when, comes before a single answer
UNSURE = 0.5  # below this probability an answer is marked unsure


def rank(
    classes: Sequence[str], probabilities: NDArray[np.float64]
) -> tuple[tuple[str, float], ...]:
    """(action, probability) pairs, the most probable first."""
    order = np.argsort(-probabilities, kind="stable")
    return tuple((classes[k], float(probabilities[k])) for k in order)


@dataclass(frozen=True)
class Timings:
    """Seconds that each stage took."""

    open_s: float
    decode_s: float
    network_s: float

    @property
    def total_s(self) -> float:
        """The sum of all stages."""
        return self.open_s + self.decode_s + self.network_s


class Verdict:
    """What the answers for a video, a moment and a segment have in common.

    Subclasses provide `ranked`, ((action, probability), ...) with the most probable first and
    probabilities in 0..1 that sum to 1; and `known_probability`, in 0..1, the probability that it
    is one of the known actions at all.
    """

    ranked: tuple[tuple[str, float], ...]
    known_probability: float

    @property
    def action(self) -> str | None:
        """The most probable action, or None for none of the known actions."""
        return self.nearest_action if self.known_probability >= KNOWN else None

    @property
    def nearest_action(self) -> str:
        """The most probable of the known actions, whatever `action` says."""
        return self.ranked[0][0]

    @property
    def probability(self) -> float:
        """The probability of `nearest_action`, given that it is one of the known actions."""
        return self.ranked[0][1]

    @property
    def unsure(self) -> bool:
        """Whether a known action is seen, but no single one is more probable than not."""
        return self.action is not None and self.probability < UNSURE

    @property
    def probabilities(self) -> dict[str, float]:
        """Probability of each action, most probable first."""
        return dict(self.ranked)

    def verdict(self) -> dict[str, Any]:
        """The shared fields as plain values, ready for JSON."""
        return {
            "action": self.action,
            "nearest_action": self.nearest_action,
            "probability": round(self.probability, 6),
            "known_probability": round(self.known_probability, 4),
            "unsure": self.unsure,
        }


@dataclass(frozen=True)
class Prediction(Verdict):
    """The answer for one video.

    Parameters:
        file: file name of the video.
        ranked: (action, probability), most probable first; probabilities are in 0..1 and sum
            to 1.
        known_probability: the probability, in 0..1, that the video shows one of the known actions;
            1 if the model has no rule for it.
        clips_s: (start, end) of each stretch that the network saw, in seconds as a player counts.
        video: facts about the video.
        timings: seconds that each stage took.
        clips: the frames that the network saw, if requested with `predict(keep_frames=True)`.
    """

    file: str
    ranked: tuple[tuple[str, float], ...]
    known_probability: float
    clips_s: tuple[tuple[float, float], ...]
    video: VideoInfo
    timings: Timings
    clips: VideoClips | None = None

    def __post_init__(self) -> None:
        total = sum(p for _, p in self.ranked)
        if not self.ranked or not math.isclose(total, 1, abs_tol=1e-4):
            raise UsageError(f"Prediction: probabilities sum to {total}, must sum to 1")

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON, as `action-recognition predict --json` prints them."""
        return {
            "file": self.file,
            **self.verdict(),
            "probabilities": {action: round(p, 6) for action, p in self.ranked},
            "start_s": round(self.video.start_s, 3),
            "duration_s": round(self.video.duration_s, 3),
            "elapsed_s": round(self.timings.total_s, 3),
            "clips_s": [[round(a, 3), round(b, 3)] for a, b in self.clips_s],
            "timings_s": {k: round(v, 3) for k, v in asdict(self.timings).items()},
        }

    def __repr__(self) -> str:
        unknown = ", none of the known actions" if self.action is None else ""
        answer = f"{self.nearest_action} {percent(self.probability)}{unknown}"
        return f"Prediction({self.file!r}: {answer})"
