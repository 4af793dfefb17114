"""The first answer waits for nothing that it does not need."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from action_recognition.models.model_file import find_model
from action_recognition.models.stored_network import _may_have_gpu
from video_maker import MadeVideo

pytestmark = pytest.mark.slow  # each is a process of its own

# Of training, the dashboard and the benchmarks.
UNWANTED = {
    "torch", "lightning", "pytorch_lightning", "sklearn", "scipy", "pandas", "streamlit",
    "torchmetrics", "matplotlib", "altair", "PIL", "requests", "urllib3", "filelock", "rarfile",
    "selenium", "onnx", "onnxscript",
}  # fmt: skip
# PyTorch's compiler, which takes as long as all the rest of PyTorch, and which an innocent call
# can pull in.
COMPILER = {"torch._dynamo", "torch._inductor"}

PROGRAM = """
import json, sys
from action_recognition.cli import main
code = main(sys.argv[1:])
print(json.dumps([code, sorted(sys.modules)]))
"""
# It reports from a process of its own.
TOLD = ("socket.connect", "socket.getaddrinfo", "os.fork")
AUDIT = f"lambda name, _: name in {TOLD} and print(name, flush=True)"
EXPLAINED = """
import json, sys
from action_recognition import Recognizer
recognizer = Recognizer.load(device="cpu")
prediction = recognizer.predict(sys.argv[1], keep_frames=True)
heat = recognizer.explain(prediction)
print(json.dumps([list(heat.shape), float(heat.max()), sorted(sys.modules)]))
"""


def run(
    program: str, *arguments: object, env: dict[str, str] | None = None
) -> tuple[list[str], list]:
    """The lines that a program printed, and what it told in the last of them."""
    done = subprocess.run(
        [sys.executable, "-c", program, *map(str, arguments)],
        capture_output=True, text=True, check=True, env=env,
    )  # fmt: skip
    *lines, last = done.stdout.splitlines()
    return lines, json.loads(last)


@pytest.fixture
def video(make_video: Callable[..., MadeVideo]) -> Path:
    return make_video(seconds=2).path


@pytest.mark.parametrize("name", ["shipped", "kinetics600"])
@pytest.mark.parametrize("command", ["predict", "timeline", "watch"])
def test_the_models_of_the_package_answer_without_pytorch(
    command: str, name: str, video: Path
) -> None:
    device = "cpu" if _may_have_gpu() else "auto"  # on a GPU it is PyTorch that runs
    options = ["--json", "--model", name, "--device", device]
    lines, (code, modules) = run(PROGRAM, command, video, *options)
    assert code == 0
    assert json.loads(lines[0])["nearest_action"]
    assert UNWANTED.intersection(modules) == set()
    assert "onnxruntime" in modules


def test_nobody_is_told(video: Path, tmp_path: Path) -> None:
    """ONNX Runtime would write an identification into the home folder, and report it."""
    home = tmp_path / "home"
    home.mkdir()
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "PYTHONPATH")}
    environment = kept | {"HOME": str(home)}  # no sign of a test server, where it would be silent
    program = f"import sys\nsys.addaudithook({AUDIT})\n{PROGRAM}"
    lines, (code, _) = run(program, "predict", video, "--device", "cpu", env=environment)
    assert code == 0
    assert not set(lines).intersection(TOLD)
    assert list(home.iterdir()) == []


def test_so_are_heat_maps_made(video: Path) -> None:
    _, (shape, most, modules) = run(EXPLAINED, video)
    assert shape == [10, 172, 172]  # two seconds
    assert most == 1
    assert UNWANTED.intersection(modules) == set()


def test_a_file_without_graphs_takes_pytorch_and_no_more(
    video: Path, tiny_model_path: Path
) -> None:
    _, (code, modules) = run(PROGRAM, "predict", video, "--model", tiny_model_path)
    assert code == 0
    assert (UNWANTED | COMPILER).intersection(modules) == {"torch"}
    assert "onnxruntime" not in modules


def test_help_loads_no_network() -> None:
    lines, (code, modules) = run(PROGRAM)
    assert code == 0
    assert "predict" in "".join(lines)
    assert (UNWANTED | {"onnxruntime"}).intersection(modules) == set()


def test_a_model_is_read_and_described_without_any() -> None:
    program = (
        "import json, sys; from action_recognition.models.model_file import load_model; "
        "model = load_model(sys.argv[1]); print(json.dumps([model.parameters, [*sys.modules]]))"
    )
    _, (parameters, modules) = run(program, find_model("shipped"))
    assert parameters > 2_000_000
    assert (UNWANTED | {"onnxruntime"}).intersection(modules) == set()
