"""The first answer waits for nothing that it does not need."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from video_maker import MadeVideo

# Of training, the dashboard and the benchmarks; and PyTorch's compiler, which takes as long as all
# the rest of PyTorch, and which an innocent call can pull in.
UNWANTED = {
    "lightning", "pytorch_lightning", "sklearn", "scipy", "pandas", "streamlit", "torchmetrics",
    "matplotlib", "altair", "PIL", "requests", "urllib3", "filelock", "rarfile", "selenium",
    "onnx", "onnxruntime", "openvino", "torch._dynamo", "torch._inductor",
}  # fmt: skip

PROGRAM = """
import json, sys
from action_recognition.cli import main
code = main(sys.argv[1:])
print(json.dumps([code, sorted(sys.modules)]))
"""


@pytest.mark.slow
@pytest.mark.parametrize("command", ["predict", "timeline", "watch", "--help"])
def test_only_what_is_needed_is_imported(
    command: str, make_video: Callable[..., MadeVideo], tiny_model_path: Path
) -> None:
    path = make_video(seconds=0.5).path
    arguments = [command, str(path), "--model", str(tiny_model_path)]
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *arguments] if command != "--help"
        else [sys.executable, "-c", PROGRAM],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    code, modules = json.loads(done.stdout.splitlines()[-1])
    assert code == 0
    assert UNWANTED.intersection(modules) == set()
    assert ("torch" in modules) == (command != "--help")
