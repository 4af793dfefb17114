"""The settings of a network: what they may be, and what follows from them before there is one."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from action_recognition.errors import UsageError
from action_recognition.models.architecture import MOVINET_A0, Architecture, weight_shapes
from action_recognition.models.hybridnet import HybridNet
from tiny_network import TINY


def test_architecture_survives_json() -> None:
    for architecture in (TINY, Architecture(classes=10, pretrained=600)):
        values = json.loads(json.dumps(architecture.to_dict()))
        assert Architecture.from_dict(values) == architecture


@pytest.mark.parametrize("change", ["unknown", "missing"])
def test_architecture_with_other_fields_is_refused(change: str) -> None:
    values = TINY.to_dict()
    if change == "unknown":
        values["stages"] = 3
    else:
        del values["gru"]
    with pytest.raises(UsageError, match=r"Architecture: fields \['classes'.* are needed"):
        Architecture.from_dict(values)


@pytest.mark.parametrize(
    "change",
    [
        {"classes": 0},
        {"classes": 10**9},
        {"stem": 0},
        {"features": 1.5},
        {"features": 32.0},
        {"window": 0},
        {"window": 4.0},
        {"window": 10**6},
        {"hidden": 0},
        {"hidden": "24"},
        {"lstm": 10**6},
        {"lstm": -1},
        {"gru": -1},
        {"gru": float("nan")},
        {"pretrained": -1},
        {"pretrained": 10**6},
        {"pretrained": 5.0},
        {"layers": ()},
        {"layers": ((8, 16, 3, 3, 2),) * 101},
        {"layers": ((8, 16, 3, 3),)},
        {"layers": ((8, 16, 3, 3, 3),)},
        {"layers": ((8, 16, 4, 3, 2),)},
        {"layers": ((8, 16, 3, 0, 2),)},
        {"layers": ((8, 16, 3, 3.0, 2),)},
        {"layers": ((8, 10**9, 3, 3, 2),)},
    ],
)
def test_impossible_architecture_is_refused_by_name(change: dict[str, object]) -> None:
    """Guards: a size from a model file built a network of it before anything was checked."""
    name, value = next(iter(change.items()))
    with pytest.raises(UsageError) as caught:
        replace(TINY, **change)
    assert str(caught.value).startswith(f"Architecture: {name}={value!r}, must be ")


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"lstm": 0, "gru": 0},
        {"gru": 0, "pretrained": 5},
        {"lstm": 0, "layers": ((8, 16, 3, 3, 1),)},
        {"layers": MOVINET_A0, "features": 480, "hidden": 2048, "pretrained": 600},
    ],
)
def test_names_and_shapes_of_the_weights(change: dict[str, Any]) -> None:
    """They are those of the network, in its order, and no network is built for them."""
    architecture = replace(TINY, **change)
    expected = {k: tuple(w.shape) for k, w in HybridNet(architecture).state_dict().items()}
    assert weight_shapes(architecture) == expected


def test_heat_maps_are_taken_before_the_last_halving() -> None:
    assert Architecture(classes=10).cut == 11  # there a frame of 172 pixels has 11 x 11 places
    for strides, cut in (((1,), 1), ((2,), 1), ((2, 1), 1), ((2, 2), 1), ((1, 1, 2, 1), 2)):
        layers = tuple((8, 16, 3, 3, stride) for stride in strides)
        assert replace(TINY, layers=layers).cut == cut, strides
