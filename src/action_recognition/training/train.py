"""Trains a model from a manifest. `train` reads top-down; each step is a function."""

from __future__ import annotations

import hashlib
import platform
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import lightning as L
import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from action_recognition.clips import Preprocessing
from action_recognition.datasets.manifest import Manifest, fingerprint
from action_recognition.models.hybridnet import HybridNet
from action_recognition.models.model_file import Model, find_model, load_model, network_with_graphs
from action_recognition.models.stored_network import open_runtime, restored
from action_recognition.models.torch_runtime import TorchRuntime
from action_recognition.training.answers import Answers, answers, read_videos, trunk_vectors
from action_recognition.training.calibration import calibrate
from action_recognition.training.divergence import check_features
from action_recognition.training.films import TrunkVideo, learn_films
from action_recognition.training.footage import Sample
from action_recognition.training.networks import (
    set_typical,
    with_classes,
    with_recurrent,
)
from action_recognition.training.random_clips import RandomClips, draw_features
from action_recognition.training.regression import STRENGTHS, fit_dense
from action_recognition.training.run_folder import (
    LAST,
    REFIT,
    STRENGTH,
    locked,
    prepare_folder,
    read_json,
    write_json,
)
from action_recognition.training.settings import TrainingSettings
from action_recognition.training.shortage import explained
from action_recognition.training.training_data import TrainingData, counts, notes, sources
from action_recognition.training.tuning import ValidationVideos, tune
from action_recognition.video.part import Place

OnProgress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Run:
    """One training run: its settings, its folder, and how it reports progress.

    Parameters:
        settings: every number of the training.
        folder: where checkpoints and the metrics of each epoch are written.
        init: model file to start from, or a shipped model's name.
        resume: continue from the last checkpoint in the folder.
        device: "auto", "cpu" or "cuda".
        progress: whether Lightning shows progress bars.
        on_progress: called with (name of the step, number done, number in total).
        on_note: called with a sentence about what may be wrong but does not prevent the training;
            by default, a `UserWarning` is raised.
    """

    settings: TrainingSettings
    folder: Path
    init: str = "kinetics600"
    resume: bool = False
    device: str = "auto"
    progress: bool = False
    on_progress: OnProgress = lambda *_: None
    on_note: Callable[[str], None] = warnings.warn


def train(manifest: Manifest, data: TrainingData, run: Run) -> Model:
    """Trains a network and calibrates it.

    Parameters:
        manifest: the manifest that `data` was built from.

    Raises:
        ModelFileError: the file to start from cannot be read.
        TrainingError: the training has diverged, or memory or disk space has run out.
        UsageError: `resume` was given without an interrupted run, or with different settings, or
            another training is at work in the folder.
    """
    for note in notes(manifest, data):
        run.on_note(note)
    with explained(run.settings, run.folder), locked(run.folder):
        return _train(manifest, data, run)


def _train(manifest: Manifest, data: TrainingData, run: Run) -> Model:
    started = time.perf_counter()
    L.seed_everything(run.settings.seed, workers=True, verbose=False)
    start = load_model(find_model(run.init))
    start = replace(start, network=restored(start.network))
    record = _describe(manifest, data, run, start)
    checkpoint = prepare_folder(run.folder, record, resume=run.resume, on_note=run.on_note)
    if not data.validation:  # nothing would say whether LSTM and GRU help
        run = replace(run, settings=replace(run.settings, film_epochs=0))
    network = _learn(start, data, run, checkpoint, record)
    model = Model(
        network, data.classes, start.preprocessing, background=data.background, training=record
    )
    model = calibrated(model, data, run)
    if run.settings.refit and data.validation:
        model = replace(model, network=_learn_again(start, data, run, record))
    record["seconds"] = round(time.perf_counter() - started)
    return model


def calibrated(model: Model, data: TrainingData, run: Run) -> Model:
    """The model with a temperature and an open-set rule, fitted with the weights as stored.

    Without validation videos of known classes, the model is returned unchanged.
    """
    if not any(c.label in data.classes for c in data.validation):
        return model
    network = restored(model.network)
    _round_weights(network)
    # What will answer is what is calibrated.
    answering = network_with_graphs(replace(model, network=network))
    runtime = open_runtime(answering, device=run.device)
    bar = _bar(run, "calibrating")
    found = answers(runtime, data.validation, model.preprocessing, bar)
    known = np.array([label in data.classes for label in found.labels])
    return calibrate(model, found.part(known), found.part(~known) if (~known).any() else None)


# -- the steps of train --------------------------------------------------------------------


def _describe(manifest: Manifest, data: TrainingData, run: Run, start: Model) -> dict[str, Any]:
    """The training record, which describes a run and identifies it when it is resumed."""
    initial = restored(start.network)
    split = [c for s in ("train", "val") for c in manifest.split(s) if c.label in data.classes]
    return {
        "data": fingerprint(split),
        "clips": counts(manifest, data),
        "sources": sources(manifest, data),
        "init": start.training.get("init", run.init),
        "init_weights": weights_digest(initial),
        "settings": asdict(run.settings),
        "architecture": replace(
            initial.architecture,
            classes=len(data.labels),
            lstm=run.settings.lstm,
            gru=run.settings.gru,
            pretrained=(initial.pretrained or initial.dense).out_features,
        ).to_dict(),
        "preprocessing": start.preprocessing.to_dict(),
        "versions": {
            "python": platform.python_version(),
            "torch": torch.__version__,
            "lightning": L.__version__,
            "numpy": np.__version__,
        },
        "date": time.strftime("%Y-%m-%d"),
    }


