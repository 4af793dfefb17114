"""`action-recognition import-kinetics`: published weights in, a model file out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from action_recognition.cli import main
from action_recognition.clips import Preprocessing
from action_recognition.models.architecture import Architecture
from action_recognition.models.hybridnet import HybridNet
from action_recognition.models.model_file import load_model
from action_recognition.models.pretrained import _name_in_file
from tiny_network import load_network


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Weights of MoViNet-A0 by their published names, with three classes."""
    network = HybridNet(Architecture(classes=3))
    arrays = {_name_in_file(k): w.numpy() for k, w in network.state_dict().items()}
    arrays = {k: a.astype(np.float16) for k, a in arrays.items()}
    folder = tmp_path / "published"
    folder.mkdir()
    np.savez(folder / "movinet_a0_stream_kinetics600.npz", **arrays)
    (folder / "labels.txt").write_text("abseiling\nacting in play\nyoga\n", encoding="utf-8")
    return folder


def test_makes_a_model_file(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "new" / "k.h5"
    assert main(["import-kinetics", str(folder), "--output", str(output)]) == 0
    assert capsys.readouterr().out == f"written: {output}\n"
    model = load_model(output)
    assert model.classes == ("abseiling", "acting in play", "yoga")
    assert model.preprocessing == Preprocessing(interval_s=0.2, size=172)
    assert (model.open_set, model.background, model.temperature) == (None, (), 1.0)
    assert "Kondratyuk" in model.training["init"]
    assert "Apache-2.0" in model.training["init"]  # its licence asks for it
    with np.load(folder / "movinet_a0_stream_kinetics600.npz") as file:
        stored = torch.from_numpy(file["classifier.weight"].astype(np.float32))
    assert torch.equal(load_network(output).dense.weight, stored)


def test_the_default_name(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["import-kinetics", str(folder)]) == 0
    assert load_model(tmp_path / "kinetics600.h5").classes[2] == "yoga"


def test_what_is_missing_is_one_sentence(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "labels.txt").unlink()
    assert main(["import-kinetics", str(folder), "--output", str(tmp_path / "k.h5")]) == 2
    assert capsys.readouterr().err == ("action-recognition: labels.txt: there is no such file\n")
    assert not (tmp_path / "k.h5").exists()
