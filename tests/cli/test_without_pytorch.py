"""Where PyTorch is not installed: what works all the same, and the sentence of what does not."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from video_maker import MadeVideo

pytestmark = pytest.mark.slow  # each is a process of its own

# As if it were not there: importing it fails, and asking for it finds nothing.
WITHOUT = """
import sys
from importlib.machinery import PathFinder

class Without(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        if name.partition(".")[0] in ("torch", "lightning", "torchmetrics"):
            return None
        return super().find_spec(name, path, target)

sys.meta_path[:] = [Without if finder is PathFinder else finder for finder in sys.meta_path]
"""
COMMAND = f"{WITHOUT}\nfrom action_recognition.cli import main\nsys.exit(main(sys.argv[1:]))"
EXTRA = "pip install 'action-recognition[train]'"

# Of models; all of training does.
NEED_IT = {
    "backbone", "device", "evidence", "graph_export", "graph_heat_export",
    "graph_operations", "hybridnet", "pretrained", "torch_runtime",
}  # fmt: skip


def run(program: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program, *map(str, arguments)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.fixture
def video(make_video: Callable[..., MadeVideo]) -> Path:
    return make_video(seconds=2).path


def test_it_is_not_there() -> None:
    """Or the others show nothing."""
    done = run(f"{WITHOUT}\nimport importlib.util\nprint(importlib.util.find_spec('torch'))")
    assert done.stdout == "None\n"
    assert "No module named 'torch'" in run(f"{WITHOUT}\nimport torch").stderr


@pytest.mark.parametrize("device", ["auto", "cpu"])
def test_predict(video: Path, device: str) -> None:
    done = run(COMMAND, "predict", video, "--json", "--device", device)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["nearest_action"]


@pytest.mark.parametrize("command", ["predict", "timeline", "watch"])
def test_a_file_without_graphs_is_one_sentence(
    command: str, video: Path, tiny_model_path: Path
) -> None:
    done = run(COMMAND, command, video, "--model", tiny_model_path)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr == (
        "action-recognition: tiny.h5: the network itself needs PyTorch: "
        f"{EXTRA} (torch is not installed)\n"
    )


def test_a_gpu_is_one_sentence(video: Path) -> None:
    done = run(COMMAND, "predict", video, "--device", "cuda")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    assert f"needs PyTorch: {EXTRA} (torch is not installed)" in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [["train", "--data", "data", "--output", "m.h5"], ["import-kinetics", "folder"]],
    ids=lambda arguments: arguments[0],
)
def test_commands_that_need_it_say_so(arguments: list[str]) -> None:
    done = run(COMMAND, *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(
        f"action-recognition: this command needs the extra 'train': {EXTRA}"
    )
    assert done.stderr.count("\n") == 1


def test_all_that_need_it_are_known() -> None:
    """Among the others are the dashboard's and the evaluation's."""
    program = f"""{WITHOUT}
import importlib, pkgutil
import action_recognition as package
for module in pkgutil.walk_packages(package.__path__, "action_recognition."):
    try:
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    except ModuleNotFoundError as error:
        print(module.name.removeprefix("action_recognition."), error.name)
"""
    done = run(program)
    assert done.returncode == 0, done.stderr
    failed = dict(line.split() for line in done.stdout.splitlines())
    failed = {n: missing for n, missing in failed.items() if missing != "ray"}  # another extra
    assert set(failed.values()) <= {"torch", "lightning", "torchmetrics"}
    others = {n for n in failed if not n.startswith(("training.", "exports."))}
    assert others == {f"models.{name}" for name in NEED_IT}
