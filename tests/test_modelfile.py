"""A model file comes back as it was, and says so itself: no pickle, nothing looked up elsewhere."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, replace
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

from action_recognition.errors import ModelFileError
from action_recognition.models.hybridnet import Architecture, HybridNet
from action_recognition.models.model_file import FORMAT, FORMAT_VERSION, Model, load_model, save_model
from action_recognition.models.open_set import Novelty, fit_novelty
from tiny_network import TINY


def test_round_trip(tiny_model: Model, tiny_model_path: Path) -> None:
    loaded = load_model(tiny_model_path)
    assert loaded.classes == tiny_model.classes
    assert loaded.preprocessing == tiny_model.preprocessing
    assert loaded.clips == tiny_model.clips
    assert loaded.metrics == tiny_model.metrics
    assert loaded.training == tiny_model.training
    assert loaded.network.architecture == tiny_model.network.architecture
    assert not loaded.network.training
    for name, weight in tiny_model.network.state_dict().items():
        stored = loaded.network.state_dict()[name]
        assert stored.dtype == weight.dtype
        torch.testing.assert_close(stored, weight, atol=1e-4, rtol=1e-3)
    x = torch.randn(2, 3, 4, 32, 32)
    with torch.no_grad():
        before, after = tiny_model.network(x).softmax(1), loaded.network(x).softmax(1)
    torch.testing.assert_close(before, after, atol=0.01, rtol=0)


def rule_for(classes: int, background: int = 0) -> Novelty:
    random = np.random.default_rng(0)
    known = [(random.normal(size=(2, classes + background)), random.random(64)) for _ in range(4)]
    return fit_novelty(random.random((9, 64)), [k % classes for k in range(9)], known, kept=0.9)


def test_calibration_and_novelty_rule_are_kept(tiny_model: Model, tmp_path: Path) -> None:
    rule = rule_for(len(tiny_model.classes))
    save_model(replace(tiny_model, temperature=1.7, novelty=rule), tmp_path / "m.h5")
    loaded = load_model(tmp_path / "m.h5")
    assert loaded.temperature == 1.7
    assert loaded.novelty is not None
    assert (loaded.novelty.spread, loaded.novelty.threshold) == (rule.spread, rule.threshold)
    assert np.array_equal(loaded.novelty.means, rule.means)
    assert np.array_equal(loaded.novelty.centre, rule.centre)
    assert loaded.novelty.others is None
    weights = np.random.default_rng(1).normal(size=65).astype(np.float32)
    save_model(replace(tiny_model, novelty=replace(rule, others=weights)), tmp_path / "m.h5")
    assert np.array_equal(load_model(tmp_path / "m.h5").novelty.others, weights)  # type: ignore[union-attr]
    save_model(tiny_model, tmp_path / "n.h5")
    assert load_model(tmp_path / "n.h5").novelty is None


def test_background_classes_are_kept(tiny_model: Model, tmp_path: Path) -> None:
    rule = rule_for(2, background=1)
    model = replace(tiny_model, classes=("Jumping", "Reading"), background=("Swimming",))
    save_model(replace(model, novelty=rule), tmp_path / "m.h5")
    loaded = load_model(tmp_path / "m.h5")
    assert (loaded.classes, loaded.background) == (("Jumping", "Reading"), ("Swimming",))
    assert loaded.novelty is not None
    assert set(loaded.novelty.spread) == {"energy", "nearest class mean", "background classes"}
    with pytest.raises(ModelFileError, match="its rule for foreign videos is for \\(2, 64\\)"):
        replace(tiny_model, novelty=rule)
    whole = replace(rule_for(3), spread=rule.spread)
    with pytest.raises(ModelFileError, match="needs background classes"):
        replace(tiny_model, novelty=whole)
    with pytest.raises(ModelFileError, match="4 class names are given for a network of 3"):
        replace(tiny_model, background=("Swimming on the back",))
    with pytest.raises(ModelFileError, match="must differ"):
        replace(tiny_model, background=("Reading",))


_FISHER = ("fisher", "fisher_width")


@pytest.mark.parametrize(
    ("version", "later", "change"),
    [
        (2, ("difference", "shared_blocks", *_FISHER), {"difference": False, "shared_blocks": 0}),
        (5, _FISHER, {}),
    ],
)
def test_a_file_of_an_older_format_lacks_what_came_later(
    version: int,
    later: tuple[str, ...],
    change: dict[str, object],
    tiny_model: Model,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    network = HybridNet(replace(TINY, **change)).eval()
    monkeypatch.setattr("action_recognition.models.model_file.FORMAT_VERSION", version)
    monkeypatch.setattr(
        Architecture,
        "to_dict",
        lambda self: {k: v for k, v in asdict(self).items() if k not in later},
    )
    save_model(replace(tiny_model, network=network), tmp_path / "old.h5")
    monkeypatch.undo()
    loaded = load_model(tmp_path / "old.h5").network
    assert loaded.architecture == network.architecture
    x = torch.randn(1, 3, 4, 32, 32)
    with torch.no_grad():
        torch.testing.assert_close(loaded(x), network(x), atol=0.01, rtol=0.01)


def test_what_was_loaded_is_saved_without_change(tiny_model_path: Path, tmp_path: Path) -> None:
    save_model(load_model(tiny_model_path), tmp_path / "again.h5")
    first, second = load_model(tiny_model_path), load_model(tmp_path / "again.h5")
    for name, weight in first.network.state_dict().items():
        assert torch.equal(weight, second.network.state_dict()[name]), name


def test_file_describes_itself_and_holds_no_pickle(tiny_model_path: Path) -> None:
    data = tiny_model_path.read_bytes()
    assert b"\x80\x04\x95" not in data
    assert b"torch" not in data
    with h5py.File(tiny_model_path) as file:
        assert file.attrs["format"] == FORMAT
        assert file.attrs["format_version"] == FORMAT_VERSION
        assert json.loads(file["description/classes"][()]) == ["Jumping", "Reading", "Swimming"]
        assert json.loads(file["description/preprocessing"][()])["frames"] == 4
        assert file["weights/dense.weight"].shape == (3, 80)
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
    with pytest.raises(ModelFileError, match=r"weight dense\.weight has values"):
        save_model(tiny_model, tmp_path / "m.h5")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"classes": ("a", "b")}, "2 class names are given for a network of 3 classes"),
        ({"classes": ("a", "b", "a")}, "classes must differ"),
        ({"clips": 0}, "clips is 0, must be from 1 to 1000"),
        ({"clips": 10**9}, "clips is 1000000000"),
    ],
)
def test_model_checks_itself(tiny_model: Model, change: dict, message: str) -> None:
    with pytest.raises(ModelFileError, match=message):
        replace(tiny_model, **change)


def test_loading_does_not_disturb_the_random_numbers_of_a_training(tiny_model_path: Path) -> None:
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    load_model(tiny_model_path)
    assert torch.equal(torch.rand(3), expected)
