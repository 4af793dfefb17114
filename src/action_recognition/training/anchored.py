"""Teaches a trained network with few examples: its dense layer changes no more than it must.

Logistic regression on the hidden layer, whose weights are drawn to those that the network has, not
to zero (Chelba, Acero, "Adaptation of Maximum Entropy Capitalizer: Little Data Can Help a Lot",
EMNLP 2004). The training clips of the network are not needed. What nobody has corrected in the same
videos is held to the old answers (Li, Hoiem, "Learning without Forgetting", ECCV 2016).

The temperatures and the threshold of the rule for "none of these" stay. The rule's three scores
learn with the dense layer: energy and odds are made of its logits, with examples of "none" pushed
to the background classes; and of a class that was corrected, the likeness to training clips counts
the corrected ones, too, as if they were a fifth of them; of a new class, they are all there is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from action_recognition.models.model_file import Model
from action_recognition.models.probabilities import softmax
from action_recognition.models.stored_network import stored
from action_recognition.training.segment_reading import Seen

_REST_SHARE = 0.5  # weight of all that nobody has spoken of, to that of all segments
_BIAS = 0.3  # how freely the bias changes, to the weights
_OF_CORRECTED = 0.2  # of the likeness of a class, that to its corrected segments

Rows = NDArray[np.float64]


def new_classes(model: Model, seen: Sequence[Seen]) -> tuple[str, ...]:
    """Names in the segments that the model does not have, in order of appearance."""
    names = [s.segment.action for s in seen if s.segment and s.segment.action]
    return tuple(dict.fromkeys(n for n in names if n not in model.classes))


def usable(model: Model, seen: Seen) -> bool:
    """Whether something can be learned: that there is nothing, only by a background class."""
    return seen.segment is None or seen.segment.action is not None or bool(model.background)


def teach(model: Model, seen: Sequence[Seen], *, strength: float) -> Model:
    """A model that has learned from segments, see `Lesson`."""
    return Lesson(model, seen).learned(strength)


class Lesson:
    """What a model can learn from segments.

    Parameters:
        model: the model.
        seen: what its network says of segments, of at least one that can be learned, and of the
            rest of their videos.
    """

    def __init__(self, model: Model, seen: Sequence[Seen]) -> None:
        named = [s for s in seen if s.segment is not None and usable(model, s)]
        rest = [s for s in seen if s.segment is None]
        every = [*named, *rest]
        self._model = _with_rows(model, new_classes(model, named), every)
        self._temperature = model.window_temperature or model.temperature
        at, more = len(model.classes), len(self._model.classes) - len(model.classes)
        logits = _insert(np.concatenate([s.logits for s in every]).T, at, more).T
        usual = stored(self._model.network).weights["dense.bias"][at : at + more]
        logits[:, at : at + more] = usual
        self._logits = logits
        self._weight = np.concatenate(
            [np.full(len(s.features), 1 / len(s.features)) for s in every]
        )
        self._wanted = np.concatenate([_wanted(self._model, s) for s in named])
        if rest:
            self._weight[len(self._wanted) :] *= _REST_SHARE * len(named) / len(rest)
        features = np.concatenate([s.features for s in every]).astype(np.float64)
        self._centre = features.mean(0)
        x = features - self._centre
        self._scale = float(np.sqrt((x**2).sum(1).mean())) + 1e-6
        x = np.c_[x / self._scale, np.full(len(x), _BIAS)]
        # The change is a sum of examples: it is sought where they are, not in 2048 dimensions.
        squares, axes = np.linalg.eigh(x @ x.T)
        kept = squares > 1e-9 * squares.max()
        sizes = np.sqrt(squares[kept])
        self._z, self._right = axes[:, kept] * sizes, (axes[:, kept] / sizes).T @ x
        self._typical = _typical(model, self._model, named)

    def learned(self, strength: float) -> Model:
        """The model that has learned.

        Parameters:
            strength: how strongly the weights are drawn to the old ones, greater than 0.
        """
        change = self._right.T @ _fit(
            self._z, self._logits, self._wanted, self._weight, self._temperature, strength
        )  # (hidden + 1, outputs)
        slopes = change[:-1].T / self._scale
        network = stored(self._model.network)
        weights = dict(network.weights)
        weights["dense.weight"] = weights["dense.weight"] + slopes
        weights["dense.bias"] = weights["dense.bias"] + _BIAS * change[-1] - slopes @ self._centre
        if self._typical is not None:
            weights["typical"] = self._typical
        return replace(self._model, network=replace(network, weights=weights))


def logits_of(old: Model, new: Model, seen: Seen) -> Rows:
    """(moments, outputs) of a model that was taught, from what the old one has said."""
    before, after = stored(old.network).weights, stored(new.network).weights
    at, more = len(old.classes), len(new.classes) - len(old.classes)
    slopes = after["dense.weight"] - _insert(before["dense.weight"], at, more)
    bias = after["dense.bias"] - _insert(before["dense.bias"], at, more)
    padded = _insert(seen.logits.T.astype(np.float64), at, more).T
    logits: Rows = padded + seen.features.astype(np.float64) @ slopes.T + bias
    return logits


def likeness_of(new: Model, seen: Seen) -> Rows:
    """(moments, outputs), see `HybridNet.likeness`; (moments, 0) where there is none."""
    typical = stored(new.network).weights.get("typical")
    if typical is None:
        return seen.likeness.astype(np.float64)
    roots = np.sqrt(_pretrained(new, seen.features))
    found: Rows = np.log((roots @ typical.T.astype(np.float64)).clip(1e-6, 1.0))
    return found


def _with_rows(model: Model, names: Sequence[str], seen: Sequence[Seen]) -> Model:
    """The same model with further classes, which it never names before it has learned."""
    network = stored(model.network)
    at, more = len(model.classes), len(names)
    weights = dict(network.weights)
    for name in ("dense.weight", "dense.bias", "recurrent_dense.weight", "typical"):
        if name in weights:
            weights[name] = _insert(weights[name].astype(np.float64), at, more)
    usual = np.median(np.concatenate([s.logits[:, :at] for s in seen]))
    weights["dense.bias"][at : at + more] = usual
    architecture = replace(network.architecture, classes=network.architecture.classes + more)
    return replace(
        model,
        network=replace(network, weights=weights, architecture=architecture),
        classes=(*model.classes, *names),
        open_set=model.open_set and model.open_set.with_classes(more),
        window_open_set=model.window_open_set and model.window_open_set.with_classes(more),
    )


def _insert(rows: NDArray[np.floating], at: int, more: int) -> Rows:
    """Rows of zeros for new classes: after the known ones, before the background."""
    return np.insert(rows.astype(np.float64), [at] * more, 0.0, axis=0)


def _wanted(model: Model, seen: Seen) -> NDArray[np.bool_]:
    """(moments, outputs): which of them are right."""
    assert seen.segment is not None
    wanted = np.zeros((len(seen.features), model.architecture.classes), bool)
    if seen.segment.action is None:
        wanted[:, len(model.classes) :] = True
    else:
        wanted[:, model.classes.index(seen.segment.action)] = True
    return wanted


def _fit(
    z: Rows,
    logits: Rows,
    wanted: NDArray[np.bool_],
    weight: Rows,
    temperature: float,
    strength: float,
) -> Rows:
    """The change of the weights, (columns, outputs).

    Parameters:
        z: (N, columns).
        logits: (N, outputs) before the change.
        wanted: (M, outputs) of the first M; the others are held to what the logits say.
        weight: (N,).
    """
    from scipy.optimize import minimize

    count = len(wanted)
    held = softmax(logits[count:] / temperature)

    def loss(values: Rows) -> tuple[float, Rows]:
        change = values.reshape(z.shape[1], -1)
        scaled = (logits + z @ change) / temperature
        log_p = scaled - np.logaddexp.reduce(scaled, 1)[:, None]
        p = np.exp(log_p)
        right_p = np.logaddexp.reduce(np.where(wanted, log_p[:count], -np.inf), 1)
        target = np.concatenate([wanted * np.exp(log_p[:count] - right_p[:, None]), held])
        lost = np.concatenate([-right_p, -(held * log_p[count:]).sum(1)])
        slope = z.T @ ((p - target) * weight[:, None]) / temperature + strength * change
        return float(lost @ weight + strength / 2 * (change**2).sum()), slope.ravel()

    start = np.zeros(z.shape[1] * logits.shape[1])
    best = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 200})
    change: Rows = best.x.reshape(z.shape[1], -1)
    return change


def _typical(old: Model, new: Model, named: Sequence[Seen]) -> Rows | None:
    """Square roots of each class's mean answers of the pretrained network; None: not kept."""
    weights = stored(new.network).weights
    if "typical" not in weights:
        return None
    typical = np.array(weights["typical"], np.float64)
    told = [s for s in named if s.segment is not None and s.segment.action is not None]
    shares = _pretrained(old, np.stack([s.features.mean(0) for s in told])) if told else ()
    for k, name in enumerate(new.classes):
        known = name in old.classes
        of = [
            share
            for s, share in zip(told, shares, strict=True)
            if s.segment is not None and s.segment.action == name
            if not (known and s.segment.kind == "confirmed")
        ]
        if of:
            part = _OF_CORRECTED if known else 1.0
            typical[k] = np.sqrt((1 - part) * typical[k] ** 2 + part * np.mean(of, axis=0))
    return typical


def _pretrained(model: Model, features: NDArray[np.floating]) -> Rows:
    weights = stored(model.network).weights
    matrix, bias = weights["pretrained.weight"], weights["pretrained.bias"]
    return softmax(features.astype(np.float64) @ matrix.T.astype(np.float64) + bias)
