"""Training, from a manifest to a model file. `train` reads top-down; each step is a function."""

from __future__ import annotations

import json
import platform
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import lightning as L
import numpy as np
import torch
from torch import nn

from action_recognition.clips import Preprocessing
from action_recognition.datasets.manifest import Clip, Manifest, fingerprint
from action_recognition.errors import UsageError
from action_recognition.models.hybridnet import HybridNet
from action_recognition.models.model_file import Model, find_model, load_model
from action_recognition.models.runtime import Runtime
from action_recognition.training.answers import (
    Answers,
    answers,
    layer_outputs,
    read_videos,
    trunk_vectors,
)
from action_recognition.training.calibration import calibrate
from action_recognition.training.films import TrunkVideo, learn_films
from action_recognition.training.footage import Sample
from action_recognition.training.networks import blended, with_classes, with_recurrent
from action_recognition.training.regression import STRENGTHS, fit_dense
from action_recognition.training.settings import TrainingSettings
from action_recognition.training.training_data import TrainingData, counts, sources
from action_recognition.training.tuning import Validation, tune
from action_recognition.training.views import Views, draw_views, frozen_layers, weights_digest

OnProgress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Run:
    """One training: how, where and with what to show for it.

    Parameters:
        settings: every number.
        folder: checkpoints, stored views and figures of each epoch go there.
        init: model file to start from, or a shipped model's name.
        resume: go on from the last checkpoint in the folder.
        device: "auto", "cpu" or "cuda".
        progress: whether Lightning draws bars.
        on_progress: called with (what is done, number done, number in all).
    """

    settings: TrainingSettings
    folder: Path
    init: str = "kinetics600"
    lstm: int = 96
    gru: int = 64
    resume: bool = False
    device: str = "auto"
    progress: bool = False
    on_progress: OnProgress = lambda *_: None


def train(manifest: Manifest, data: TrainingData, run: Run) -> Model:
    """Trains a network and calibrates it.

    Parameters:
        manifest: what `data` was gathered from.

    Raises:
        ModelFileError: the file to start from cannot be read.
        UsageError: `resume` without an interrupted run, or with other settings than before.
    """
    started = time.perf_counter()
    L.seed_everything(run.settings.seed, workers=True, verbose=False)
    start = load_model(find_model(run.init))
    record = _describe(manifest, data, run, start)
    checkpoint = _prepare_folder(run, record)
    views = _draw(start, data.samples, run, run.folder)
    if not data.validation:  # nothing would say whether LSTM and GRU help
        run = replace(run, settings=replace(run.settings, film_epochs=0))
    network = _learn(start, views, data, run, checkpoint, record)
    model = Model(
        network, data.classes, start.preprocessing, background=data.background, training=record
    )
    model = calibrated(model, data, run)
    if run.settings.refit and data.validation:
        model = replace(model, network=_learn_again(start, views, data, run, record))
    record["seconds"] = round(time.perf_counter() - started)
    return model


def calibrated(model: Model, data: TrainingData, run: Run) -> Model:
    """The model with its temperature and open-set rule, fitted with the weights as stored.

    Without validation videos of known classes it stays as it is.
    """
    if not any(c.label in data.classes for c in data.validation):
        return model
    _round_weights(model.network)
    runtime = Runtime(model.network, device=run.device)
    bar = _bar(run, "calibrating")
    found = answers(runtime, data.validation, model.preprocessing, bar)
    model.network.cpu()
    known = np.array([label in data.classes for label in found.labels])
    return calibrate(model, found.part(known), found.part(~known) if (~known).any() else None)


# -- the steps of train --------------------------------------------------------------------


