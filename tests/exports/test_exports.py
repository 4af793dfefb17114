"""Exported files answer as this project does, with their own libraries alone."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from action_recognition.exports import export as exports
from action_recognition.exports.compare import CLOSE, Compared, difference
from action_recognition.exports.export import ExportError, export_model
from action_recognition.exports.info import read_info
from action_recognition.exports.runners import Runner, open_runner
from action_recognition.models.model_file import Model, save_model
from export_maker import RULE, moving

pytestmark = pytest.mark.slow  # the whole file: exporting takes its time

HEAVY = ("torch", "onnx", "onnxruntime", "openvino", "keras")


@pytest.fixture(scope="module")
def runners(clip_files: dict[str, Path]) -> dict[str, Runner]:
    return {
        kind: open_runner(path, kind.split(".")[0], "clip") for kind, path in clip_files.items()
    }


def test_all_forms_are_equal(compared: list[Compared], export_folder: Path) -> None:
    """`model check` does the same with real clips."""
    assert [row.name for row in compared] == [
        "clip.onnx", "stream.onnx", "clip.xml", "stream.xml", "clip.keras", "clip.h5", "clip.pt2",
        "stream.pt2",
    ]  # fmt: skip
    assert {row.name: row.difference for row in compared if not row.difference < CLOSE} == {}
    assert all(row.bytes > 0 and row.opens_s > 0 and row.frame_s > 0 for row in compared)
    names = {row.name for row in compared} | {"clip.bin", "stream.bin"}
    assert {p.name for p in export_folder.iterdir()} == names


def test_differences_are_seen() -> None:
    """Or the other tests show nothing."""
    one = np.zeros((1, 3)), np.zeros(1)
    assert difference(one, one) == 0
    assert difference((np.full((1, 3), 0.2), np.zeros(1)), one) == pytest.approx(0.2)
    assert difference((np.zeros((1, 3)), np.full(1, np.nan)), one) == np.inf
    assert difference((np.zeros((1, 2)), np.zeros(1)), one) == np.inf


def test_where_nothing_moves_there_is_no_action(runners: dict[str, Runner]) -> None:
    still = np.repeat(moving(1, 1, 36, 36), 6, 1)
    for run in runners.values():
        assert run(still)[1].tolist() == [0]
        assert run(still[:, :1])[1][0] > 0  # a single frame cannot tell


@pytest.mark.parametrize("sides", [(36, 36), (72, 72), (20, 26), (90, 50), (41, 300), (300, 41)])
def test_frames_of_any_size(
    runners: dict[str, Runner], export_source: Model, sides: tuple[int, int]
) -> None:
    """They are cropped and scaled as Pillow does, to half a grey level."""
    height, width = sides
    frames = moving(1, 5, *sides)
    kept_w, kept_h = min(width, height * 4 / 3), min(height, width * 4 / 3)
    left, top = (width - kept_w) / 2, (height - kept_h) / 2
    box = (left, top, left + kept_w, top + kept_h)
    small = [
        np.asarray(Image.fromarray(p).resize((36, 36), Image.Resampling.BILINEAR, box))
        for p in frames[0]
    ]
    expected = runners["onnx.onnx"](np.stack(small)[None])
    found = {kind: run(frames) for kind, run in runners.items()}
    for kind, answer in found.items():
        assert difference(answer, found["onnx.onnx"]) < CLOSE, kind
    assert difference(found["onnx.onnx"], expected) < 0.05


def test_every_file_says_what_it_is(
    clip_files: dict[str, Path], export_source: Model, tmp_path: Path
) -> None:
    for kind, path in clip_files.items():
        found = read_info(path)
        assert found["classes"] == ["Jumping", "Reading"], kind
        assert found["background"] == ["Swimming"]
        assert (found["interval_s"], found["size"], found["window"]) == (0.1, 36, 4)
        assert found["open_set"] == RULE.to_dict()
        assert found["temperature"] == 0.7
        assert found["training"] == {"data": "abc", "date": "2026-11-28"}
        assert "MIT" in found["licence"]
        assert found["bytes"] == path.stat().st_size
    save_model(export_source, tmp_path / "m.h5")
    found = read_info(tmp_path / "m.h5")
    assert found["format"] == "action-recognition model"
    assert found["classes"] == ["Jumping", "Reading"]
    found = read_info(clip_files["onnx.onnx"].with_name("stream.onnx"))
    assert (found["form"], found["temperature"]) == ("stream", 1.3)
    assert found["open_set"]["threshold"] == -0.5


def test_reading_that_needs_no_library(clip_files: dict[str, Path]) -> None:
    program = (
        "import sys\nfrom action_recognition.exports.info import read_info\n"
        "for path in sys.argv[1:]: read_info(path)\n"
        f"print([name for name in {HEAVY} if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *map(str, clip_files.values())],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout == "[]\n"


def test_files_are_used_without_this_project(clip_files: dict[str, Path], tmp_path: Path) -> None:
    """Keras and PyTorch could need classes of it."""
    frames = moving(1, 6, 40, 50)
    np.save(tmp_path / "frames.npy", frames)
    program = """
