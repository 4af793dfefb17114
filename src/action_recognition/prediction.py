"""The answer for one video."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from action_recognition.clips import VideoClips
from action_recognition.errors import UsageError
from action_recognition.video import VideoInfo


@dataclass(frozen=True)
class Timings:
    """Seconds that each stage took."""

    open_s: float
    decode_s: float
    network_s: float

    @property
    def total_s(self) -> float:
        """All stages together."""
        return self.open_s + self.decode_s + self.network_s


@dataclass(frozen=True)
class Prediction:
    """The answer for one video.

    Parameters:
        file: name of the video.
        ranked: (action, probability), most probable first; probabilities are in 0..1 and sum
            to 1.
        clips_s: (start, end) in seconds of each clip that the network saw.
        video: facts about the video.
        timings: seconds for each stage.
        clips: the frames that the network saw, where `predict(keep_frames=True)` asked for them.
        familiarity: how known the video looks, the larger the more (see `Novelty.score`); None:
            the model has no rule for it.
        is_known: False where it is so unlike them that it shows none of the known actions; the
            probabilities then only say which of them is nearest. None as for `familiarity`.
        rules: what other rules, too, would go by; the larger, the more known.
    """

    file: str
    ranked: tuple[tuple[str, float], ...]
    clips_s: tuple[tuple[float, float], ...]
    video: VideoInfo
    timings: Timings
    clips: VideoClips | None = None
    familiarity: float | None = None
    is_known: bool | None = None
    rules: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        total = sum(p for _, p in self.ranked)
        if not self.ranked or not math.isclose(total, 1, abs_tol=1e-4):
            raise UsageError(f"Prediction: probabilities sum to {total}, must sum to 1")

    @property
    def action(self) -> str:
        """The most probable action."""
        return self.ranked[0][0]

    @property
    def probability(self) -> float:
        """The probability of that action."""
        return self.ranked[0][1]

    @property
    def probabilities(self) -> dict[str, float]:
        """Probability of each action, most probable first."""
        return dict(self.ranked)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, fit for JSON, as `action-recognition predict --json` prints them."""
        return {
            "file": self.file,
            "action": self.action,
            "probability": round(self.probability, 6),
            "known": self.is_known,
            "familiarity": None if self.familiarity is None else round(self.familiarity, 4),
            "probabilities": {action: round(p, 6) for action, p in self.ranked},
            "duration_s": round(self.video.duration_s, 3),
            "elapsed_s": round(self.timings.total_s, 3),
            "clips_s": [[round(a, 3), round(b, 3)] for a, b in self.clips_s],
            "timings_s": {k: round(v, 3) for k, v in asdict(self.timings).items()},
        }

    def __repr__(self) -> str:
        foreign = ", none of the known actions" if self.is_known is False else ""
        return f"Prediction({self.file!r}: {self.action} {self.probability:.1%}{foreign})"
