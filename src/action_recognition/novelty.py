""" "None of these": how near a video is to what the network has seen in training.

The score is the cosine similarity to the k-th nearest training clip in the space of the trunk's
features (Sun, Ming, Zhu, Li, "Out-of-Distribution Detection with Deep Nearest Neighbors", ICML
2022). Unlike the softmax, which shares out certainty among the known classes whatever comes, it
falls for what is like none of them.

A network that has learned background classes, examples of other actions, has a second opinion:
how likely the known classes are against those. The score is then the mean of both, each measured
in standard deviations of the known validation videos.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

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
        similarity, odds: (mean, standard deviation) of the two parts of the score over known
            validation videos; None: there are no background classes, the similarity is the score.
    """

    references: NDArray[np.float16]
    centre: NDArray[np.float32]
    neighbours: int
    threshold: float
    similarity: tuple[float, float] | None = None
    odds: tuple[float, float] | None = None

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
        for mean, deviation in filter(None, (self.similarity, self.odds)):
            if not (math.isfinite(mean) and 0 < deviation < math.inf):
                raise UsageError(f"Novelty: mean {mean} and deviation {deviation} make no sense")

    def score(self, features: NDArray[np.float64], odds: float | None = None) -> float:
        """How known a video is: the larger, the more.

        Parameters:
            features: (D,) of the video.
            odds: what `known_odds` gives for it, where there are background classes.

        Returns:
            the mean of similarity and odds, in standard deviations of known videos; without
            background classes, the similarity.
        """
        near = self.nearest(features)
        if self.similarity is None or self.odds is None or odds is None:
            return near
        parts = ((near, self.similarity), (odds, self.odds))
        return sum((value - mean) / deviation for value, (mean, deviation) in parts) / 2

    def nearest(self, features: NDArray[np.float64]) -> float:
        """Similarity, in -1..1, of a video's features (D,) to its k-th nearest training clip."""
        similar = self.references.astype(np.float32) @ _unit(features - self.centre)
        return float(np.partition(similar, -self.neighbours)[-self.neighbours])


def fit_novelty(
    train: NDArray[np.float64],
    known: NDArray[np.float64],
    odds: Sequence[float] | None = None,
    *,
    neighbours: int = 5,
    kept: float,
) -> Novelty:
    """Sets the rule up.

    Parameters:
        train: (N, D) features of training clips.
        known: (M, D) features of validation videos of the known classes.
        odds: of those videos, as `known_odds` gives them; None: there are no background classes.
        kept: share of those, in 0..1, that is to be taken for known.
    """
    if not 0 < kept <= 1:
        raise UsageError(f"fit_novelty: kept={kept}, must be more than 0 and at most 1")
    centre = train.mean(0).astype(np.float32)
    references = np.stack([_unit(row) for row in train - centre]).astype(np.float16)
    rule = Novelty(references, centre, min(neighbours, len(references)), 0.0)
    if odds is not None:
        near = [rule.nearest(row) for row in known]
        rule = replace(rule, similarity=_spread(near), odds=_spread(odds))
    scores = [rule.score(row, None if odds is None else odds[k]) for k, row in enumerate(known)]
    return replace(rule, threshold=float(np.quantile(scores, 1 - kept, method="lower")))


def known_odds(logits: NDArray[np.float64], known: int) -> float | None:
    """Logarithm of how much likelier the known classes are than the background classes.

    Parameters:
        logits: (clips, classes) of a video; those of the background come last.
        known: number of known classes.

    Returns:
        mean over the clips; None: there is no background class.
    """
    if logits.shape[1] == known:
        return None
    parts = np.logaddexp.reduce(logits[:, :known], 1), np.logaddexp.reduce(logits[:, known:], 1)
    return float((parts[0] - parts[1]).mean())


def _spread(values: Sequence[float]) -> tuple[float, float]:
    """Mean and standard deviation; equal values spread by a little."""
    return float(np.mean(values)), max(float(np.std(values)), 1e-6)


def _unit(vector: NDArray[np.float64]) -> NDArray[np.float32]:
    return (vector / max(float(np.linalg.norm(vector)), 1e-12)).astype(np.float32)
