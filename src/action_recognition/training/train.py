"""Trains a model from a manifest. `train` reads top-down; each step is a function."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import lightning as L
import numpy as np
import torch
from numpy.typing import NDArray

from action_recognition.clips import Preprocessing
from action_recognition.datasets.manifest import Manifest
from action_recognition.errors import UsageError
from action_recognition.models.hybridnet import HybridNet
from action_recognition.models.model_file import Model, find_model, load_model, network_with_graphs
from action_recognition.models.stored_network import open_runtime, restored
from action_recognition.models.torch_runtime import TorchRuntime
from action_recognition.training.answers import Answers, answers, video_vectors
from action_recognition.training.calibration import calibrate
from action_recognition.training.divergence import check_features
from action_recognition.training.films import TrunkVideo, learn_films
from action_recognition.training.footage import Sample
from action_recognition.training.networks import (
    round_weights,
    set_typical,
    with_classes,
    with_recurrent,
)
from action_recognition.training.processes import ALONE, Processes
from action_recognition.training.random_clips import RandomClips, draw_features
from action_recognition.training.record import describe
from action_recognition.training.regression import STRENGTHS, fit_dense
from action_recognition.training.run_folder import (
    LAST,
    REFIT,
    STRENGTH,
    begun,
    locked,
    prepare_folder,
    read_json,
    write_json,
)
from action_recognition.training.settings import TrainingSettings
from action_recognition.training.shortage import explained
from action_recognition.training.training_data import TrainingData, notes
from action_recognition.training.tuning import Means, ValidationVideos, batches_of, tune
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
        processes: that train together, each by a call of `train`.
        parts: in which each process computes its part of a batch while layers are tuned.
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
    processes: Processes = ALONE
    parts: int = 1
    progress: bool = False
    on_progress: OnProgress = lambda *_: None
    on_note: Callable[[str], None] = warnings.warn

    @property
    def means(self) -> Means:
        """What the tuning is computed with."""
        return Means(self.device, self.processes, self.parts, self.progress)


def train(manifest: Manifest, data: TrainingData, run: Run) -> Model:
    """Trains a network and calibrates it.

    Parameters:
        manifest: the manifest that `data` was built from.

    Returns:
        the model, the same in all processes.

    Raises:
        ModelFileError: the file to start from cannot be read.
        TrainingError: the training has diverged, or memory or disk space has run out.
        UsageError: `resume` was given without an interrupted run, or with different settings, or
            another training is at work in the folder.
    """
    for note in notes(manifest, data):
        run.on_note(note)
    alone = locked(run.folder) if run.processes.writer else nullcontext()
    with explained(run.settings, run.folder), alone:
        return _train(manifest, data, run)


def _train(manifest: Manifest, data: TrainingData, run: Run) -> Model:
    started = time.perf_counter()
    L.seed_everything(run.settings.seed, workers=True, verbose=False)
    start = load_model(find_model(run.init))
    start = replace(start, network=restored(start.network))
    record = describe(manifest, data, run.settings, start, run.init)
    prepared = run.processes.from_writer(lambda: _prepare(run, record))
    checkpoint, run = prepared[0], replace(run, resume=prepared[1])
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
    if run.processes.count > 1:  # after all: with another number, it may go on, too
        record["processes"] = run.processes.count
    return model


def calibrated(model: Model, data: TrainingData, run: Run) -> Model:
    """The model with a temperature and an open-set rule, fitted with the weights as stored.

    Without validation videos of known classes, the model is returned unchanged.
    """
    if not any(c.label in data.classes for c in data.validation):
        return model
    network, together = restored(model.network), run.processes
    round_weights(network)
    # What will answer is what is calibrated.
    answering = together.from_writer(lambda: network_with_graphs(replace(model, network=network)))
    runtime = open_runtime(answering, device=run.device)
    bar = _bar(run, "calibrating")
    found = answers(runtime, data.validation, model.preprocessing, bar, together)

    def fitted() -> Model:
        known = np.array([label in data.classes for label in found.labels])
        return calibrate(model, found.part(known), found.part(~known) if (~known).any() else None)

    return together.from_writer(fitted)


# -- the steps of train --------------------------------------------------------------------


def _prepare(run: Run, record: Mapping[str, Any]) -> tuple[Path | None, bool]:
    """The checkpoint to go on from, if any, and whether the run goes on."""

    def prepare(resume: bool) -> Path | None:
        return prepare_folder(run.folder, record, resume=resume, on_note=run.on_note)

    if run.processes.restarted and not run.resume and begun(run.folder) is not None:
        try:
            return prepare(True), True
        except UsageError as error:  # what is there is of another run
            run.on_note(f"begun anew after a process was lost: {error}")
    return prepare(run.resume), run.resume


def _learn(
    start: Model,
    data: TrainingData,
    run: Run,
    checkpoint: Path | None,
    record: dict[str, Any],
) -> HybridNet:
    """Runs regression, tuning and films; adds what they report to the record."""
    settings, preprocessing, together = run.settings, start.preprocessing, run.processes
    clips = RandomClips(data.samples, preprocessing, settings)
    if settings.tuned_layers:
        batches_of(clips, len(data.classes), run.means)  # what cannot be divided is said now
    known = [c for c in data.validation if c.label in data.classes]
    network = with_classes(restored(start.network), len(data.labels)).cpu()
    drawn = None
    chosen = run.folder / STRENGTH
    if checkpoint is not None:  # the weights are those of the checkpoint
        record["strength"] = together.from_writer(lambda: read_json(chosen))
    else:
        runtime = TorchRuntime(restored(start.network), device=run.device)
        drawn = draw_features(runtime, clips, settings.views, _bar(run, "drawing clips"), together)
        bar = _bar(run, "validation videos")
        held = answers(runtime, known, preprocessing, bar, together)
        network, record["strength"] = together.from_writer(
            partial(_regress, network, drawn, data, held, record, chosen)
        )
    if settings.tuned_layers:
        videos = [(c.place, data.labels.index(c.label)) for c in known]
        record |= tune(
            network, clips,
            ValidationVideos(videos, preprocessing, network.architecture.window),
            known=len(data.classes), run_folder=run.folder, checkpoint=checkpoint,
            means=run.means,
        )  # fmt: skip
    if drawn is None or settings.tuned_layers:
        runtime = TorchRuntime(network, device=run.device)
        bar = _bar(run, "drawing clips of the tuned network")
        drawn = draw_features(runtime, clips, 1, bar, together)
    network = together.from_writer(partial(_complete, network.cpu(), drawn, settings))
    if settings.film_epochs and network.recurrent_dense is not None:
        runtime = TorchRuntime(network, device=run.device)
        network, record["films"] = _learn_films(runtime, data, preprocessing, run)
    return network.cpu().eval()


def _learn_again(
    start: Model, data: TrainingData, run: Run, record: Mapping[str, Any]
) -> HybridNet:
    """Trains a network like the first one, but on the validation videos as well."""
    known = [c for c in data.validation if c.label in data.classes]
    more = tuple(Sample(c.place, data.labels.index(c.label)) for c in known)
    folder = run.folder / REFIT
    run.processes.from_writer(lambda: folder.mkdir(exist_ok=True))
    whole = replace(data, samples=(*data.samples, *more), validation=())
    epochs = run.settings.epochs
    if run.settings.patience:
        epochs = record.get("best_epoch", epochs)  # there is none where no layers are tuned
    films = record.get("films", {}).get("best_epoch", 0)
    settings = replace(run.settings, patience=0, epochs=epochs, film_epochs=films)
    last = folder / LAST
    goes_on = run.processes.from_writer(lambda: last.exists() and run.resume)
    return _learn(
        start, whole, replace(run, settings=settings, folder=folder),
        last if goes_on else None, {"strength": record.get("strength")},
    )  # fmt: skip


def _regress(
    network: HybridNet,
    drawn: tuple[NDArray[np.float32], list[int]],
    data: TrainingData,
    held: Answers,
    record: Mapping[str, Any],
    chosen: Path,
) -> tuple[HybridNet, float]:
    """The network with its dense layer fitted, and the strength; by that of the record, if any."""
    features = np.array([v.features for v in held.videos])
    validation = (features, [data.labels.index(label) for label in held.labels])
    strength = record.get("strength")
    strengths = (strength,) if strength else STRENGTHS
    taken = fit_dense(network, *drawn, validation if held.labels else None, strengths=strengths)
    write_json(chosen, taken)
    return network, taken


def _complete(
    network: HybridNet, drawn: tuple[NDArray[np.float32], list[int]], settings: TrainingSettings
) -> HybridNet:
    """The network with what is typical of its classes, and with LSTM and GRU."""
    check_features(drawn[0], "the training clips", "lower --learning-rate")
    network = set_typical(network, *drawn)
    torch.manual_seed(settings.seed)  # whatever came before: LSTM and GRU begin the same
    return with_recurrent(network, settings.lstm, settings.gru)


def _learn_films(
    runtime: TorchRuntime, data: TrainingData, preprocessing: Preprocessing, run: Run
) -> tuple[HybridNet, dict[str, float]]:
    """Trains LSTM and GRU on the trunk's vectors of all videos; the network, and the figures."""
    together, settings = run.processes, run.settings

    def vectors(paths: Sequence[Place], targets: Sequence[int], what: str) -> list[TrunkVideo]:
        found = video_vectors(runtime, paths, preprocessing, _bar(run, what), together)
        return [TrunkVideo(v, target) for v, target in zip(found, targets, strict=False)]

    samples = [s for s in data.samples if s.made is None and not s.is_picture]
    train = vectors([s.path for s in samples], [s.target for s in samples], "vectors of videos")
    held = vectors(
        [c.place for c in data.validation],
        [data.labels.index(c.label) for c in data.validation],
        "vectors of validation videos",
    )
    network = runtime.network.cpu()

    def learned() -> tuple[HybridNet, dict[str, float]]:
        figures = learn_films(network, train, held, epochs=settings.film_epochs, seed=settings.seed)
        return network, figures

    return together.from_writer(learned)


def _bar(run: Run, what: str) -> Callable[[int, int], None]:
    return lambda done, total: run.on_progress(what, done, total)
