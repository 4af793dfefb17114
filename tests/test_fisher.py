"""Fisher vectors: against scikit-learn's mixture and the formulas of the paper."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.mixture import GaussianMixture

from action_recognition.fisher import FisherVector, changes
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


def answer(vector: FisherVector, x: torch.Tensor) -> torch.Tensor:
    """With patterns that count alike."""
    return vector(x, torch.ones(vector.patterns(x).shape[:2]))


def test_patterns_are_pairs_of_frames_at_a_place(vector: FisherVector) -> None:
    x = maps()
    found = vector.patterns(x)
    assert found.shape == (2, 2 * 4 * 5, 2 * CHANNELS + 1)
    place = 1 * 4 * 5 + 2 * 5 + 3  # second pair, row 2 of 4, column 3
    assert torch.equal(found[1, place, :-1], torch.cat([x[1, 2, :, 2, 3], x[1, 1, :, 2, 3]]))
    assert found[1, place, -1] == pytest.approx(1 / 3)


def test_what_moves_counts_for_more() -> None:
    x = torch.zeros(1, 3, CHANNELS, 2, 2)
    x[0, 2, :, 1, 0] = 2  # in the second pair, bottom left
    found = changes(x)[0]
    assert found.mean() == pytest.approx(1)
    assert found[4 + 2] == pytest.approx(8, rel=1e-3)
    assert found.sort().values[-2] < 1e-3
    assert torch.equal(changes(torch.ones(1, 3, CHANNELS, 2, 2)), torch.ones(1, 8))
    assert torch.equal(changes(torch.ones(1, 1, CHANNELS, 2, 2)), torch.ones(1, 4))


def test_weights_are_as_good_as_copies(vector: FisherVector) -> None:
    x = torch.cat([maps(frames=2)] * 2, 4)  # each place twice
    once, twice = torch.zeros(2, 4, 10), torch.ones(2, 4, 10)
    once[..., :5] = 2
    assert torch.allclose(vector(x, once.flatten(1)), vector(x, twice.flatten(1)), atol=1e-5)


def test_a_single_frame_is_a_pair_with_itself(vector: FisherVector) -> None:
    x = maps(frames=1)
    assert torch.equal(answer(vector, x), answer(vector, torch.cat([x, x], 1)))


def test_as_the_paper_has_it(vector: FisherVector) -> None:
    mixture = GaussianMixture(KINDS, covariance_type="diag")
    mixture.weights_ = vector.shares.numpy()
    mixture.means_ = vector.means.numpy()
    mixture.covariances_ = vector.deviations.numpy() ** 2
    mixture.precisions_cholesky_ = 1 / vector.deviations.numpy()
    for x, found in zip(vector.patterns(maps()), answer(vector, maps()), strict=True):
        values = vector.describe(x).numpy().astype(np.float64)
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


def test_columns_make_no_difference_but_rows_and_time_do(vector: FisherVector) -> None:
    x = maps()
    assert torch.allclose(answer(vector, x), answer(vector, x.roll(2, 4)), atol=1e-5)
    assert not torch.allclose(answer(vector, x), answer(vector, x.roll(2, 3)), atol=1e-2)
    assert not torch.allclose(answer(vector, x), answer(vector, x.flip(1)), atol=1e-2)


def test_extreme_values_stay_finite() -> None:
    found = FisherVector(CHANNELS, KINDS, WIDTH)  # as it is before it is fitted
    x = torch.zeros(1, 2, CHANNELS, 3, 3, requires_grad=True)
    for values in (x, x + 6, x - 1e4):
        given = answer(found, values)
        (gradient,) = torch.autograd.grad(given.sum(), x)
        assert given.isfinite().all()
        assert gradient.isfinite().all()
    found.shares.zero_()
    found.deviations.zero_()
    assert answer(found, x + 1).isfinite().all()
