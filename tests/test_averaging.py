"""The mean of the weights of two networks."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from action_recognition.averaging import average
from action_recognition.cli.main import main
from action_recognition.clips import Preprocessing
from action_recognition.errors import DataError, UsageError
from action_recognition.models.hybridnet import HybridNet
from action_recognition.models.model_file import Model, load_model, save_model
from tiny_network import build_tiny_model

PREPROCESSING = Preprocessing(frames=4, interval_s=0.1, size=32)


@pytest.fixture
def pair() -> tuple[Model, Model]:
    first, second = (build_tiny_model(PREPROCESSING, seed=k) for k in (1, 2))
    return replace(first, temperature=0.5), second


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_every_weight_and_statistic_is_averaged(pair: tuple[Model, Model], share: float) -> None:
    first, second = pair
    found = average(first, second, share)
    one, other = first.network.state_dict(), second.network.state_dict()
    for name, values in found.network.state_dict().items():
        if values.is_floating_point():
            expected = (1 - share) * one[name] + share * other[name]
            torch.testing.assert_close(values, expected, atol=1e-6, rtol=1e-5)
    assert found.classes == first.classes
    assert found.temperature == 1  # of other weights
    assert found.metrics == {}
    assert found.training["average"] == {"share": share, "of": {"seed": 1}}
    assert found.training["seed"] == 2
    before = build_tiny_model(PREPROCESSING, seed=1).network.state_dict()
    assert all((one[k] == before[k]).all() for k in before)


def test_clips_are_read_as_the_second_reads_them(pair: tuple[Model, Model]) -> None:
    first, second = pair
    other = replace(second, preprocessing=replace(PREPROCESSING, size=48), clips=1)
    found = average(first, other, 0.5)
    assert (found.preprocessing, found.clips) == (other.preprocessing, 1)


def test_what_cannot_be_averaged(pair: tuple[Model, Model]) -> None:
    first, second = pair
    with pytest.raises(UsageError, match=r"share=1.5, must be in 0..1"):
        average(first, second, 1.5)
    for changes, what in (
        ({"classes": ("A", "B", "C")}, "classes"),
        ({"training": {"data": "others"}}, "training clips"),
    ):
        with pytest.raises(DataError, match=f"the two models differ in their {what}"):
            average(first, replace(second, **changes), 0.5)  # type: ignore[arg-type]
    network = HybridNet(replace(first.network.architecture, fisher=3, fisher_width=4))
    both = [replace(model, network=network) for model in pair]
    with pytest.raises(UsageError, match="can only be added to the mean"):
        average(*both, 0.5)


def test_command(
    pair: tuple[Model, Model], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    paths = [str(tmp_path / name) for name in ("a.h5", "b.h5", "c.h5")]
    for model, path in zip(pair, paths, strict=False):
        save_model(model, path)
    assert main(["average", *paths[:2], "--share", "0.5", "--output", paths[2]]) == 0
    assert "written:" in capsys.readouterr().out
    assert load_model(paths[2]).training["average"]["share"] == 0.5
    assert main(["average", paths[0], "missing.h5", "--output", paths[2]]) == 2
    assert "missing.h5" in capsys.readouterr().err
