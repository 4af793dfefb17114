"""The published weights of MoViNet-A0: names, order, damage, and what they make of real clips."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from action_recognition.clips import Preprocessing, read_clips
from action_recognition.errors import ModelFileError
from action_recognition.models.pretrained import load_kinetics
from action_recognition.models.torch_runtime import TorchRuntime
from action_recognition.video import Video

pytestmark = pytest.mark.slow  # the whole file: some seconds

NAME = "movinet_a0_stream_kinetics600.npz"
CLASSES = ("abseiling", "acting in play", "yoga")
Arrays = dict[str, NDArray[np.float16]]

# The table in the README of the weights: output channels, expanded channels of each layer,
# spatial kernel and frames of each, stride of the first.
BLOCKS = (
    (8, (24,), (5,), (1,), 2),
    (32, (80, 80, 80), (3, 3, 3), (3, 3, 3), 2),
    (56, (184, 112, 184), (3, 3, 3), (5, 3, 3), 2),
    (56, (184,) * 4, (3,) * 4, (5, 3, 3, 3), 1),
    (104, (384, 280, 280, 344), (3, 5, 5, 5), (5, 1, 1, 1), 2),
)


def shapes(classes: int) -> dict[str, tuple[int, ...]]:
    """Every array of the file, from that table."""
    convolutions: dict[str, tuple[int, ...]] = {"stem": (8, 3, 3, 3)}
    found: dict[str, tuple[int, ...]] = {}
    inputs = 8
    for b, (outputs, *layers, stride) in enumerate(BLOCKS):
        for k, (expanded, kernel, frames) in enumerate(zip(*layers, strict=True)):
            name = f"block{b}_layer{k}"
            convolutions[f"{name}.expansion"] = (expanded, inputs, 1, 1)
            convolutions[f"{name}.spatial"] = (expanded, 1, kernel, kernel)
            if frames > 1:
                convolutions[f"{name}.temporal"] = (expanded, frames)
            convolutions[f"{name}.projection"] = (outputs, expanded, 1, 1)
            if k == 0 and (stride == 2 or inputs != outputs):
                convolutions[f"{name}.skip"] = (outputs, inputs, 1, 1)
            found[f"{name}.scale"] = ()
            inputs = outputs
    convolutions |= {
        "head": (480, 104, 1, 1),
        "dense": (2048, 480, 1, 1),
        "classifier": (classes, 2048, 1, 1),
    }
    for name, shape in convolutions.items():
        found |= {f"{name}.weight": shape, f"{name}.bias": shape[:1]}
    return found


@pytest.fixture(scope="module")
def arrays() -> Arrays:
    random = np.random.default_rng(0)
    return {
        name: random.normal(0, 0.1, shape).astype(np.float16)
        for name, shape in shapes(len(CLASSES)).items()
    }


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "labels.txt").write_text("\n".join(CLASSES) + "\n", encoding="utf-8")
    return tmp_path


def write(folder: Path, arrays: Arrays) -> Path:
    np.savez(folder / NAME, **arrays)
    return folder


def test_every_array_has_its_place(folder: Path, arrays: Arrays) -> None:
    network, names = load_kinetics(write(folder, arrays))
    assert names == CLASSES
    assert network.architecture.classes == 3
    assert (network.lstm, network.gru, network.recurrent_dense) == (None, None, None)
    assert not network.training
    state = network.state_dict()
    assert len(state) == len(arrays)
    for own, name in {
        "trunk.stem.weight": "stem.weight",
        "trunk.layers.0.spatial.bias": "block0_layer0.spatial.bias",
        "trunk.layers.1.skip.weight": "block1_layer0.skip.weight",
        "trunk.layers.3.temporal.weight": "block1_layer2.temporal.weight",
        "trunk.layers.4.temporal.bias": "block2_layer0.temporal.bias",
        "trunk.layers.6.scale": "block2_layer2.scale",
        "trunk.layers.7.expansion.weight": "block3_layer0.expansion.weight",
        "trunk.layers.10.projection.bias": "block3_layer3.projection.bias",
        "trunk.layers.14.spatial.weight": "block4_layer3.spatial.weight",
        "trunk.head.bias": "head.bias",
        "hidden.weight": "dense.weight",
        "dense.weight": "classifier.weight",
        "dense.bias": "classifier.bias",
    }.items():
        expected = torch.from_numpy(arrays[name].astype(np.float32))
        assert torch.equal(state[own], expected.reshape(state[own].shape)), own
    mine = sorted(float(w.double().sum()) for w in state.values())  # and each of them is used once
    theirs = sorted(float(a.astype(np.float64).sum()) for a in arrays.values())
    assert mine == pytest.approx(theirs)


def test_each_missing_file_is_named(folder: Path, arrays: Arrays) -> None:
    with pytest.raises(ModelFileError, match=f"^{NAME}: there is no such file"):
        load_kinetics(folder)
    write(folder, arrays)
    (folder / "labels.txt").unlink()
    with pytest.raises(ModelFileError, match=r"^labels\.txt: there is no such file"):
        load_kinetics(folder)


@pytest.mark.parametrize(
    ("text", "reason"), [(b"", "it holds no class names"), (b"\xff\xfe\n", "it is not UTF-8 text")]
)
def test_labels_that_are_none(folder: Path, arrays: Arrays, text: bytes, reason: str) -> None:
    (write(folder, arrays) / "labels.txt").write_bytes(text)
    with pytest.raises(ModelFileError, match=rf"^labels\.txt: {reason}"):
        load_kinetics(folder)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("block2_layer1.temporal.weight", None),
        ("block4_layer3.scale", None),
        ("classifier.bias", np.zeros(4, np.float16)),  # of four classes, with three labels
        ("stem.weight", np.zeros((8, 3, 5, 5), np.float16)),
    ],
)
def test_an_array_that_is_missing_or_of_another_size(
    folder: Path, arrays: Arrays, name: str, value: NDArray[np.float16] | None
) -> None:
    changed = {k: a for k, a in arrays.items() if k != name}
    write(folder, changed if value is None else changed | {name: value})
    with pytest.raises(ModelFileError, match=f"^{NAME}: {name} is missing or of another size"):
        load_kinetics(folder)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_an_array_that_is_not_finite(folder: Path, arrays: Arrays, value: float) -> None:
    broken = np.full((8,), value, np.float16)
    write(folder, arrays | {"stem.bias": broken})
    with pytest.raises(ModelFileError, match=f"^{NAME}: stem.bias is not finite"):
        load_kinetics(folder)


def test_an_array_of_objects_is_never_unpickled(folder: Path, arrays: Arrays) -> None:
    write(folder, arrays | {"stem.bias": np.array([{}] * 8)})
    with pytest.raises(ModelFileError, match=f"^{NAME}: no weights of MoViNet-A0"):
        load_kinetics(folder)


@pytest.mark.parametrize("kind", ["empty", "text", "npy", "cut", "folder"])
def test_a_file_that_is_no_npz(folder: Path, arrays: Arrays, kind: str) -> None:
    path = folder / NAME
    if kind == "folder":
        path.mkdir()
    elif kind == "npy":
        with path.open("wb") as file:
            np.save(file, np.zeros(3))
    elif kind == "cut":
        write(folder, arrays)
        path.write_bytes(path.read_bytes()[:-1000])
    else:
        path.write_bytes(b"" if kind == "empty" else b"This is text.\n" * 100)
    with pytest.raises(ModelFileError, match=f"^{NAME}: no weights of MoViNet-A0"):
        load_kinetics(folder)


@pytest.fixture
def published(shared_dir: Path) -> Path:
    folder = shared_dir / "weights" / "movinet_a0_kinetics600"
    if not folder.is_dir():
        pytest.skip("needs the weights in ../shared/weights/movinet_a0_kinetics600")
    return folder


def test_published_weights_have_the_names_of_the_table(published: Path) -> None:
    with np.load(published / NAME) as file:
        assert {n: file[n].size for n in file.files} == {
            name: int(np.prod(shape)) for name, shape in shapes(600).items()
        }
    network, names = load_kinetics(published)
    assert sum(w.numel() for w in network.parameters()) == 2_723_407
    assert (len(names), names[0], names[-1]) == (600, "abseiling", "zumba")


@pytest.mark.slow
def test_published_weights_know_a_crawling_baby(published: Path, shared_dir: Path) -> None:
    """The table of the README says 104 of 132; here it is a few of them."""
    clips = sorted((shared_dir / "clips" / "BabyCrawling").glob("*"))[::10][:12]
    if len(clips) < 12:
        pytest.skip("needs the real clips in ../shared/clips/BabyCrawling")
    network, names = load_kinetics(published)
    runtime, found = TorchRuntime(network, device="cpu"), []
    for path in clips:
        with Video(path) as video:
            seen = read_clips(video, Preprocessing(), window=16).frames[:1, :25]
        found.append(names[int(runtime.answer(seen).logits.argmax())])
    assert found.count("crawling baby") >= 9, found


def test_weights_beside_other_labels(published: Path, tmp_path: Path) -> None:
    shutil.copy(published / NAME, tmp_path / NAME)
    (tmp_path / "labels.txt").write_text("running\nwalking\n")
    with pytest.raises(ModelFileError, match=r"classifier\.weight is missing or of another size"):
        load_kinetics(tmp_path)
