"""The graphs in a model file: kept as they are, named where they are wrong, and not needed."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import onnx
import pytest
from onnx import helper

from action_recognition import Recognizer
from action_recognition.clips import Preprocessing
from action_recognition.errors import ModelFileError
from action_recognition.models import stored_network
from action_recognition.models.graph_names import Graphs
from action_recognition.models.graph_runtime import GraphRuntime
from action_recognition.models.hybridnet import HybridNet
from action_recognition.models.model_file import Model, find_model, load_model, save_model
from action_recognition.models.stored_network import StoredNetwork, stored
from action_recognition.models.torch_runtime import TorchRuntime
from tiny_network import build_tiny_model, randomise, same, weights
from video_maker import MadeVideo

pytestmark = pytest.mark.slow  # the whole file: the graphs are exported

SEAL_BYTES = 512
SEAL = b"action-recognition model, sha256 of all after byte 512: "
Edit = Callable[[h5py.File], None]


@pytest.fixture(scope="module")
def whole(
    tiny_preprocessing: Preprocessing, tiny_graphs: Graphs, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A model file with graphs."""
    model = build_tiny_model(tiny_preprocessing, pretrained=5)
    path = tmp_path_factory.mktemp("graphs") / "m.h5"
    save_model(replace(model, network=replace(stored(model.network), graphs=tiny_graphs)), path)
    return path


def edited(whole: Path, folder: Path, *edits: Edit) -> Path:
    """A copy that was changed by hand, and sealed again, so that the parts are looked at."""
    path = folder / "edited.h5"
    path.write_bytes(whole.read_bytes())
    with h5py.File(path, "r+") as file:
        for edit in edits:
            edit(file)
    content = path.read_bytes()[SEAL_BYTES:]
    seal = SEAL + hashlib.sha256(content).hexdigest().encode()
    path.write_bytes(seal.ljust(SEAL_BYTES, b"\0") + content)
    return path


def put(key: str, value: object) -> Edit:
    def edit(file: h5py.File) -> None:
        if key in file:
            del file[key]
        file[key] = value

    return edit


def drop(key: str) -> Edit:
    return lambda file: file.__delitem__(key)


def of_version(version: int) -> Edit:
    return lambda file: file.attrs.__setitem__("format_version", version)


def put_graph(key: str, graph: bytes) -> Edit:
    return put(f"graphs/{key}", np.frombuffer(graph, np.uint8))


# -- they are kept -------------------------------------------------------------------------


def test_round_trip(whole: Path, tiny_graphs: Graphs) -> None:
    network = load_model(whole).network
    assert isinstance(network, StoredNetwork)
    assert network.graphs == tiny_graphs
    with h5py.File(whole) as file:
        assert set(file["graphs"]) == {"network", "heat"}
        assert file["graphs/network"].dtype == np.uint8


@pytest.mark.graphs
@pytest.mark.usefixtures("tiny_graphs")  # what it exports is at hand
def test_a_network_of_a_training_gets_them_when_it_is_saved(
    tiny_preprocessing: Preprocessing, tiny_graphs: Graphs, tmp_path: Path
) -> None:
    """For frames of the size that the model asks for."""
    model = build_tiny_model(tiny_preprocessing, pretrained=5)
    save_model(model, tmp_path / "m.h5")
    loaded = load_model(tmp_path / "m.h5")
    assert isinstance(loaded.network, StoredNetwork)
    assert loaded.network.graphs == tiny_graphs
    (frames, *_) = onnx.load_from_string(tiny_graphs.network).graph.input
    sizes = [d.dim_value or None for d in frames.type.tensor_type.shape.dim]
    assert sizes == [None, None, 32, 32, 3]
    assert type(model.network).__name__ == "HybridNet"  # it stays as it was