import os, sys
sys.modules["action_recognition"] = None
os.environ["KERAS_BACKEND"] = "torch"
import keras, numpy as np, torch
frames = np.load(sys.argv[1])
for path in sys.argv[2:4]:
    found = keras.models.load_model(path)(frames)
    print(keras.ops.convert_to_numpy(found["probabilities"])[0].tolist())
print(torch.export.load(sys.argv[4]).module()(torch.from_numpy(frames))[0][0].tolist())
"""
    paths = [clip_files[kind] for kind in ("keras.keras", "keras.h5", "torch.pt2")]
    done = subprocess.run(
        [sys.executable, "-c", program, tmp_path / "frames.npy", *paths],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    expected = open_runner(clip_files["onnx.onnx"], "onnx", "clip")(frames)[0][0]
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(answers) == 3
    assert all(answer == pytest.approx(expected.tolist(), abs=CLOSE) for answer in answers)


WRONG = {
    "an unknown format": ("m.onnx", {"to": "tflite"}, "to='tflite', must be one of onnx, "),
    "an unknown form": ("m.onnx", {"to": "onnx", "form": "film"}, "form='film', must be one of"),
    "a stream of Keras": ("m.keras", {"to": "keras", "form": "stream"}, "no state from call to"),
    "another suffix": ("m.pt", {"to": "torch"}, r"m\.pt: the name must end with \.pt2"),
}


@pytest.mark.parametrize("kind", WRONG)
def test_wrong_usage_is_one_sentence(export_source: Model, tmp_path: Path, kind: str) -> None:
    name, options, said = WRONG[kind]
    with pytest.raises(ValueError, match=said):
        export_model(export_source, tmp_path / name, **options)
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_written_is_one_sentence(
    export_source: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And what was there before stays."""
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(ExportError, match=r"^m\.onnx: the export cannot be written \([^\n]+\)$"):
        export_model(export_source, tmp_path / "file" / "m.onnx", to="onnx")

    def full(model: Model, form: str, path: Path) -> None:
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(exports, "_saver", lambda to: full)
    (tmp_path / "m.onnx").write_text("an older one")
    with pytest.raises(ExportError, match="No space left on device"):
        export_model(export_source, tmp_path / "m.onnx", to="onnx")
    assert (tmp_path / "m.onnx").read_text() == "an older one"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file", "m.onnx"]


@pytest.mark.parametrize("suffix", [".onnx", ".xml", ".keras", ".h5", ".pt2", ".txt", ""])
@pytest.mark.parametrize("content", [b"", b"no model", b"\x00" * 99, b"PK\x03\x04" + b"x" * 99])
def test_other_files_are_one_sentence(tmp_path: Path, suffix: str, content: bytes) -> None:
    path = tmp_path / f"m{suffix}"
    path.write_bytes(content)
    with pytest.raises(Exception, match=rf"^m{suffix.replace('.', '[.]')}: [^\n]+$") as error:
        read_info(path)
    assert type(error.value).__name__ in ("ExportError", "ModelFileError")


def test_exports_of_others_are_one_sentence(tmp_path: Path) -> None:
    import onnx
    from onnx import helper

    x = helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [1])
    graph = helper.make_graph([helper.make_node("Identity", ["x"], ["x2"])], "g", [x], [])
    (tmp_path / "m.onnx").write_bytes(helper.make_model(graph).SerializeToString())
    (tmp_path / "m.xml").write_text("<net name='x'><rt_info/></net>")
    for name in ("m.onnx", "m.xml"):
        with pytest.raises(ExportError, match=rf"^{name}: it was not exported by this project$"):
            read_info(tmp_path / name)
    with pytest.raises(ExportError, match=r"^gone\.onnx: there is no such file$"):
        read_info(tmp_path / "gone.onnx")
