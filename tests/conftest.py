"""Fixtures that all tests share: videos made here, a tiny model, the folder of real clips."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from action_recognition.clips import Preprocessing
from action_recognition.modelfile import Model, save_model
from tiny_network import build_tiny_model
from video_maker import MadeVideo, write_video

torch.set_num_threads(min(2, torch.get_num_threads()))


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Tests neither read nor fill the user's cache."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ACTION_RECOGNITION_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture
def make_video(tmp_path: Path) -> Callable[..., MadeVideo]:
    """`make_video(name, ...)` writes a video into tmp_path; see `video_maker.write_video`."""

    def make(name: str | Path = "video.mp4", **settings: Any) -> MadeVideo:
        return write_video(tmp_path / name, **settings)

    return make


@pytest.fixture(scope="session")
def tiny_preprocessing() -> Preprocessing:
    """Small clips, quick to compute."""
    return Preprocessing(frames=4, interval_s=0.1, size=32)


@pytest.fixture
def tiny_model(tiny_preprocessing: Preprocessing) -> Model:
    """A model of three classes, in memory."""
    return build_tiny_model(tiny_preprocessing)


@pytest.fixture
def tiny_model_path(tiny_model: Model, tmp_path: Path) -> Path:
    """The same model as a file."""
    path = tmp_path / "tiny.h5"
    save_model(tiny_model, path)
    return path


@pytest.fixture(scope="session")
def shared_dir() -> Path:
    """The folder of real clips and weights, which never are part of the repository."""
    default = Path(__file__).resolve().parents[1].parent / "shared"
    folder = Path(os.environ.get("ACTION_RECOGNITION_SHARED", default))
    if not folder.is_dir():
        pytest.skip("needs the real clips in ../shared")
    return folder
