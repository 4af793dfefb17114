"""ONNX files in 8 bits: made from real clips, with inputs, outputs and answers of float files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest

from action_recognition.cli import main
from action_recognition.clips import Preprocessing
from action_recognition.errors import DataError, UsageError, VideoError
from action_recognition.exports.calibration import Calibration, read_calibration
from action_recognition.exports.compare import difference
from action_recognition.exports.export import export_model
from action_recognition.exports.info import read_info
from action_recognition.exports.int8 import quantize
from action_recognition.exports.runners import open_runner
from action_recognition.models.model_file import Model, save_model
from export_maker import moving
from video_maker import MadeVideo

pytestmark = pytest.mark.slow  # the whole file: exporting takes its time

Print = pytest.CaptureFixture[str]
SETTINGS = Preprocessing(interval_s=0.1, size=36)
ONNX_MODEL = "action_recognition.exports.int8.onnx_model"  # which takes a quarter of a minute


@pytest.fixture(scope="module")
def clips() -> list[np.ndarray]:
    return [moving(1, 12, 36, 36)[0], moving(2, 7, 36, 36)[1]]


@pytest.fixture(scope="module")
def files(
    export_source: Model,
    floats: dict[str, onnx.ModelProto],
    clips: list[np.ndarray],
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """A folder with `clip.onnx`, `stream.onnx`, and of each one in 8 bits."""
    folder = tmp_path_factory.mktemp("int8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ONNX_MODEL, lambda _, form: floats[form])
        for form, graph in floats.items():
            (folder / f"{form}.onnx").write_bytes(graph.SerializeToString())
            export_model(
                export_source, folder / f"{form}-int8.onnx", to="onnx", form=form,
                calibration=Calibration(clips, ("a.mp4", "b.mp4")),
            )  # fmt: skip
    return folder


@pytest.mark.parametrize("form", ["clip", "stream"])
def test_answers_are_close_to_those_of_float(files: Path, form: str) -> None:
    frames = moving(3, 9, 50, 40)
    found, expected = (
        open_runner(files / f"{name}.onnx", "onnx", form)(frames) for name in (f"{form}-int8", form)
    )
    assert 0 < difference(found, expected) < 0.1
    np.testing.assert_allclose(found[0].sum(-1), 1, atol=1e-5)


def test_streams_do_not_mind_how_frames_are_cut(files: Path) -> None:
    frames = moving(1, 9, 36, 36)
    run = open_runner(files / "stream-int8.onnx", "onnx", "stream")
    answers = [run(frames, piece) for piece in (1, 4, 9)]
    assert max(difference(one, answers[0]) for one in answers) < 1e-4


@pytest.mark.parametrize("form", ["clip", "stream"])
def test_inputs_and_outputs_stay(files: Path, form: str) -> None:
    whole, small = (onnx.load(files / f"{name}.onnx") for name in (form, f"{form}-int8"))
    for ports in ("input", "output"):
        one, other = (getattr(graph.graph, ports) for graph in (whole, small))
        assert [p.name for p in one] == [p.name for p in other]
        assert [p.type for p in one] == [p.type for p in other]


def test_what_is_stored_in_bytes(files: Path) -> None:
    """All weights of a size worth it, but for the first convolution."""
    whole, small = (onnx.load(files / f"{name}.onnx").graph for name in ("clip", "clip-int8"))
    sizes = {w.name: (w.data_type, int(np.prod(w.dims))) for w in small.initializer}
    kinds = Counter[int]()
    for kind, count in sizes.values():
        kinds[kind] += count
    assert kinds[onnx.TensorProto.INT8] > 10 * sum(
        count for name, (kind, count) in sizes.items()
        if kind == onnx.TensorProto.FLOAT and name.startswith("network.") and "bias" not in name
    )  # fmt: skip
    made = {n.output[0]: n for n in small.node}
    convolutions = [n for n in small.node if n.op_type == "Conv"]
    assert len(convolutions) == sum(n.op_type == "Conv" for n in whole.node)
    computed = [n for n in convolutions if made.get(n.input[1]) is not None]
    assert len(computed) == len(convolutions) - 1
    assert all(made[n.input[1]].op_type == "DequantizeLinear" for n in computed)
    for node in small.node:
        if node.op_type in ("LSTM", "GRU"):
            assert {made[name].op_type for name in node.input[1:3]} == {"DequantizeLinear"}
    assert {node.domain for node in small.node} == {""}


def test_choices_of_quantisation(
    export_source: Model, floats: dict[str, onnx.ModelProto], clips: list[np.ndarray]
) -> None:
    """Weights of seven bits stay below 65; of eight, one reaches 127 in each channel."""
    for seven, most in ((True, 64), (False, 127)):
        made = quantize(floats["clip"], export_source.architecture, clips[1:], seven_bits=seven)
        read = [n.input[0] for n in made.graph.node if n.op_type == "DequantizeLinear"]
        values = [
            np.abs(onnx.numpy_helper.to_array(w).astype(int)).max()
            for w in made.graph.initializer
            if w.name in read and w.data_type == onnx.TensorProto.INT8 and "_int8" not in w.name
        ]
        assert set(values) == {most}


def test_files_say_what_calibrated_them(files: Path) -> None:
    found = read_info(files / "stream-int8.onnx")
    assert found["int8"]["sources"] == ["a.mp4", "b.mp4"]
    assert (found["int8"]["clips"], found["int8"]["frames"]) == (2, 19)
    whole = read_info(files / "stream.onnx")
    assert {k: v for k, v in found.items() if k not in ("int8", "bytes")} == {
        k: v for k, v in whole.items() if k != "bytes"
    }
    keys = [entry.key for entry in onnx.load(files / "clip-int8.onnx").metadata_props]
    assert keys == ["action_recognition"]


def test_clips_of_folders(make_video: Callable[..., MadeVideo], tmp_path: Path) -> None:
    """Of class folders in splits, the train split; of others, all; evenly, no more than asked."""
    video = make_video(seconds=1).path
    for place in ("data/train/Run", "data/train/Walk", "data/test/Run", "data/test/Walk", "flat"):
        for name in ("a", "b"):
            target = tmp_path / place / f"{place.replace('/', '_')}_{name}.mp4"
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(video.read_bytes())
    (tmp_path / "flat" / "broken.mp4").write_bytes(b"no video")
    refused: list[VideoError] = []

    def clips(*names: str, most: int = 64) -> Calibration:
        sources = [tmp_path / name for name in names]
        return read_calibration(
            sources, SETTINGS, window=4, most=most, on_refused=refused.append
        )  # fmt: skip

    assert (len(clips("data").clips), refused) == (4, [])
    assert len(clips("data", most=2).clips) == 2
    found = clips("flat")
    assert (len(found.clips), found.sources) == (2, ("flat",))
    assert found.clips[0].shape == (10, 36, 36, 3)
    assert [error.name for error in refused] == ["broken.mp4"]
    with pytest.raises(DataError, match=r"^none of the 2 videos to calibrate with can be read$"):
        clips("flat/broken.mp4", "gone.mp4")


def test_clips_are_needed() -> None:
    with pytest.raises(DataError, match="there is none"):
        Calibration([])


WRONG = {
    "no clips": (["--int8"], "--int8 needs --calibrate and videos like those "),
    "clips for nothing": (["--calibrate", "a.mp4"], "--calibrate: only with --int8"),
    "a video that is none": (["--int8", "--calibrate", "a.mp4"], "none of the 1 videos to "),
    "another format": (["--to", "keras", "--int8", "--calibrate", "a.mp4"], "--int8: only with "),
}


@pytest.mark.parametrize("kind", WRONG)
def test_what_goes_wrong_is_one_sentence(
    tiny_model_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Print, kind: str
) -> None:
    options, said = WRONG[kind]
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.mp4").write_bytes(b"no video")
    assert main(["model", "export", str(tiny_model_path), "--to", "onnx", *options]) == 2
    *before, last = capsys.readouterr().err.splitlines()
    assert last.startswith(f"action-recognition: {said}")
    assert all(line.startswith("action-recognition: a.mp4: ") for line in before)
    assert not list(tmp_path.glob("*.onnx"))


def test_only_onnx(export_source: Model, clips: list[np.ndarray], tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"^to='torch': only ONNX files can be int8$"):
        export_model(
            export_source, tmp_path / "m.pt2", to="torch", calibration=Calibration(clips)
        )  # fmt: skip


def test_as_it_is_typed(
    export_source: Model,
    floats: dict[str, onnx.ModelProto],
    make_video: Callable[..., MadeVideo],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Print,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(ONNX_MODEL, lambda _, form: floats[form])
    save_model(export_source, tmp_path / "m.h5")
    video = str(make_video(seconds=1).path)
    options = ["--to", "onnx", "--int8", "--calibrate", video, "gone.mp4"]
    assert main(["model", "export", "m.h5", *options]) == 0
    printed = capsys.readouterr()
    assert printed.out.startswith("m-clip-int8.onnx: ")
    assert [line for line in printed.err.splitlines() if "gone.mp4" in line]
    assert main(["model", "info", "m-clip-int8.onnx"]) == 0
    assert "'clips': 1" in capsys.readouterr().out
