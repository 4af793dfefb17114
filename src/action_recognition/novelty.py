""" "None of these": how near a video is to what the network has seen in training.

The score is the cosine similarity to the k-th nearest training clip in the space of the trunk's
features (Sun, Ming, Zhu, Li, "Out-of-Distribution Detection with Deep Nearest Neighbors", ICML
2022). Unlike the softmax, which shares out certainty among the known classes whatever comes, it
falls for what is like none of them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from action_recognition.errors import UsageError


@dataclass(frozen=True)
class Novelty:
    """The rule that tells known from foreign.

    Parameters:
        references: (N, D) float16, unit vectors: training clips, `centre` taken off.
        centre: (D,) float32, mean of the training clips' features.
        neighbours: k, from 1 to N.
        threshold: videos with a smaller score are foreign.
    """

    references: NDArray[np.float16]
    centre: NDArray[np.float32]
    neighbours: int
    threshold: float

    def __post_init__(self) -> None:
        if self.references.ndim != 2 or self.centre.shape != self.references.shape[1:]:
            raise UsageError(
                f"Novelty: references {self.references.shape} and centre {self.centre.shape} "
                "do not fit each other"
            )
        if not 1 <= self.neighbours <= len(self.references):
            raise UsageError(
                f"Novelty: neighbours={self.neighbours}, must be from 1 to {len(self.references)}"
            )
        if not math.isfinite(self.threshold):
            raise UsageError(f"Novelty: threshold={self.threshold}, must be finite")

    def score(self, features: NDArray[np.float64]) -> float:
        """Similarity, in -1..1, of a video's features (D,) to its k-th nearest training clip."""
        similar = self.references.astype(np.float32) @ _unit(features - self.centre)
        return float(np.partition(similar, -self.neighbours)[-self.neighbours])


def fit_novelty(
    train: NDArray[np.float64], known: NDArray[np.float64], *, neighbours: int = 5, kept: float
) -> Novelty:
    """Sets the rule up.

    Parameters:
        train: (N, D) features of training clips.
        known: (M, D) features of validation videos of the known classes.
        kept: share of those, in 0..1, that is to be taken for known.
    """
    if not 0 < kept <= 1:
        raise UsageError(f"fit_novelty: kept={kept}, must be more than 0 and at most 1")
    centre = train.mean(0).astype(np.float32)
    references = np.stack([_unit(row) for row in train - centre]).astype(np.float16)
    rule = Novelty(references, centre, min(neighbours, len(references)), 0.0)
    scores = [rule.score(row) for row in known]
    threshold = float(np.quantile(scores, 1 - kept, method="lower"))
    return Novelty(references, centre, rule.neighbours, threshold)


def _unit(vector: NDArray[np.float64]) -> NDArray[np.float32]:
    return (vector / max(float(np.linalg.norm(vector)), 1e-12)).astype(np.float32)
