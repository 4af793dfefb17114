"""How like what is seen is to the clips of each class, by the answers of the pretrained network."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from action_recognition.errors import ModelFileError
from action_recognition.models.hybridnet import HybridNet
from action_recognition.models.model_file import Model, load_model, save_model
from action_recognition.models.stored_network import restored
from tiny_network import TINY, randomise

LEAST = math.log(1e-6)


def network_of(pretrained: int = 5, recurrent: int = 8) -> HybridNet:
    architecture = replace(TINY, lstm=recurrent, gru=recurrent, pretrained=pretrained)
    network = HybridNet(architecture)
    randomise(network)
    return network.eval()


def features_of(*shape: int, seed: int = 0) -> torch.Tensor:
    """As the hidden layer gives them: in 0..6."""
    return 6 * torch.rand(*shape, TINY.hidden, generator=torch.Generator().manual_seed(seed))


def other_answers(network: HybridNet, features: torch.Tensor) -> np.ndarray:
    """The probabilities of the pretrained network."""
    assert network.pretrained is not None
    weight, bias = (p.detach().double().numpy() for p in network.pretrained.parameters())
    logits = features.double().numpy() @ weight.T + bias
    shares = np.exp(logits - logits.max(-1, keepdims=True))
    return np.asarray(shares / shares.sum(-1, keepdims=True))


def set_shares(network: HybridNet, shares: np.ndarray) -> None:
    """What is typical of each class, (classes, pretrained)."""
    network.get_buffer("typical").copy_(torch.from_numpy(shares).sqrt())


def likeness(network: HybridNet, features: torch.Tensor) -> np.ndarray:
    with torch.inference_mode():
        return network.likeness(features).numpy()


@pytest.mark.parametrize("shape", [(), (4,), (2, 3)])
def test_it_is_that_of_the_formula(shape: tuple[int, ...]) -> None:
    network, features = network_of(), features_of(*shape)
    p = other_answers(network, features)
    q = network.get_buffer("typical").double().numpy() ** 2
    expected = np.log(np.sqrt(p[..., None, :] * q).sum(-1))
    found = likeness(network, features)
    assert found.shape == (*shape, 3)
    assert found.dtype == np.float32
    assert found == pytest.approx(expected, abs=1e-4)
    assert np.ptp(expected) > 0.1  # classes differ, or this shows nothing


def test_clips_that_are_answered_alike_have_none_of_it_to_lose() -> None:
    network, features = network_of(), features_of(3)
    set_shares(network, other_answers(network, features))  # clip k is all there is of class k
    found = likeness(network, features)
    assert found.diagonal() == pytest.approx([0, 0, 0], abs=1e-5)
    assert found.max() <= 0
    assert found == pytest.approx(found.T, abs=1e-4)
    assert found[~np.eye(3, dtype=bool)].max() < -0.01


def test_a_class_that_was_never_seen_is_like_nothing() -> None:
    network = network_of()
    network.get_buffer("typical")[1] = 0
    found = likeness(network, features_of(8))
    assert found[:, 1] == pytest.approx(LEAST)
    assert (found[:, [0, 2]] > LEAST + 1).all()


def test_a_network_that_keeps_no_other_answers_has_none() -> None:
    network = network_of(pretrained=0)
    assert network.pretrained is None
    assert "typical" not in network.state_dict()
    assert likeness(network, features_of(2, 3)).shape == (2, 3, 0)


@pytest.mark.parametrize("recurrent", [0, 8])
def test_what_is_kept_changes_no_answer(recurrent: int) -> None:
    network = network_of(recurrent=recurrent)
    plain = HybridNet(replace(network.architecture, pretrained=0)).eval()
    plain.load_state_dict({k: network.state_dict()[k] for k in plain.state_dict()})
    frames = torch.rand(2, 6, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        one, other = network(frames), plain(frames)
    assert torch.equal(one.logits, other.logits)
    assert torch.equal(one.features, other.features)


# -- in a model file -----------------------------------------------------------------------


@pytest.fixture
def model(tiny_model: Model) -> Model:
    return replace(tiny_model, network=network_of())


def test_a_model_file_keeps_it(model: Model, tmp_path: Path) -> None:
    save_model(model, tmp_path / "m.h5")
    network = restored(load_model(tmp_path / "m.h5").network)
    assert network.architecture.pretrained == 5
    features = features_of(20)
    expected = likeness(model.network, features)
    assert likeness(network, features) == pytest.approx(expected, abs=0.02)
    save_model(replace(model, network=network), tmp_path / "again.h5")
    again = restored(load_model(tmp_path / "again.h5").network)
    assert np.array_equal(likeness(again, features), likeness(network, features))


@pytest.mark.parametrize("wrong", [math.nan, math.inf])
def test_values_that_are_not_finite_are_not_stored(
    model: Model, tmp_path: Path, wrong: float
) -> None:
    model.network.get_buffer("typical")[0, 0] = wrong
    with pytest.raises(ModelFileError, match="weight typical has values that are not finite"):
        save_model(model, tmp_path / "m.h5")
