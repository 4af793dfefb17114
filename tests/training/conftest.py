"""What trainings here start from: generated motion, and a tiny network of random weights."""

from __future__ import annotations

import pytest

from action_recognition.clips import Preprocessing
from action_recognition.datasets.folders import build_manifest
from action_recognition.datasets.manifest import Manifest
from action_recognition.datasets.manifest_csv import write_manifest
from action_recognition.models.model_file import save_model
from motion import write_motion_data
from several_processes import OPTIONS
from tiny_network import build_tiny_model
from training_runs import few


@pytest.fixture(scope="session")
def motion(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    """24 videos of each of three classes, divided into train, val and test."""
    root = write_motion_data(tmp_path_factory.mktemp("motion"), per_class=24)
    return build_manifest([root], check=False)


@pytest.fixture(scope="session")
def init(tmp_path_factory: pytest.TempPathFactory, tiny_preprocessing: Preprocessing) -> str:
    """The model file that trainings start from; its classes are others."""
    path = tmp_path_factory.mktemp("init") / "tiny.h5"
    save_model(build_tiny_model(tiny_preprocessing), path)
    return str(path)


@pytest.fixture(scope="module")
def words(motion: Manifest, init: str, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The command of a training that several processes can share."""
    path = tmp_path_factory.mktemp("few") / "manifest.csv"
    write_manifest(few(motion), path)
    return ["train", "--data", str(path), "--init", init, *OPTIONS]
