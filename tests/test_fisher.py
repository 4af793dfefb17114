"""Fisher vectors: against scikit-learn's mixture and the formulas of the paper."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.mixture import GaussianMixture

from action_recognition.fisher import FisherVector
from tiny_network import randomise

CHANNELS, KINDS, WIDTH = 4, 3, 5


@pytest.fixture
def vector() -> FisherVector:
    found = FisherVector(CHANNELS, KINDS, WIDTH)
    randomise(found)
    return found


def maps(frames: int = 3, seed: int = 0) -> torch.Tensor:
    random = torch.Generator().manual_seed(seed)
    return torch.randn(2, frames, CHANNELS, 4, 5, generator=random)


def test_patterns_are_pairs_of_frames_at_a_place(vector: FisherVector) -> None:
    x = maps()
    found = vector.patterns(x)
    assert found.shape == (2, 2 * 4 * 5, 2 * CHANNELS)
    place = 1 * 4 * 5 + 2 * 5 + 3  # second pair, row 2, column 3
    assert torch.equal(found[1, place], torch.cat([x[1, 2, :, 2, 3], x[1, 1, :, 2, 3]]))


def test_a_single_frame_is_a_pair_with_itself(vector: FisherVector) -> None:
    x = maps(frames=1)
    assert torch.equal(vector(x), vector(torch.cat([x, x], 1)))


def test_as_the_paper_has_it(vector: FisherVector) -> None:
    mixture = GaussianMixture(KINDS, covariance_type="diag")
    mixture.weights_ = vector.shares.numpy()
    mixture.means_ = vector.means.numpy()
    mixture.covariances_ = vector.deviations.numpy() ** 2
    mixture.precisions_cholesky_ = 1 / vector.deviations.numpy()
    for x, found in zip(vector.patterns(maps()), vector(maps()), strict=True):
        values = ((x - vector.centre) @ vector.components.T).numpy().astype(np.float64)
        belongs = mixture.predict_proba(values)  # (N, K)
        parts: list[list[float]] = [[], []]
        for k in range(KINDS):
            share, mean = mixture.weights_[k], mixture.means_[k]
            z = (values - mean) / np.sqrt(mixture.covariances_[k])
            weight = belongs[:, k : k + 1]
            scale = len(values) * np.sqrt(share)
            parts[0] += list((weight * z).sum(0) / scale)
            parts[1] += list((weight * (z**2 - 1)).sum(0) / (scale * np.sqrt(2)))
        expected = np.array(parts[0] + parts[1])
        expected = np.sign(expected) * np.sqrt(np.abs(expected))
        expected /= np.linalg.norm(expected)
        assert found.numpy() == pytest.approx(expected, abs=1e-4)


def test_where_in_the_picture_makes_no_difference(vector: FisherVector) -> None:
    x = maps()
    order = torch.randperm(20, generator=torch.Generator().manual_seed(1))
    moved = x.flatten(3)[..., order].view_as(x)
    assert torch.allclose(vector(x), vector(moved), atol=1e-5)
    assert not torch.allclose(vector(x), vector(x.flip(1)), atol=1e-2)  # but the order in time


def test_extreme_values_stay_finite() -> None:
    found = FisherVector(CHANNELS, KINDS, WIDTH)  # as it is before it is fitted
    x = torch.zeros(1, 2, CHANNELS, 3, 3, requires_grad=True)
    for values in (x, x + 6, x - 1e4):
        answer = found(values)
        (gradient,) = torch.autograd.grad(answer.sum(), x)
        assert answer.isfinite().all()
        assert gradient.isfinite().all()
    found.shares.zero_()
    found.deviations.zero_()
    assert found(x + 1).isfinite().all()
