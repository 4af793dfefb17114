""" "None of these": how probable it is that a video shows one of the known actions at all.

A logistic regression, fitted on known actions against others, reads

- what the dense layer reads, the hidden layer;
- the energy of the known classes' logits (Liu, Wang, Owens, Li, "Energy-based Out-of-distribution
  Detection", NeurIPS 2020), which the softmax divides away;
- how likely the known classes are against the background classes, examples of other actions that
  the network has learned (as Outlier Exposure, Hendrycks, Mazeika, Dietterich, ICLR 2019, but with
  the outliers in classes of their own), where it has such.

Its threshold is set on validation videos, so that a given share of the known ones is kept.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from action_recognition.errors import UsageError
from action_recognition.models.hybridnet import Architecture


@dataclass(frozen=True)
class OpenSetRule:
    """The rule that tells known from unknown.

    Parameters:
        weights: (inputs,) float32, of the regression, for what `OpenSetRule.inputs` counts.
        threshold: from this score on, a video is taken for known.
        slope: how fast the known probability rises with the score; more than 0.
    """

    ARRAYS: ClassVar = ("weights",)

    weights: NDArray[np.float32]
    threshold: float
    slope: float = 1.0

    def __post_init__(self) -> None:
        if self.weights.ndim != 1:
            raise UsageError(f"OpenSetRule: weights of shape {self.weights.shape}, must be a row")
        if not (math.isfinite(self.threshold) and 0 < self.slope < math.inf):
            raise UsageError(
                f"OpenSetRule: threshold={self.threshold}, slope={self.slope} make no sense"
            )

    @staticmethod
    def inputs(architecture: Architecture, known: int) -> int:
        """How many numbers the rule reads of a network with so many known classes."""
        return architecture.hidden + 1 + (architecture.classes > known)

    @classmethod
    def of(cls, arrays: Mapping[str, NDArray[Any]], numbers: Mapping[str, Any]) -> OpenSetRule:
        """The inverse of `arrays` and `numbers`."""
        return cls(
            arrays["weights"].astype(np.float32),
            float(numbers["threshold"]),
            float(numbers["slope"]),
        )

    def arrays(self) -> dict[str, NDArray[np.float32]]:
        """Its arrays by name, for a file."""
        return {"weights": self.weights}

    def numbers(self) -> dict[str, float]:
        """Its single numbers, for a file."""
        return {"threshold": self.threshold, "slope": self.slope}

    def score(
        self, logits: NDArray[np.floating], features: NDArray[np.floating], known: int
    ) -> float:
        """Of a video or a moment, see `inputs_of`: the larger, the more known."""
        return float(inputs_of(logits, features, known) @ self.weights)

    def known_probability(
        self, logits: NDArray[np.floating], features: NDArray[np.floating], known: int
    ) -> float:
        """In 0..1, 0.5 at the threshold."""
        over = self.slope * (self.score(logits, features, known) - self.threshold)
        return 1 / (1 + math.exp(min(50.0, -over)))


def inputs_of(
    logits: NDArray[np.floating], features: NDArray[np.floating], known: int
) -> NDArray[np.float64]:
    """What the regression reads.

    Parameters:
        logits: (..., classes), the first `known` of the known classes.
        features: (..., hidden), see `Output.features`.

    Returns:
        (..., inputs).
    """
    energy = np.logaddexp.reduce(logits[..., :known], -1)
    derived = [energy]
    if logits.shape[-1] > known:
        derived.append(energy - np.logaddexp.reduce(logits[..., known:], -1))
    return np.concatenate([features, np.stack(derived, -1)], -1).astype(np.float64)
