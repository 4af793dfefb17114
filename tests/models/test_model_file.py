"""A model file comes back as it was, and says so itself: no pickle, nothing looked up elsewhere."""

from __future__ import annotations

import json
import math
import os
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

from action_recognition.errors import ModelFileError
from action_recognition.models.model_file import (
    FORMAT,
    FORMAT_VERSION,
    SHIPPED_MODELS,
    Model,
    find_model,
    load_model,
    save_model,
)
from action_recognition.models.open_set import OpenSetRule
from action_recognition.models.stored_network import StoredNetwork, restored
from tiny_network import same, weights


def test_round_trip(tiny_model: Model, tiny_model_path: Path) -> None:
    loaded = load_model(tiny_model_path)
    assert loaded.classes == tiny_model.classes
    assert loaded.preprocessing == tiny_model.preprocessing
    assert loaded.metrics == tiny_model.metrics
    assert loaded.training == tiny_model.training
    assert loaded.architecture == tiny_model.architecture
    assert loaded.parameters == tiny_model.parameters
    assert isinstance(loaded.network, StoredNetwork)
    network = restored(loaded.network)
    assert not network.training
    for name, weight in tiny_model.network.state_dict().items():
        stored = network.state_dict()[name]
        assert stored.dtype == weight.dtype
        torch.testing.assert_close(stored, weight, atol=1e-4, rtol=1e-3)
    x = torch.rand(2, 6, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        before, after = (n(x).logits.softmax(2) for n in (tiny_model.network, network))
    torch.testing.assert_close(before, after, atol=0.01, rtol=0)


def test_calibration_and_open_set_rule_are_kept(tiny_model: Model, tmp_path: Path) -> None:
    rule = OpenSetRule(energy=0.4, odds=0.1, threshold=-1.25, slope=0.3, likeness=2.0)
    model = replace(tiny_model, classes=("Jumping", "Reading"), background=("Swimming",))
    save_model(replace(model, temperature=1.7, open_set=rule), tmp_path / "m.h5")
    loaded = load_model(tmp_path / "m.h5")
    assert loaded.temperature == 1.7
    assert loaded.open_set == rule
    assert (loaded.window_temperature, loaded.window_open_set) == (None, None)
    windows = replace(rule, threshold=0.25)
    of_windows = replace(model, window_temperature=0.8, window_open_set=windows)
    save_model(of_windows, tmp_path / "w.h5")
    loaded = load_model(tmp_path / "w.h5")
    assert (loaded.window_temperature, loaded.window_open_set) == (0.8, windows)
    assert (loaded.classes, loaded.background) == (("Jumping", "Reading"), ("Swimming",))
    save_model(tiny_model, tmp_path / "n.h5")
    assert load_model(tmp_path / "n.h5").open_set is None
    assert load_model(tmp_path / "n.h5").background == ()


def test_what_was_loaded_is_saved_without_change(tiny_model_path: Path, tmp_path: Path) -> None:
    save_model(load_model(tiny_model_path), tmp_path / "again.h5")
    first, second = load_model(tiny_model_path), load_model(tmp_path / "again.h5")
    assert same(weights(first.network), weights(second.network))


def test_file_describes_itself_and_holds_no_pickle(tiny_model_path: Path) -> None:
    data = tiny_model_path.read_bytes()
    assert b"\x80\x04\x95" not in data
    assert b"torch" not in data
    with h5py.File(tiny_model_path) as file:
        assert file.attrs["format"] == FORMAT
        assert file.attrs["format_version"] == FORMAT_VERSION
        assert json.loads(file["description/classes"][()]) == ["Jumping", "Reading", "Swimming"]
        assert json.loads(file["description/preprocessing"][()]) == {
            "interval_s": 0.1, "size": 32, "max_aspect": 4 / 3,
        }  # fmt: skip
        assert json.loads(file["description/architecture"][()])["window"] == 4
        assert file["weights/dense.weight"].shape == (3, 24)
        assert file["weights/dense.weight"].dtype == np.float16


def test_folder_is_made_and_mode_is_that_of_a_new_file(tiny_model: Model, tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "m.h5"
    save_model(tiny_model, path)
    other = tmp_path / "other"
    other.touch()
    assert path.stat().st_mode == other.stat().st_mode


@pytest.mark.parametrize("point", ["create_dataset", "fsync", "replace"])
@pytest.mark.parametrize("kind", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_interrupted_save_leaves_the_older_file(
    tiny_model: Model, tiny_model_path: Path, monkeypatch, point: str, kind: BaseException
) -> None:
    before = tiny_model_path.read_bytes()
    calls = 0

    def crash(*args, **kwargs):
        nonlocal calls
        calls += 1
        if point != "create_dataset" or calls == 20:  # in the middle of the weights
            raise kind
        return create(*args, **kwargs)

    create = h5py.File.create_dataset
    target = {"create_dataset": h5py.File, "fsync": os, "replace": Path}[point]
    monkeypatch.setattr(target, point, crash)
    expected = ModelFileError if isinstance(kind, OSError) else KeyboardInterrupt
    with pytest.raises(expected) as caught:
        save_model(tiny_model, tiny_model_path)
    monkeypatch.undo()
    assert calls > 0
    if expected is ModelFileError:
        assert "tiny.h5: the model cannot be written (No space left" in str(caught.value)
    assert tiny_model_path.read_bytes() == before
    assert [p.name for p in tiny_model_path.parent.iterdir()] == ["tiny.h5"]


def test_save_where_nothing_can_be_written(tiny_model: Model, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ModelFileError, match=r"m\.h5: the model cannot be written"):
        save_model(tiny_model, tmp_path / "file" / "m.h5")
    (tmp_path / "folder.h5").mkdir()
    with pytest.raises(ModelFileError, match=r"folder\.h5: the model cannot be written"):
        save_model(tiny_model, tmp_path / "folder.h5")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file", "folder.h5"]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1e6])
def test_weight_that_float16_cannot_hold_is_not_saved(
    tiny_model: Model, tmp_path: Path, value: float
) -> None:
    with torch.no_grad():
        tiny_model.network.dense.weight[0, 0] = value
    with pytest.raises(
        ModelFileError, match=r"m\.h5: weight dense\.weight .* training has diverged"
    ):
        save_model(tiny_model, tmp_path / "m.h5")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"classes": ("a", "b")}, "2 class names are given for a network of 3 classes"),
        ({"classes": ("a", "b", "a")}, "classes must differ"),
        ({"classes": (), "background": ("a", "b", "c")}, "3 class names are given"),
        ({"background": ("Swimming on the back",)}, "4 class names are given for a network of 3"),
        ({"background": ("Reading",)}, "classes must differ"),
        ({"temperature": 0.0}, r"temperature is 0\.0, must be from 0\.01 to 100"),
        ({"temperature": math.nan}, "temperature is nan"),
    ],
)
def test_model_checks_itself(tiny_model: Model, change: dict, message: str) -> None:
    with pytest.raises(ModelFileError, match=message):
        replace(tiny_model, **change)


def test_names_of_the_models_that_come_with_the_package() -> None:
    assert find_model(None) == find_model("shipped")
    assert find_model("shipped").name == "ucf101-hmdb51.h5"
    assert find_model("kinetics600").name == "kinetics600.h5"
    assert find_model(Path("kinetics600")) == find_model("kinetics600")
    assert all(find_model(name).parent.name == "weights" for name in SHIPPED_MODELS)
    assert find_model("./shipped") == Path("./shipped")  # a file in this folder
    assert find_model("own/model.h5") == Path("own/model.h5")
    assert find_model(Path("own.h5")) == Path("own.h5")


def test_loading_does_not_disturb_the_random_numbers_of_a_training(tiny_model_path: Path) -> None:
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    load_model(tiny_model_path)
    assert torch.equal(torch.rand(3), expected)
