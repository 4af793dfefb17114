"""What trainings on the command line start from: generated motion, and a tiny network."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from action_recognition.cli import main
from action_recognition.clips import Preprocessing
from action_recognition.evaluation import evaluate
from action_recognition.models.model_file import save_model
from motion import write_motion_data
from tiny_network import build_tiny_model


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Nine videos for each of three classes, one of which does not decode."""
    root = write_motion_data(tmp_path_factory.mktemp("data") / "videos", per_class=9)
    (root / "growing" / "growing_broken.mp4").write_bytes(b"not a video")
    return root


@pytest.fixture(scope="module")
def manifest(folder: Path) -> Path:
    """Its manifest, made by the command."""
    path = folder.parent / "manifest.csv"
    assert main(["data", "from-folder", str(folder), "--output", str(path)]) == 0
    return path


@pytest.fixture(scope="module")
def init(folder: Path, tiny_preprocessing: Preprocessing) -> Path:
    """A tiny model of random weights to start from."""
    path = folder.parent / "tiny.h5"
    save_model(build_tiny_model(tiny_preprocessing), path)
    return path


@pytest.fixture(scope="module")
def fewer_samples() -> Iterator[None]:
    """Intervals from few bootstrap samples: quick, and not what these tests look at."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(evaluate, "BOOTSTRAP_SAMPLES", 5)
        yield