def _describe(manifest: Manifest, data: TrainingData, run: Run, start: Model) -> dict[str, Any]:
    """The training record: what a run is, and whether it is the one to resume."""
    split = [c for s in ("train", "val") for c in manifest.side(s) if c.label in data.classes]
    return {
        "data": fingerprint(split),
        "clips": counts(manifest, data),
        "sources": sources(manifest, data),
        "init": start.training.get("init", run.init),
        "init_weights": weights_digest(start.network),
        "settings": asdict(run.settings),
        "architecture": replace(
            start.network.architecture, classes=len(data.labels), lstm=run.lstm, gru=run.gru
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


def _prepare_folder(run: Run, record: dict[str, Any]) -> Path | None:
    """The checkpoint to go on from, or None; a fresh run clears the old one's files."""
    settings_file, checkpoint = run.folder / "settings.json", run.folder / "last.ckpt"
    described = json.loads(json.dumps({k: v for k, v in record.items() if k != "date"}))
    if run.resume:
        if not settings_file.exists():
            raise UsageError(f"nothing to resume: {run.folder} holds no interrupted training")
        before = json.loads(settings_file.read_text(encoding="utf-8"))
        changed = [key for key in described if described[key] != before.get(key)]
        if changed:
            raise UsageError(
                f"cannot resume: {', '.join(changed)} differ from those of the interrupted run; "
                "use the same options and data, or start anew without --resume"
            )
        return checkpoint if checkpoint.exists() else None
    run.folder.mkdir(parents=True, exist_ok=True)
    for name in ("last.ckpt", "best.ckpt"):
        (run.folder / name).unlink(missing_ok=True)
    settings_file.write_text(json.dumps(described, indent=1), encoding="utf-8")
    return None


def _draw(start: Model, samples: Sequence[Sample], run: Run, folder: Path) -> Views:
    runtime = Runtime(start.network, device=run.device)
    return draw_views(
        runtime.network, samples, start.preprocessing, run.settings, folder,
        device=runtime.device, on_progress=_bar(run, "drawing views"),
    )  # fmt: skip


def _learn(
    start: Model,
    views: Views,
    data: TrainingData,
    run: Run,
    checkpoint: Path | None,
    record: dict[str, Any],
) -> HybridNet:
    """Regression, tuning, films; what there is to say of them goes into the record."""
    settings, preprocessing = run.settings, start.preprocessing
    runtime = Runtime(start.network, device=run.device)
    network = with_classes(start.network, len(data.labels)).cpu()
    known = [c for c in data.validation if c.label in data.classes]
    if checkpoint is None:  # else its weights are those of the checkpoint
        held = answers(runtime, known, preprocessing, _bar(run, "validation videos"))
        record["strength"] = _regress(network, views, data, held, record)
    if settings.tuned_layers:
        record |= tune(
            network, views, data.samples,
            _validation(runtime, known, data, preprocessing, run),
            known=len(data.classes), before=start.network.dense.cpu(), settings=settings,
            run_folder=run.folder, checkpoint=checkpoint, device=run.device, progress=run.progress,
        )  # fmt: skip
        network = blended(start.network, network, settings.blend)
    torch.manual_seed(settings.seed)  # whatever came before: LSTM and GRU begin the same
    network = with_recurrent(network, run.lstm, run.gru)
    if settings.film_epochs and network.recurrent_dense is not None:
        runtime = Runtime(network, device=run.device)
        record["films"] = _learn_films(runtime, data, preprocessing, run)
    return network.cpu().eval()


def _learn_again(
    start: Model, views: Views, data: TrainingData, run: Run, record: Mapping[str, Any]
) -> HybridNet:
    """A network that learns from validation videos, too, as the first one learned without them."""
    known = [c for c in data.validation if c.label in data.classes]
    more = tuple(Sample(c.path, data.labels.index(c.label)) for c in known)
    folder = run.folder / "refit"
    resumed = (folder / "last.ckpt").exists() and run.resume
    folder.mkdir(exist_ok=True)
    views = views + _draw(start, more, run, folder)
    whole = replace(data, samples=(*data.samples, *more), validation=())
    epochs = record["best_epoch"] if run.settings.patience else run.settings.epochs
    films = record.get("films", {}).get("best_epoch", 0)
    settings = replace(run.settings, patience=0, epochs=epochs, film_epochs=films)
    again = replace(run, settings=settings, folder=folder)
    checkpoint = folder / "last.ckpt" if resumed else None
    return _learn(start, views, whole, again, checkpoint, {"strength": record.get("strength")})


def _regress(
    network: HybridNet,
    views: Views,
    data: TrainingData,
    held: Answers,
    record: Mapping[str, Any],
) -> float:
    """The dense layer, with the strength of the record where there is one."""
    targets = np.repeat([s.target for s in data.samples], views.hidden.shape[1])
    hidden = views.hidden.reshape(-1, views.hidden.shape[-1])
    validation = (held.features, [data.labels.index(label) for label in held.labels])
    strength = record.get("strength")
    return fit_dense(
        network,
        hidden,
        targets.tolist(),
        validation if held.labels else None,
        strengths=(strength,) if strength else STRENGTHS,
    )


def _validation(
    runtime: Runtime,
    clips: Sequence[Clip],
    data: TrainingData,
    preprocessing: Preprocessing,
    run: Run,
) -> Validation:
    """What the frozen layers give of the validation videos, and the target of each."""
    frozen = frozen_layers(runtime.network, run.settings)
    maps = layer_outputs(
        runtime, [c.path for c in clips], preprocessing, frozen, _bar(run, "validation maps")
    )
    return list(zip(maps, (data.labels.index(c.label) for c in clips), strict=True))


def _learn_films(
    runtime: Runtime, data: TrainingData, preprocessing: Preprocessing, run: Run
) -> dict[str, float]:
    """LSTM and GRU, on the trunk's vectors of all videos."""
    window = runtime.network.architecture.window

    def vectors(paths: Sequence[Path], targets: Sequence[int], what: str) -> list[TrunkVideo]:
        found: list[TrunkVideo] = []
        for frames, target in zip(read_videos(paths, preprocessing, window), targets, strict=True):
            found.append(TrunkVideo(trunk_vectors(runtime, frames[0]), target))
            run.on_progress(what, len(found), len(paths))
        return found

    samples = [s for s in data.samples if s.made is None and not s.is_picture]
    train = vectors([s.path for s in samples], [s.target for s in samples], "vectors of videos")
    held = vectors(
        [c.path for c in data.validation],
        [data.labels.index(c.label) for c in data.validation],
        "vectors of validation videos",
    )
    network = runtime.network.cpu()
    return learn_films(
        network, train, held, epochs=run.settings.film_epochs, seed=run.settings.seed
    )


def _round_weights(network: nn.Module) -> None:
    """Weights as a model file holds them."""
    with torch.no_grad():
        for values in network.parameters():
            values.copy_(values.half())


def _bar(run: Run, what: str) -> Callable[[int, int], None]:
    return lambda done, total: run.on_progress(what, done, total)
