"""One server and one browser for all of these tests; each test is a visitor of its own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from dashboard_browser import DashboardPage, missing_tools, open_browser, running_dashboard

from action_recognition.clips import Preprocessing
from action_recognition.models.model_file import Model, save_model
from action_recognition.models.torch_runtime import TorchRuntime
from tiny_network import build_tiny_model


@pytest.fixture(scope="session")
def sharp_model(tiny_preprocessing: Preprocessing) -> Model:
    """A model that tells black from white and is sure of it, so that timelines have segments."""
    model = replace(build_tiny_model(tiny_preprocessing), temperature=0.01)
    with torch.no_grad():  # it looks at frames alone: a change is seen at once, and nothing else
        model.network.recurrent_dense.weight.zero_()
        for layer in model.network.trunk.layers:
            if layer.temporal is not None:
                layer.temporal.weight[:, :-1] = 0
    runtime = TorchRuntime(model.network, device="cpu")
    black, white = (
        runtime.run(np.full((1, 1, 32, 32, 3), shade, dtype=np.uint8)).logits[0, -1]
        for shade in (0, 255)
    )
    with torch.no_grad():  # the border between the first two classes lies halfway
        middle = torch.from_numpy((black + white) / 2)
        middle[2] += 100
        model.network.dense.bias.sub_(middle)
    return model


@pytest.fixture(scope="session")
def address(sharp_model: Model, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Of a running dashboard."""
    if missing_tools():
        pytest.skip(f"not installed: {', '.join(missing_tools())}")
    path = tmp_path_factory.mktemp("model") / "tiny.h5"
    save_model(sharp_model, path)
    with running_dashboard(path) as address:
        yield address


@pytest.fixture(scope="session")
def _browser(address: str) -> Iterator[DashboardPage]:
    with open_browser() as page:
        yield page


@pytest.fixture
def page(_browser: DashboardPage, address: str) -> Iterator[DashboardPage]:
    """The page Recognize, just opened by a visitor with a large screen."""
    _browser.set_size(1440, 900)
    _browser.complaints()  # of the test before
    _browser.open(address)
    yield _browser
    _browser.driver.get("about:blank")  # a camera or a film that goes on takes a core


@pytest.fixture
def downloads(tmp_path: Path) -> Path:
    """A folder for what the browser downloads."""
    return tmp_path / "downloads"
