"""The second opinion of a trained network: Fisher vectors, and a dense layer that reads them."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray

from action_recognition.calibration import video_probabilities
from action_recognition.datasets.framecache import FrameCache
from action_recognition.datasets.manifest import Manifest
from action_recognition.errors import DataError, UsageError
from action_recognition.fisher import FisherVector
from action_recognition.model import HybridNet
from action_recognition.modelfile import Model
from action_recognition.training.augmentation import Augmentation
from action_recognition.training.precompute import RandomMaps, VideoMaps

KINDS, WIDTH = 64, 64
VERSIONS = 6  # random clips of each train video
_PATTERNS = 100  # of a video at most, to which the components are fitted
_POOL = 200_000  # of all videos together, about
_LEAST = 0.01  # variance of a kind of patterns, relative to that of all
_VECTORS = 12_000  # fewer random clips of each video are taken where there would be more: memory
_MIXED = 50_000  # patterns at most that the mixture is fitted to
# Of the dense layer, as scikit-learn has it: the inverse of what its squared weights cost.
_FREEDOM = 5.0
_MOST = 3.0  # logarithm of the scale of an opinion, up or down


def add_fisher(
    model: Model,
    manifest: Manifest,
    cache: FrameCache,
    *,
    kinds: int = KINDS,
    width: int = WIDTH,
    versions: int = VERSIONS,
    like: Model | None = None,
    augmentation: Augmentation | None = None,
    workers: int = 1,
    on_progress: Callable[[int, int], None] | None = None,
) -> Model:
    """The model with Fisher vectors beside what it has; nothing else of it changes but its scale.

    Mixture and dense layer are fitted to random clips of the train side, background classes among
    them. How much each of the two opinions counts is fitted to the validation videos: the least
    negative log-likelihood of the video's probabilities. Temperature and rule have to be made anew
    (`calibrate`).

    Parameters:
        cache: for the model's preprocessing.
        kinds, width: K and D of `FisherVector`; there are at most as many numbers as channels.
        like: as for `calibrate`: a model whose opinions count as much as they are to count here.

    Raises:
        UsageError: the model has Fisher vectors, or a number is out of range, or `like` has not
            recorded how much its opinions count.
        DataError: a class has no train clip, there are no validation clips, or too few patterns.
    """
    if model.network.fisher_dense is not None:
        raise UsageError("the model has Fisher vectors already")
    for name, value in (("kinds", kinds), ("versions", versions)):
        if value < 1:
            raise UsageError(f"Fisher vectors: {name} is {value}, must be at least 1")
    names = [*model.classes, *model.background]
    target = {name: k for k, name in enumerate(names)}
    train = [c for c in manifest.side("train") if c.label in target]
    val = [c for c in manifest.side("val") if c.label in model.classes]
    scales = None if like is None else recorded_scales(like)
    missing = sorted(set(names) - {c.label for c in train})
    if missing:
        raise DataError(f"class {missing[0]!r} has no clip on the side 'train'")
    if scales is None and not val:
        raise DataError("there is no clip on the side 'val'")
    width = min(width, 2 * model.network.mapped)
    architecture = replace(model.network.architecture, fisher=kinds, fisher_width=width)
    network = HybridNet(architecture).eval()
    network.load_state_dict(model.network.state_dict(), strict=False)
    maps = RandomMaps(
        network, train, target, cache, augmentation or Augmentation(),
        versions=versions, workers=workers, on_progress=on_progress,
    )  # fmt: skip
    _fit_mixtures(network, maps)
    _fit_dense(network, maps)
    if scales is None:
        seen = VideoMaps(network, val, target, cache, count=model.clips)
        scales = _balance(network, seen, len(model.classes))
    _scale(network, scales)
    record = {"kinds": kinds, "width": width, "versions": versions, "scales": list(scales)}
    training = {**model.training, "fisher": record}
    return replace(
        model, network=network, temperature=1.0, novelty=None, metrics={}, training=training
    )


def recorded_scales(model: Model) -> tuple[float, float]:
    """What the logits of the two opinions were multiplied by: the network's, the Fisher vectors'.

    Raises:
        UsageError: the model has no Fisher vectors, or is older than this record.
    """
    found = model.training.get("fisher", {}).get("scales")
    if found is None:
        raise UsageError("the model does not say how much its Fisher vectors count; train it anew")
    first, second = found
    return float(first), float(second)


def _fit_mixtures(network: HybridNet, maps: RandomMaps) -> None:
    """Principal components, and a mixture of Gaussians, of each stream's patterns."""
    from sklearn.decomposition import PCA
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.mixture import GaussianMixture

    some = torch.Generator().manual_seed(0)
    each = max(1, min(_PATTERNS, _POOL // len(maps)))
    for stream, vector in enumerate(network.fisher):
        assert isinstance(vector, FisherVector)
        drawn = []
        for x in maps.all_versions():
            found = vector.patterns(x[:1, stream])[0]
            drawn.append(found[torch.randperm(len(found), generator=some)[:each]])
        pool = torch.cat(drawn).double()
        patterns = pool[torch.randperm(len(pool), generator=some)].numpy()
        width, kinds = len(vector.components), len(vector.means)
        if len(patterns) < max(kinds, width):
            raise DataError(f"{len(patterns)} local patterns are too few for {kinds} kinds of them")
        reduce = PCA(width, random_state=0).fit(patterns[:, :-1])
        _set(vector, centre=reduce.mean_, components=reduce.components_)
        # Half a picture in height differs as much as patterns do in one of their components.
        _set(vector, height=reduce.transform(patterns[:, :-1]).std(keepdims=True).ravel())
        values = vector.double().describe(torch.from_numpy(patterns[:_MIXED])).numpy()
        vector.float()
        # There are few heights: without a least spread, a kind could have a single one.
        mixture = GaussianMixture(
            kinds, covariance_type="diag", max_iter=30, reg_covar=_LEAST * values.var(),
            random_state=0,
        )  # fmt: skip
        with warnings.catch_warnings():  # 30 rounds are enough; the rest changes little
            warnings.simplefilter("ignore", ConvergenceWarning)
            mixture.fit(values)
        _set(
            vector, means=mixture.means_, deviations=np.sqrt(mixture.covariances_),
            shares=mixture.weights_,
        )  # fmt: skip


def _set(vector: FisherVector, **weights: NDArray[np.float64]) -> None:
    """As a model file keeps them: rounded to float16."""
    for name, values in weights.items():
        getattr(vector, name).copy_(torch.from_numpy(values).half())


def _fit_dense(network: HybridNet, maps: RandomMaps) -> None:
    """Logistic regression on the vectors of random clips."""
    from sklearn.linear_model import LogisticRegression

    assert network.fisher_dense is not None
    taken = max(1, min(maps.versions, _VECTORS // len(maps)))
    with torch.inference_mode():
        found = [network.fisher_vectors(x[:taken]).numpy() for x in maps.all_versions()]
    vectors, targets = np.concatenate(found), np.repeat(maps.targets, taken)
    learned = LogisticRegression(C=_FREEDOM, max_iter=100).fit(vectors, targets)
    weight, bias = learned.coef_, learned.intercept_
    if len(weight) == 1:  # of two classes, the second against the first
        weight, bias = np.concatenate([-weight, weight]) / 2, np.concatenate([-bias, bias]) / 2
    with torch.no_grad():
        network.fisher_dense.weight.copy_(torch.from_numpy(weight))
        network.fisher_dense.bias.copy_(torch.from_numpy(bias))


def _balance(network: HybridNet, seen: VideoMaps, known: int) -> tuple[float, float]:
    """The scales of both opinions with which their sum explains the validation videos best."""
    from scipy.optimize import minimize

    pairs = []
    with torch.inference_mode(), torch.autocast("cpu", dtype=torch.bfloat16):
        for k in range(len(seen)):
            maps, _ = seen[k]
            second = network.fisher_logits(network.fisher_vectors(maps))
            first = network.head(network.late(maps))[0]
            pairs.append((first[:, :known].double().numpy(), second[:, :known].double().numpy()))

    def loss(logs: NDArray[np.float64]) -> float:
        a, b = np.exp(logs)
        right = [
            video_probabilities(a * first + b * second, 1.0)[target]
            for (first, second), target in zip(pairs, seen.targets, strict=True)
        ]
        # A few validation videos may all be right, and would have the scales grow without end:
        # their logarithms have a normal distribution beforehand, of deviation 1.
        beforehand = float(logs @ logs) / (2 * len(pairs))
        return float(-np.mean(np.log(np.maximum(right, 1e-12)))) + beforehand

    bounds = [(-_MOST, _MOST)] * 2
    found = minimize(loss, np.zeros(2), bounds=bounds, method="Nelder-Mead")
    first, second = np.exp(found.x).tolist()
    return first, second


def _scale(network: HybridNet, scales: tuple[float, float]) -> None:
    """Multiplies the logits of both opinions."""
    for layer, scale in zip((network.dense, network.fisher_dense), scales, strict=True):
        assert layer is not None
        with torch.no_grad():
            layer.weight.mul_(scale)
            layer.bias.mul_(scale)
