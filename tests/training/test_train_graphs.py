"""A training that ends with a graph: it is calibrated by what will answer, and keeps it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from action_recognition.clips import Preprocessing
from action_recognition.datasets.manifest import Manifest
from action_recognition.evaluation import evaluate as evaluation
from action_recognition.models.graph_names import Graphs
from action_recognition.models.graph_runtime import GraphRuntime
from action_recognition.models.hybridnet import HybridNet
from action_recognition.models.model_file import load_model, save_model
from action_recognition.models.runtime import Runtime
from action_recognition.models.stored_network import StoredNetwork
from action_recognition.recognition.recognizer import Recognizer
from action_recognition.training import train as train_module
from action_recognition.training.answers import Answers, answers
from action_recognition.training.calibration import calibrate
from action_recognition.training.finish import finish
from action_recognition.training.train import train
from action_recognition.training.training_data import gather
from tiny_network import TINY, build_tiny_model, randomise, same, weights
from training_runs import few, numbers, run_of

pytestmark = [pytest.mark.slow, pytest.mark.graphs]


@pytest.fixture
def start(tiny_preprocessing: Preprocessing, tmp_path: Path) -> str:
    """A model of five classes; what learns from it has the graphs that tests have at hand."""
    network = HybridNet(replace(TINY, classes=5, lstm=0, gru=0)).eval()
    randomise(network)
    model = build_tiny_model(tiny_preprocessing)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("action_recognition.models.stored_network._export", lambda *_: None)
        save_model(replace(model, network=network, classes=tuple("abcde")), tmp_path / "start.h5")
    return str(tmp_path / "start.h5")


def test_what_will_answer_is_what_is_calibrated(
    motion: Manifest,
    start: str,
    tiny_graphs: Graphs,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(evaluation, "BOOTSTRAP_SAMPLES", 5)
    asked: list[Runtime] = []

    def listen(runtime: Runtime, *rest: object) -> Answers:
        asked.append(runtime)
        return answers(runtime, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(train_module, "answers", listen)
    manifest = few(motion)
    run = run_of(start, tmp_path / "run", tuned_layers=0, lstm=TINY.lstm, gru=TINY.gru)
    model = train(manifest, gather(manifest), run)
    assert model.architecture == replace(TINY, pretrained=5)
    assert isinstance(asked[-1], GraphRuntime)
    assert isinstance(model.network, HybridNet)
    finish(model, manifest, tmp_path / "m.h5", device="cpu")
    stored = load_model(tmp_path / "m.h5")
    assert isinstance(stored.network, StoredNetwork)
    assert stored.network.graphs == tiny_graphs
    assert same(weights(stored.network), weights(model.network))
    recognizer = Recognizer(stored, device="cpu")
    assert isinstance(recognizer.runtime, GraphRuntime)
    found = answers(recognizer.runtime, manifest.split("val"), stored.preprocessing)
    again = calibrate(replace(stored, temperature=1.0), found, None)
    assert again.temperature == pytest.approx(stored.temperature, rel=1e-6)
    assert numbers(again.open_set) == pytest.approx(numbers(stored.open_set))
    assert stored.metrics["videos"] == len(manifest.split("test"))


def test_the_shipped_model_can_be_trained_on(
    motion: Manifest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What runs by its graph otherwise is the network itself there, and learns."""
    monkeypatch.setattr("action_recognition.models.stored_network._export", lambda *_: None)
    manifest = few(motion, train=1, val=1)
    run = run_of("kinetics600", tmp_path, tuned_layers=0, film_epochs=0, views=1, frames=4)
    model = train(manifest, gather(manifest), run)
    start = load_model(train_module.find_model("kinetics600"))
    assert same(weights(model.network), weights(start.network), "trunk.")
    assert model.architecture.pretrained == 600
    assert torch.equal(
        weights(model.network)["pretrained.weight"], weights(start.network)["dense.weight"]
    )
