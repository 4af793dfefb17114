"""Fixtures that all tests share: videos made here, a tiny model, the folder of real clips."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch

from action_recognition.clips import Preprocessing
from action_recognition.models import stored_network
from action_recognition.models.graph_names import Graphs
from action_recognition.models.model_file import Model, save_model
from dataset_maker import tiny_video, write_archives
from file_server import FileServer, Servers
from tiny_network import TINY, build_tiny_model
from video_maker import MadeVideo, write_video

pytest_plugins = ["export_fixtures"]
torch.set_num_threads(1)


MAIN = ModuleType("__main__")  # new processes that are spawned run what stands there


@pytest.fixture(scope="session", autouse=True)
def empty_main() -> None:
    """Else they would run what measures the coverage."""
    sys.modules["__main__"] = MAIN


@pytest.fixture(autouse=True)
def main_stays() -> Iterator[None]:
    """Streamlit's AppTest puts its script there."""
    yield
    sys.modules["__main__"] = MAIN


@pytest.fixture(autouse=True)
def _priority_stays() -> Iterator[None]:
    """A test that leaves another one behind would slow down all that come after it."""
    if not hasattr(os, "sched_getscheduler"):
        yield
        return
    before = os.sched_getscheduler(0)
    yield
    assert os.sched_getscheduler(0) == before, "use video_maker.same_priority"


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Tests neither read nor fill the user's cache."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ACTION_RECOGNITION_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session", autouse=True)
def _no_graphs() -> Iterator[Callable[..., Graphs | None]]:
    """Models that tests write have no graphs, which take half a minute to export.

    PyTorch runs such models. What is marked `graphs` gets them; the shipped models have them.
    """
    export = stored_network._export
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stored_network, "_export", lambda architecture, size: None)
        yield export


@pytest.fixture(autouse=True)
def _graphs(
    _no_graphs: Callable[..., Graphs | None],
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if request.node.get_closest_marker("graphs") is not None:
        monkeypatch.setattr(stored_network, "_export", _no_graphs)


@pytest.fixture(scope="session")
def tiny_graphs() -> Graphs:
    """Of `build_tiny_model(..., pretrained=5)`, for frames of 32 pixels; tests of them are slow.

    As in model files, they were exported for two classes and serve any number.
    """
    from action_recognition.models.graph_export import export_graph
    from action_recognition.models.graph_heat_export import export_heat_graph

    architecture = replace(TINY, classes=2, pretrained=5)
    return Graphs(export_graph(architecture, 32), export_heat_graph(architecture, 32))


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Local servers are reached directly, whatever the machine is set to."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
    monkeypatch.setenv("no_proxy", "127.0.0.1,localhost")


@pytest.fixture(scope="session")
def archives(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The four official files of a small UCF101 and HMDB51, by name."""
    folder = tmp_path_factory.mktemp("archives")
    write_archives(folder, tiny_video(folder))
    return {p.name: p.read_bytes() for p in folder.iterdir()}


@pytest.fixture
def server(archives: dict[str, bytes]) -> Iterator[Servers]:
    """A server for each of them."""
    with ExitStack() as stack:
        yield {name: stack.enter_context(FileServer(data)) for name, data in archives.items()}


@pytest.fixture
def make_video(tmp_path: Path) -> Callable[..., MadeVideo]:
    """`make_video(name, ...)` writes a video into tmp_path; see `video_maker.write_video`."""

    def make(name: str | Path = "video.mp4", **settings: Any) -> MadeVideo:
        return write_video(tmp_path / name, **settings)

    return make


@pytest.fixture(scope="session")
def tiny_preprocessing() -> Preprocessing:
    """Small frames, quick to compute."""
    return Preprocessing(interval_s=0.1, size=32)


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