def _learn(
    start: Model,
    data: TrainingData,
    run: Run,
    checkpoint: Path | None,
    record: dict[str, Any],
) -> HybridNet:
    """Runs regression, tuning and films; adds what they report to the record."""
    settings, preprocessing = run.settings, start.preprocessing
    clips = RandomClips(data.samples, preprocessing, settings)
    known = [c for c in data.validation if c.label in data.classes]
    network = with_classes(restored(start.network), len(data.labels)).cpu()
    drawn = None
    chosen = run.folder / STRENGTH
    if checkpoint is not None:  # the weights are those of the checkpoint
        record["strength"] = read_json(chosen)
    else:
        runtime = TorchRuntime(restored(start.network), device=run.device)
        drawn = draw_features(runtime, clips, settings.views, _bar(run, "drawing clips"))
        held = answers(runtime, known, preprocessing, _bar(run, "validation videos"))
        record["strength"] = _regress(network, drawn, data, held, record)
        write_json(chosen, record["strength"])
    if settings.tuned_layers:
        videos = [(c.place, data.labels.index(c.label)) for c in known]
        record |= tune(
            network, clips,
            ValidationVideos(videos, preprocessing, network.architecture.window),
            known=len(data.classes), run_folder=run.folder, checkpoint=checkpoint,
            device=run.device, progress=run.progress,
        )  # fmt: skip
    if drawn is None or settings.tuned_layers:
        runtime = TorchRuntime(network, device=run.device)
        drawn = draw_features(runtime, clips, 1, _bar(run, "drawing clips of the tuned network"))
        check_features(drawn[0], "the training clips", "lower --learning-rate")
    network = set_typical(network.cpu(), *drawn)
    torch.manual_seed(settings.seed)  # whatever came before: LSTM and GRU begin the same
    network = with_recurrent(network, settings.lstm, settings.gru)
    if settings.film_epochs and network.recurrent_dense is not None:
        runtime = TorchRuntime(network, device=run.device)
        record["films"] = _learn_films(runtime, data, preprocessing, run)
    return network.cpu().eval()


def _learn_again(
    start: Model, data: TrainingData, run: Run, record: Mapping[str, Any]
) -> HybridNet:
    """Trains a network like the first one, but on the validation videos as well."""
    known = [c for c in data.validation if c.label in data.classes]
    more = tuple(Sample(c.place, data.labels.index(c.label)) for c in known)
    folder = run.folder / REFIT
    folder.mkdir(exist_ok=True)
    whole = replace(data, samples=(*data.samples, *more), validation=())
    epochs = run.settings.epochs
    if run.settings.patience:
        epochs = record.get("best_epoch", epochs)  # there is none where no layers are tuned
    films = record.get("films", {}).get("best_epoch", 0)
    settings = replace(run.settings, patience=0, epochs=epochs, film_epochs=films)
    checkpoint = folder / LAST
    return _learn(
        start, whole, replace(run, settings=settings, folder=folder),
        checkpoint if checkpoint.exists() and run.resume else None,
        {"strength": record.get("strength")},
    )  # fmt: skip


def _regress(
    network: HybridNet,
    drawn: tuple[NDArray[np.float32], list[int]],
    data: TrainingData,
    held: Answers,
    record: Mapping[str, Any],
) -> float:
    """Fits the dense layer, with the strength given in the record, if any."""
    features = np.array([v.features for v in held.videos])
    validation = (features, [data.labels.index(label) for label in held.labels])
    strength = record.get("strength")
    strengths = (strength,) if strength else STRENGTHS
    return fit_dense(network, *drawn, validation if held.labels else None, strengths=strengths)


def _learn_films(
    runtime: TorchRuntime, data: TrainingData, preprocessing: Preprocessing, run: Run
) -> dict[str, float]:
    """Trains LSTM and GRU on the trunk's vectors of all videos."""
    window = runtime.window

    def vectors(paths: Sequence[Place], targets: Sequence[int], what: str) -> list[TrunkVideo]:
        found: list[TrunkVideo] = []
        for frames, target in zip(read_videos(paths, preprocessing, window), targets, strict=True):
            found.append(TrunkVideo(trunk_vectors(runtime, frames[0]), target))
            run.on_progress(what, len(found), len(paths))
        return found

    samples = [s for s in data.samples if s.made is None and not s.is_picture]
    train = vectors([s.path for s in samples], [s.target for s in samples], "vectors of videos")
    held = vectors(
        [c.place for c in data.validation],
        [data.labels.index(c.label) for c in data.validation],
        "vectors of validation videos",
    )
    network = runtime.network.cpu()
    return learn_films(
        network, train, held, epochs=run.settings.film_epochs, seed=run.settings.seed
    )


def weights_digest(network: HybridNet) -> str:
    """A digest of the weights that training starts from."""
    sha = hashlib.sha256()
    for name, values in network.state_dict().items():
        if name.startswith(("trunk.", "hidden.", "dense.", "pretrained.")):
            sha.update(name.encode() + values.cpu().numpy().tobytes())
    return sha.hexdigest()[:16]


def _round_weights(network: nn.Module) -> None:
    """Rounds the weights to those that a model file stores."""
    with torch.no_grad():
        for values in network.state_dict().values():  # parameters, and what is typical of classes
            values.copy_(values.half())


def _bar(run: Run, what: str) -> Callable[[int, int], None]:
    return lambda done, total: run.on_progress(what, done, total)
