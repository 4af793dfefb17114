"""The dense layer by logistic regression."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from action_recognition.models.hybridnet import HybridNet
from action_recognition.models.probabilities import softmax
from action_recognition.training import regression
from action_recognition.training.regression import STRENGTHS, fit_dense
from tiny_network import TINY

Hidden = NDArray[np.float64]


def network_of(classes: int) -> HybridNet:
    return HybridNet(replace(TINY, classes=classes, lstm=0, gru=0)).eval()


def clusters(classes: int, each: int = 30, seed: int = 0) -> tuple[Hidden, list[int]]:
    """Hidden layers (N, 24) of classes that lie around points of their own."""
    centres = np.random.default_rng(7).uniform(0, 6, (classes, TINY.hidden))
    noise = np.random.default_rng(seed).normal(0, 0.3, (classes, each, TINY.hidden))
    hidden = (centres[:, None] + noise).clip(0, 6).reshape(-1, TINY.hidden)
    return hidden, np.repeat(np.arange(classes), each).tolist()


def logits_of(network: HybridNet, hidden: Hidden) -> Hidden:
    with torch.inference_mode():
        return network.dense(torch.from_numpy(hidden).float()).double().numpy()


@pytest.mark.parametrize("classes", [2, 3, 7])
def test_classes_that_can_be_told_apart_are(classes: int) -> None:
    network = network_of(classes)
    assert fit_dense(network, *clusters(classes)) == STRENGTHS[0]
    hidden, targets = clusters(classes, seed=1)
    assert logits_of(network, hidden).argmax(1).tolist() == targets


@pytest.mark.parametrize("classes", [2, 3])
def test_probabilities_are_those_of_the_regression(classes: int) -> None:
    hidden, targets = clusters(classes)
    network = network_of(classes)
    strength = fit_dense(network, hidden, targets)
    model = LogisticRegression(C=strength, class_weight="balanced", max_iter=300)
    scaled = (hidden - hidden.mean(0)) / (hidden.std(0) + 0.01)
    expected = model.fit(scaled, targets).predict_proba(scaled)
    np.testing.assert_allclose(softmax(logits_of(network, hidden)), expected, atol=1e-4)


def test_only_the_dense_layer_is_set() -> None:
    network = network_of(3)
    before = {name: w.clone() for name, w in network.state_dict().items()}
    fit_dense(network, *clusters(3))
    changed = {n for n, w in network.state_dict().items() if not torch.equal(w, before[n])}
    assert changed == {"dense.weight", "dense.bias"}


def test_classes_weigh_the_same() -> None:
    """Where two classes overlap, the border is in the middle, however many clips one has."""
    random = np.random.default_rng(0)
    hidden = np.zeros((1100, TINY.hidden))
    hidden[:, 0] = np.concatenate([random.normal(1, 1, 1000), random.normal(3, 1, 100)])
    network = network_of(2)
    fit_dense(network, hidden, [0] * 1000 + [1] * 100)
    at = np.zeros((2, TINY.hidden))
    at[:, 0] = (1.6, 2.4)
    assert logits_of(network, at).argmax(1).tolist() == [0, 1]


def test_units_that_never_change_do_no_harm() -> None:
    hidden, targets = clusters(3)
    hidden[:, 5] = 2.0
    network = network_of(3)
    fit_dense(network, hidden.astype(np.float16), targets)
    other = clusters(3, seed=1)[0]
    other[:, 5] = 2.1  # a little off, as another video may be
    assert np.isfinite(logits_of(network, other)).all()
    assert logits_of(network, other).argmax(1).tolist() == targets


@pytest.mark.parametrize("good", STRENGTHS)
def test_validation_picks_the_strength(good: float, monkeypatch: pytest.MonkeyPatch) -> None:
    hidden, targets = clusters(3)
    right = np.linalg.pinv(np.c_[hidden, np.ones(len(hidden))]) @ np.eye(3)[targets]
    tried: list[float] = []

    def fit(_: Hidden, __: NDArray[np.int64], strength: float) -> tuple[Hidden, Hidden]:
        tried.append(strength)
        sign = 1 if strength == good else -1  # of the others, the answers are wrong
        return sign * right[:-1].T, sign * right[-1]

    monkeypatch.setattr(regression, "_fit", fit)
    network = network_of(3)
    assert fit_dense(network, hidden, targets, clusters(3, seed=1)) == good
    assert tried == list(STRENGTHS)
    np.testing.assert_allclose(network.dense.weight.detach(), right[:-1].T, rtol=1e-5)
    np.testing.assert_allclose(network.dense.bias.detach(), right[-1], rtol=1e-5)


def test_without_validation_videos_the_first_strength_is_taken() -> None:
    hidden, targets = clusters(2)
    nothing: tuple[Hidden, list[int]] = (np.zeros((0, TINY.hidden)), [])
    assert fit_dense(network_of(2), hidden, targets, nothing) == STRENGTHS[0]
