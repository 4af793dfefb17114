"""The programs in examples/exported/ use exported files without this project."""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from action_recognition.exports.info import read_info
from action_recognition.exports.runners import open_runner
from video_maker import MadeVideo

pytestmark = pytest.mark.slow  # the whole file: it exports and compiles

PROGRAMS = Path(__file__).resolve().parents[2] / "examples" / "exported"
SIDES = (48, 64)


@pytest.fixture
def frames(tmp_path: Path) -> np.ndarray:
    """Twelve frames, also as a file of plain bytes."""
    made = np.random.default_rng(2).integers(0, 256, (12, *SIDES, 3), dtype=np.uint8)
    made.tofile(tmp_path / "frames.rgb")
    return made


def run(*command: object, folder: Path) -> str:
    done = subprocess.run(
        [str(part) for part in command], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def needs(*tools: str) -> None:
    missing = [tool for tool in tools if shutil.which(tool) is None]
    if missing:
        pytest.skip(f"{' and '.join(missing)} not installed")


def test_they_are_short_and_named_in_the_readme() -> None:
    text = (PROGRAMS / "README.md").read_text(encoding="utf-8")
    for program in PROGRAMS.glob("predict.*"):
        assert f"`{program.name}`" in text
        lines = program.read_text(encoding="utf-8").splitlines()
        assert len([line for line in lines if line.strip()]) <= 30
        assert not any("action_recognition import" in line for line in lines)


def test_python(
    clip_files: dict[str, Path], make_video: Callable[..., MadeVideo], tmp_path: Path
) -> None:
    video, path = make_video(seconds=2).path, clip_files["onnx.onnx"]
    out = run(sys.executable, PROGRAMS / "predict.py", path, video, folder=tmp_path)
    assert out.startswith(tuple(read_info(path)["classes"]))
    assert "%, a known action: " in out


def test_cpp(clip_files: dict[str, Path], frames: np.ndarray, tmp_path: Path) -> None:
    needs("cmake", "c++")
    found = importlib.util.find_spec("openvino")
    if found is None or not found.submodule_search_locations:
        pytest.skip("OpenVINO is not installed")
    path = clip_files["openvino.xml"]
    cmake = Path(found.submodule_search_locations[0]) / "cmake"
    run("cmake", "-S", PROGRAMS, "-B", "build", f"-DOpenVINO_DIR={cmake}", folder=tmp_path)
    run("cmake", "--build", "build", folder=tmp_path)
    height, width = SIDES
    out = run("build/predict", path, "frames.rgb", width, height, folder=tmp_path)
    probabilities, known = open_runner(path, "openvino", "clip")(frames[None])
    best = int(probabilities[0].argmax())
    expected = f"class {best}: {probabilities[0, best]:.4f}, a known action: {known[0]:.4f}\n"
    assert out == expected


def test_javascript(clip_files: dict[str, Path], frames: np.ndarray, tmp_path: Path) -> None:
    needs("node", "npm")
    path = clip_files["onnx.onnx"]
    described = read_info(path)
    (tmp_path / "clip.json").write_text(json.dumps(described), encoding="utf-8")
    shutil.copy(PROGRAMS / "predict.mjs", tmp_path)
    (tmp_path / "package.json").write_text("{}")
    installed = subprocess.run(
        ["npm", "install", "--no-audit", "--no-fund", "onnxruntime-web@1.30.0"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if installed.returncode:
        pytest.skip("npm could not install onnxruntime-web")
    height, width = SIDES
    out = run(
        "node", "predict.mjs", path, "clip.json", "frames.rgb", width, height,
        folder=tmp_path,
    )  # fmt: skip
    probabilities, known = open_runner(path, "onnx", "clip")(frames[None])
    best = int(probabilities[0].argmax())
    name = described["classes"][best]
    assert out == f"{name} {probabilities[0, best]:.4f}, a known action: {known[0]:.4f}\n"
