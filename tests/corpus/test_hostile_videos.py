"""What is said of each hostile video, in this process and with the file decoded apart."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
from hostile_videos import HOSTILE

from action_recognition.clips import Preprocessing
from action_recognition.errors import VideoError
from action_recognition.recognition.recognizer import Recognizer
from tiny_network import build_tiny_model


@pytest.fixture(scope="module", params=["here", "apart"])
def recognizer(request: pytest.FixtureRequest, tiny_preprocessing: Preprocessing) -> Recognizer:
    """Of a tiny network, at 10 frames a second."""
    if request.param == "apart" and sys.platform != "linux":
        pytest.skip("isolation needs Linux")
    model = build_tiny_model(tiny_preprocessing)
    return Recognizer(model, device="cpu", untrusted=request.param == "apart")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hostile")
    for name, (make, _) in HOSTILE.items():
        make(folder / name)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_said(recognizer: Recognizer, folder: Path, name: str) -> None:
    _, expected = HOSTILE[name]
    said = ""
    try:
        recognizer.predict(folder / name)
        for _ in recognizer.timeline(folder / name, step_s=10):
            pass
    except VideoError as error:
        said = str(error)
        assert said.startswith(f"{name}: ")
        assert said.isprintable()
    assert re.search(expected, said) if expected else not said