def test_what_was_loaded_is_saved_with_its_graphs(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is exported again, so that PyTorch is not needed to change what stands beside it."""
    monkeypatch.setattr(stored_network, "_export", pytest.fail)
    first = load_model(whole)
    save_model(replace(first, metrics={"accuracy": 1.0}), tmp_path / "again.h5")
    again = load_model(tmp_path / "again.h5")
    assert isinstance(first.network, StoredNetwork)
    assert isinstance(again.network, StoredNetwork)
    assert again.network.graphs == first.network.graphs
    assert same(weights(again.network), weights(first.network))
    assert again.metrics == {"accuracy": 1.0}


def test_the_file_is_answered_by_its_graph(whole: Path) -> None:
    recognizer = Recognizer.load(whole, device="cpu")
    assert isinstance(recognizer.runtime, GraphRuntime)
    frames = np.random.default_rng(0).integers(0, 256, (2, 9, 32, 32, 3), dtype=np.uint8)
    expected = TorchRuntime(load_model(whole).network.restored(), device="cpu").run(frames)
    assert recognizer.runtime.run(frames).logits == pytest.approx(expected.logits, abs=1e-5)


@pytest.mark.parametrize("size", [172, 64])
def test_a_network_like_a_shipped_one_takes_its_graphs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    """Which serve any number of classes, but one size of the frames."""
    asked: list[object] = []
    monkeypatch.setattr(stored_network, "_export", lambda *given: asked.append(given))
    shipped = load_model(find_model("shipped"))
    network = HybridNet(replace(shipped.architecture, classes=2)).eval()
    randomise(network)
    save_model(Model(network, ("a", "b"), Preprocessing(size=size)), tmp_path / "m.h5")
    loaded = load_model(tmp_path / "m.h5").network
    assert isinstance(loaded, StoredNetwork)
    assert isinstance(shipped.network, StoredNetwork)
    if size != 172:
        assert (loaded.graphs, len(asked)) == (None, 1)
        return
    assert (loaded.graphs, asked) == (shipped.network.graphs, [])
    frames = np.random.default_rng(0).integers(0, 256, (1, 9, 172, 172, 3), dtype=np.uint8)
    expected = TorchRuntime(loaded.restored(), device="cpu").run(frames).logits
    found = Recognizer.load(tmp_path / "m.h5", device="cpu").runtime.run(frames).logits
    assert found == pytest.approx(expected, abs=1e-4)


# -- they are missing or wrong -------------------------------------------------------------


@pytest.mark.parametrize("version", [8, 9])
def test_a_file_without_graphs_is_answered_by_pytorch(
    whole: Path, tmp_path: Path, version: int
) -> None:
    """As files were before there were any, which was version 8."""
    path = edited(whole, tmp_path, drop("graphs"), of_version(version))
    loaded = load_model(path)
    assert isinstance(loaded.network, StoredNetwork)
    assert loaded.network.graphs is None
    recognizer = Recognizer(loaded, device="cpu")
    assert isinstance(recognizer.runtime, TorchRuntime)
    frames = np.random.default_rng(0).integers(0, 256, (1, 5, 32, 32, 3), dtype=np.uint8)
    expected = Recognizer.load(whole, device="cpu").runtime.run(frames)
    assert recognizer.runtime.run(frames).logits == pytest.approx(expected.logits, abs=1e-5)


def elsewhere(file: h5py.File) -> None:
    del file["graphs/heat"]
    file["graphs"].create_dataset("heat", (6,), np.uint8, external=[("/etc/hostname", 0, 6)])


def virtual(file: h5py.File) -> None:
    layout = h5py.VirtualLayout((6,), np.uint8)
    layout[:] = h5py.VirtualSource("/etc/hostname.h5", "x", (6,))
    del file["graphs/heat"]
    file["graphs"].create_virtual_dataset("heat", layout)


def endless(file: h5py.File) -> None:
    """More bytes than there is memory; none of them was ever written."""
    del file["graphs/heat"]
    file["graphs"].create_dataset("heat", (10**13,), np.uint8, chunks=(2**20,))


def of_another_library() -> bytes:
    node = helper.make_node("Add", ["x"], ["y"], domain="org.evil")
    return helper.make_model(helper.make_graph([node], "g", [], [])).SerializeToString()


PLAIN = "is missing or does not lie in it as plain bytes"
CHANGES = {
    "network missing": (drop("graphs/network"), f"its graph network {PLAIN}"),
    "heat missing": (drop("graphs/heat"), f"its graph heat {PLAIN}"),
    "no group": (put("graphs", 7), "its graph network is missing|damaged"),
    "a group": (put("graphs/heat", np.zeros(3)), f"its graph heat {PLAIN}"),
    "text": (put("graphs/network", "graph"), f"its graph network {PLAIN}"),
    "numbers": (put("graphs/network", np.zeros(40)), f"its graph network {PLAIN}"),
    "signed": (put("graphs/network", np.zeros(40, np.int8)), f"its graph network {PLAIN}"),
    "table": (put("graphs/heat", np.zeros((4, 4), np.uint8)), f"its graph heat {PLAIN}"),
    "elsewhere": (elsewhere, f"its graph heat {PLAIN}"),
    "virtual": (virtual, f"its graph heat {PLAIN}"),
    "endless": (endless, f"its graph heat {PLAIN}"),
    "no graph": (put_graph("network", b"\xff" * 40), "its graph is damaged"),
    "of another library": (
        put_graph("heat", of_another_library()),
        "its graph needs operations of org.evil",
    ),
}


@pytest.mark.parametrize("name", CHANGES)
def test_wrong_graph_is_named(whole: Path, tmp_path: Path, name: str) -> None:
    edit, message = CHANGES[name]
    path = edited(whole, tmp_path, edit)
    with pytest.raises(ModelFileError, match=rf"^edited\.h5: [^\n]*({message})"):
        load_model(path)


def with_text(key: str, old: str, new: str) -> Edit:
    def edit(file: h5py.File) -> None:
        text = file[f"description/{key}"][()].decode()
        assert old in text
        put(f"description/{key}", text.replace(old, new))(file)

    return edit


MISFITS: dict[str, Callable[[Graphs], Edit]] = {
    "the other of the two": lambda graphs: put_graph("network", graphs.heat),
    "nothing": lambda _: put_graph("network", b""),
    "nearly nothing": lambda graphs: put_graph("network", graphs.network[:2]),
}


@pytest.mark.parametrize("kind", MISFITS)
def test_a_graph_that_does_not_fit_is_met_when_it_is_to_run(
    whole: Path, tiny_graphs: Graphs, tmp_path: Path, kind: str
) -> None:
    """The sentence names the file, too."""
    path = edited(whole, tmp_path, MISFITS[kind](tiny_graphs))
    assert load_model(path).classes
    with pytest.raises(ModelFileError, match=r"^edited\.h5: its graph [^\n]+$"):
        Recognizer.load(path, device="cpu")


def test_a_graph_for_frames_of_another_size(
    whole: Path, tmp_path: Path, make_video: Callable[..., MadeVideo]
) -> None:
    edit = with_text("preprocessing", '"size": 32', '"size": 64')
    recognizer = Recognizer.load(edited(whole, tmp_path, edit), device="cpu")
    with pytest.raises(ModelFileError, match=r"^its graph cannot be run \([^\n]+\)$"):
        recognizer.predict(make_video(seconds=1).path)
