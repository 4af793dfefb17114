""" "None of these": how much a video is like the known actions.

Opinions, each of which falls for what is like none of them:

- the energy of the known classes' logits (Liu, Wang, Owens, Li, "Energy-based Out-of-distribution
  Detection", NeurIPS 2020), which the softmax divides away;
- the cosine similarity to the nearest class mean in the space of the trunk's features, as in
  nearest-mean classifiers (Mensink et al., TPAMI 2013);
- where the network has learned background classes, examples of other actions, how likely the known
  classes are against those (as Outlier Exposure, Hendrycks, Mazeika, Dietterich, ICLR 2019, but
  with the outliers in classes of their own);
- where there are clips of other actions, a logistic regression that tells known actions from those
  by the trunk's features. It reads what moves only, where the network has a stream for that: on
  classes that neither the network nor the regression had seen, that carried further than looks.

The score is the mean of some, each measured in standard deviations of the known validation videos:
of the regression and the energy where there is a regression, else of all. The others are there to
compare.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from action_recognition.errors import UsageError

ENERGY = "energy"
NEAREST = "nearest class mean"
BACKGROUND = "background classes"
OTHERS = "against other actions"
_NAMES = (ENERGY, NEAREST, BACKGROUND, OTHERS)
# Of the regression: what its squared weights cost, in units of the mean loss of a clip.
_DECAY = 0.01


@dataclass(frozen=True)
class Novelty:
    """The rule that tells known from foreign.

    Parameters:
        means: (K, D) float16, unit vectors: mean features of the training clips of each known
            class, `centre` taken off.
        centre: (D,) float32, mean of the features of all of them.
        spread: (mean, standard deviation) over known validation videos of each opinion that
            counts, by its name.
        threshold: videos with a smaller score are foreign.
        others: weights (D + 1,) float32 of the regression, the intercept last; None: there is none.
    """

    means: NDArray[np.float16]
    centre: NDArray[np.float32]
    spread: Mapping[str, tuple[float, float]]
    threshold: float
    others: NDArray[np.float32] | None = None

    def __post_init__(self) -> None:
        if self.means.ndim != 2 or self.centre.shape != self.means.shape[1:]:
            raise UsageError(
                f"Novelty: means {self.means.shape} and centre {self.centre.shape} "
                "do not fit each other"
            )
        if self.others is not None and self.others.shape != (self.means.shape[1] + 1,):
            raise UsageError(
                f"Novelty: weights {self.others.shape} do not fit means {self.means.shape}"
            )
        if OTHERS in self.spread and self.others is None:
            raise UsageError(f"Novelty: opinion {OTHERS!r} needs weights")
        if not math.isfinite(self.threshold):
            raise UsageError(f"Novelty: threshold={self.threshold}, must be finite")
        for name, (mean, deviation) in self.spread.items():
            if name not in _NAMES:
                raise UsageError(f"Novelty: opinion {name!r} is not known")
            if not (math.isfinite(mean) and 0 < deviation < math.inf):
                raise UsageError(
                    f"Novelty: mean {mean} and deviation {deviation} of {name!r} make no sense"
                )

    def opinions(
        self, logits: NDArray[np.float64], features: NDArray[np.float64]
    ) -> dict[str, float]:
        """How known a video is by each opinion: the larger, the more.

        Parameters:
            logits: (clips, classes) of the video; those of the background come last.
            features: (D,), their mean over the clips.
        """
        known = len(self.means)
        found = {ENERGY: energy(logits, known), NEAREST: self._nearest(features)}
        if logits.shape[1] > known:
            found[BACKGROUND] = known_odds(logits, known)
        if self.others is not None:
            found[OTHERS] = float(self.others[:-1] @ features + self.others[-1])
        return found

    def score(self, opinions: Mapping[str, float]) -> float:
        """Their mean, in standard deviations of known videos: the larger, the more known."""
        parts = [
            (opinions[name] - mean) / deviation for name, (mean, deviation) in self.spread.items()
        ]
        return sum(parts) / len(parts)

    def known_probability(self, score: float) -> float:
        """In 0..1, 0.5 at the threshold: how sure the rule is, for what weighs several moments.

        A logistic curve over the score; its slope of 2 for a standard deviation is not fitted.
        """
        return 1 / (1 + math.exp(min(50.0, 2 * (self.threshold - score))))

    def _nearest(self, features: NDArray[np.float64]) -> float:
        return float((self.means.astype(np.float32) @ _unit(features - self.centre)).max())


def fit_novelty(
    train: NDArray[np.float64],
    labels: Sequence[int],
    known: Sequence[tuple[NDArray[np.float64], NDArray[np.float64]]],
    *,
    kept: float,
    others: tuple[NDArray[np.float64], Sequence[str]] | None = None,
    part: slice = slice(None),
) -> Novelty:
    """Sets the rule up.

    Parameters:
        train: (N, D) features of training clips of the known classes.
        labels: the class of each, 0 to K - 1, each at least once.
        known: (logits, features), as for `opinions`, of validation videos of the known classes.
        kept: share of those, in 0..1, that is to be taken for known.
        others: (M, D) features of training clips of other actions, and the class of each.
        part: the features that the regression reads.
    """
    if not 0 < kept <= 1:
        raise UsageError(f"fit_novelty: kept={kept}, must be more than 0 and at most 1")
    weights = None if others is None else regression(train, labels, *others, part)
    rule = Novelty(*class_means(train, labels), {}, 0.0, weights)
    found = [rule.opinions(logits, features) for logits, features in known]
    deciding = tuple(found[0]) if others is None else (ENERGY, OTHERS)
    rule = replace(rule, spread={name: _spread([o[name] for o in found]) for name in deciding})
    scores = [rule.score(opinions) for opinions in found]
    return replace(rule, threshold=float(np.quantile(scores, 1 - kept, method="lower")))


def class_means(
    train: NDArray[np.float64], labels: Sequence[int]
) -> tuple[NDArray[np.float16], NDArray[np.float32]]:
    """`Novelty.means` and `Novelty.centre`; parameters as for `fit_novelty`.

    The centre is that of the classes, not of the clips: a large class does not draw it near.
    """
    classes = np.asarray(labels)
    means = np.stack([train[classes == k].mean(0) for k in range(int(classes.max()) + 1)])
    centre = means.mean(0)
    units = np.stack([_unit(row) for row in means - centre])
    return units.astype(np.float16), centre.astype(np.float32)


def energy(logits: NDArray[np.float64], known: int) -> float:
    """Logarithm of the sum of the exponentials of the known classes' logits (their negative
    energy), mean over the clips. `logits` is (clips, classes), the first `known` are known.
    """
    return float(np.logaddexp.reduce(logits[:, :known], 1).mean())


def known_odds(logits: NDArray[np.float64], known: int) -> float:
    """Logarithm of how much likelier the known classes are than the background classes.

    Parameters:
        logits: (clips, classes) of a video; those of the background, at least one, come last.
        known: number of known classes.

    Returns:
        mean over the clips.
    """
    background = np.logaddexp.reduce(logits[:, known:], 1)
    return energy(logits, known) - float(background.mean())


def regression(
    known: NDArray[np.float64],
    labels: Sequence[int],
    others: NDArray[np.float64],
    names: Sequence[str],
    part: slice,
) -> NDArray[np.float32]:
    """`Novelty.others`; parameters as for `fit_novelty`.

    Known and other actions weigh the same, and so do the classes of each.
    """
    from sklearn.linear_model import LogisticRegression

    features = np.concatenate([known, others])[:, part]
    sides = [np.unique(np.asarray(side), return_inverse=True)[1] for side in (labels, names)]
    shares = [1 / (2 * len(np.bincount(side)) * np.bincount(side)[side]) for side in sides]
    centre, deviation = features.mean(0), features.std(0) + 1e-3
    truth = np.repeat([1, 0], [len(known), len(others)])
    model = LogisticRegression(C=1 / (2 * _DECAY), max_iter=1000)
    model.fit((features - centre) / deviation, truth, sample_weight=np.concatenate(shares))
    slopes = model.coef_[0] / deviation
    weights = np.zeros(known.shape[1] + 1, np.float32)
    weights[:-1][part] = slopes
    weights[-1] = model.intercept_[0] - slopes @ centre
    return weights


def _spread(values: Sequence[float]) -> tuple[float, float]:
    """Mean and standard deviation; equal values spread by a little."""
    return float(np.mean(values)), max(float(np.std(values)), 1e-6)


def _unit(vector: NDArray[np.float64]) -> NDArray[np.float32]:
    return (vector / max(float(np.linalg.norm(vector)), 1e-12)).astype(np.float32)
