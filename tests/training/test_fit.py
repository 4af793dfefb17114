"""Training from clips to a model file, on generated motion."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from action_recognition.clips import Preprocessing, read_clips
from action_recognition.datasets.folders import build_manifest
from action_recognition.datasets.framecache import FrameCache
from action_recognition.datasets.manifest import Clip, Manifest, learn_from_validation
from action_recognition.errors import DataError, UsageError
from action_recognition.models.hybridnet import Architecture, HybridNet
from action_recognition.models.model_file import Model, load_model
from action_recognition.outputs import run_clips
from action_recognition.recognition.recognizer import Recognizer
from action_recognition.training.augmentation import Augmentation
from action_recognition.training.fit import finish, fit
from action_recognition.training.precompute import VideoMaps, early_maps
from action_recognition.training.settings import TrainingSettings
from action_recognition.video import Video
from motion import CLASSES, write_motion_data

PREPROCESSING = Preprocessing(frames=8, interval_s=0.1, size=32)
ARCHITECTURE = Architecture(
    classes=3,
    stem=8,
    stages=((1, 8, 1, 1), (2, 16, 1, 2), (2, 24, 1, 2)),
    features=48,
    temporal_from=8,
    lstm=32,
    gru=32,
    dropout=0.1,
)
SETTINGS = TrainingSettings(
    epochs=30,
    batch=16,
    learning_rate=3e-3,
    ema=0.9,
    label_smoothing=0.0,
    workers=0,
    patience=30,
    precision="32-true",
    augmentation=Augmentation(flip=False, area=0.8, speed=1.1),
)


@pytest.fixture(scope="module")
def motion(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    """100 videos a class, split into train, val and test."""
    return build_manifest([write_motion_data(tmp_path_factory.mktemp("motion"), per_class=100)])


def train(
    manifest: Manifest,
    folder: Path,
    *,
    resume: bool = False,
    auxiliary: Sequence[str] = (),
    **changes: object,
) -> Model:
    settings = replace(SETTINGS, **{k: v for k, v in changes.items() if hasattr(SETTINGS, k)})
    architecture = replace(
        ARCHITECTURE, **{k: v for k, v in changes.items() if hasattr(ARCHITECTURE, k)}
    )
    return fit(
        manifest,
        folder / "run",
        architecture=architecture,
        preprocessing=PREPROCESSING,
        settings=settings,
        cache=FrameCache(folder / "cache", PREPROCESSING),
        auxiliary=auxiliary,
        resume=resume,
        device="cpu",
        progress=False,
    )


@pytest.fixture(scope="module")
def trained(motion: Manifest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Model, Path]:
    """One model for several tests, and the file it was written to."""
    folder = tmp_path_factory.mktemp("trained")
    model = train(motion, folder)
    path = folder / "motion.h5"
    finish(model, motion, path, clips=3, note="generated motion", device="cpu")
    return model, path


def test_learns_motion_that_no_single_frame_shows(
    trained: tuple[Model, Path], motion: Manifest
) -> None:
    metrics = load_model(trained[1]).metrics
    assert metrics["videos"] == len(motion.side("test")) >= 45
    assert metrics["overall"]["accuracy"]["value"] > 0.9


def test_the_model_file_is_calibrated_and_says_none_of_these(
    trained: tuple[Model, Path], motion: Manifest
) -> None:
    model, recognizer = load_model(trained[1]), Recognizer.load(trained[1], device="cpu")
    assert trained[0].novelty is None  # it comes after the training
    assert model.temperature != 1
    assert model.novelty is not None
    assert len(model.novelty.means) == len(model.classes)
    assert set(model.novelty.spread) == {"energy", "nearest class mean"}
    known = [recognizer.predict(c.path) for c in motion.side("val")]
    assert np.mean([p.is_known for p in known]) >= 0.95
    strict = replace(model, novelty=replace(model.novelty, threshold=99.0))
    foreign = Recognizer(strict, device="cpu").predict(motion.side("val")[0].path)
    assert foreign.is_known is False
    assert foreign.to_dict()["known"] is False
    assert foreign.familiarity == pytest.approx(known[0].familiarity)


def test_background_classes_are_learned_but_never_the_answer(
    motion: Manifest, tmp_path: Path
) -> None:
    few_clips = few(motion)
    gone = few_clips.labels[0]
    clips = tuple(c for c in few_clips.clips if c.label != gone or c.split == "train")
    model = train(Manifest(clips), tmp_path, epochs=1, auxiliary=[gone])
    assert model.classes == few_clips.labels[1:]
    assert model.background == (gone,)
    assert model.network.dense.out_features == 3
    assert model.training["background"] == [gone]
    path = tmp_path / "m.h5"
    wanted = Manifest(tuple(c for c in clips if c.label != gone))
    for data in (wanted, Manifest(clips)):  # without and with the clips of the class
        assert finish(model, data, path, clips=2, device="cpu") is not None
        stored = load_model(path)
        assert stored.background == (gone,)
        assert stored.novelty is not None
        deciding = {"energy", "against other actions"}
        if data is wanted:
            deciding = {"energy", "nearest class mean", "background classes"}
        assert set(stored.novelty.spread) == deciding
    answer = Recognizer.load(path, device="cpu").predict(wanted.side("test")[0].path)
    assert len(answer.ranked) == 2
    assert {"background classes", "nearest class mean", "energy"} < set(answer.rules)
    assert answer.is_known is (answer.familiarity >= stored.novelty.threshold)


def test_refit_learns_from_the_validation_clips_and_keeps_the_calibration(
    trained: tuple[Model, Path], motion: Manifest, tmp_path: Path
) -> None:
    chosen = load_model(trained[1])
    data = learn_from_validation(few(motion))
    with pytest.raises(DataError, match="no clip on the side 'val'"):
        train(data, tmp_path, epochs=1)
    model = train(data, tmp_path, epochs=1, patience=0)
    assert model.training["clips"] == {"train": dict.fromkeys(motion.labels, 6), "val": {}}
    assert model.training["val_loss"] is None
    path = tmp_path / "m.h5"
    assert finish(model, data, path, clips=2, like=chosen, device="cpu") is not None
    stored = load_model(path)
    assert stored.temperature == chosen.temperature
    assert stored.novelty is not None
    assert chosen.novelty is not None
    assert stored.novelty.threshold == chosen.novelty.threshold
    assert stored.novelty.spread == chosen.novelty.spread
    assert not np.allclose(stored.novelty.means, chosen.novelty.means, atol=0.1)


def test_time_reversal_turns_left_into_right(trained: tuple[Model, Path], motion: Manifest) -> None:
    """The same frames in the other order give the other answer: it is motion that was learned."""
    network = trained[0].network
    moving = [c for c in motion.side("test") if c.label != "Growing"]
    forward, backward = [], []
    for clip in moving:
        with Video(clip.path) as video:
            frames = read_clips(video, PREPROCESSING, count=1).frames
        forward.append(CLASSES[int(run_clips(network, frames, PREPROCESSING)[0].argmax())])
        reversed_ = np.ascontiguousarray(frames[:, ::-1])
        backward.append(CLASSES[int(run_clips(network, reversed_, PREPROCESSING)[0].argmax())])
    assert len(moving) >= 30
    swap = {"moving_left": "moving_right", "moving_right": "moving_left", "growing": "?"}
    agree = [swap[a] == b for a, b in zip(forward, backward, strict=True)]
    assert np.mean(agree) > 0.85


def test_model_file_says_what_it_was_trained_on(
    trained: tuple[Model, Path], motion: Manifest
) -> None:
    model = load_model(trained[1])
    record = model.training
    assert model.classes == motion.labels
    assert record["clips"]["train"]["Growing"] == sum(
        c.label == "Growing" for c in motion.side("train")
    )
    assert record["settings"]["seed"] == 0
    assert record["init"] == "random weights"
    assert record["note"] == "generated motion"
    assert 1 <= record["best_epoch"] <= record["epochs_run"] <= SETTINGS.epochs
    assert {"python", "torch", "lightning", "numpy"} <= set(record["versions"])
    assert model.clips == 3


def test_metrics_in_the_file_are_those_of_the_file(
    trained: tuple[Model, Path], motion: Manifest
) -> None:
    recognizer = Recognizer.load(trained[1], device="cpu")
    test = motion.side("test")
    right = sum(recognizer.predict(c.path).action == c.label for c in test)
    stored = recognizer.model.metrics["overall"]["accuracy"]["value"]
    assert stored == pytest.approx(right / len(test), abs=1e-4)


def test_best_epoch_is_kept_and_each_epoch_is_on_record(trained: tuple[Model, Path]) -> None:
    run = trained[1].parent / "run"
    lines = (run / "figures" / "metrics.csv").read_text().splitlines()
    column = lines[0].split(",").index("val_loss")
    losses = [float(v) for line in lines[1:] if (v := line.split(",")[column])]
    assert len(losses) == trained[0].training["epochs_run"]
    assert min(losses) == pytest.approx(trained[0].training["val_loss"], abs=1e-3)


def few(manifest: Manifest) -> Manifest:
    """A small part of the data, for tests in which nothing needs to be learned."""
    taken: list[Clip] = []
    for split, count in (("train", 4), ("val", 2), ("test", 2)):
        for label in manifest.labels:
            taken += [c for c in manifest.side(split) if c.label == label][:count]
    return Manifest(tuple(taken))


def test_interrupted_training_resumes_to_the_same_result(
    motion: Manifest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped after the second of three epochs, resumed: three epochs in all, in one record."""
    from action_recognition.training import fit as module

    data = few(motion)
    options = {"epochs": 3, "batch": 4}
    real = module.EpochLines.on_train_epoch_end

    def interrupt(self: object, trainer: object, pl_module: object) -> None:
        real(self, trainer, pl_module)  # type: ignore[arg-type]
        if trainer.current_epoch == 2:  # type: ignore[attr-defined]
            raise KeyboardInterrupt

    monkeypatch.setattr(module.EpochLines, "on_train_epoch_end", interrupt)
    with pytest.raises((KeyboardInterrupt, SystemExit)):
        train(data, tmp_path, **options)
    monkeypatch.undo()
    assert (tmp_path / "run" / "last.ckpt").exists()

    resumed = train(data, tmp_path, resume=True, **options)
    assert resumed.training["epochs_run"] == 3
    whole = train(data, tmp_path / "whole", **options)
    assert whole.training["epochs_run"] == 3


def test_resume_needs_a_checkpoint_and_the_same_settings(motion: Manifest, tmp_path: Path) -> None:
    data = few(motion)
    with pytest.raises(UsageError, match=r"nothing to resume.*last\.ckpt"):
        train(data, tmp_path, resume=True)
    train(data, tmp_path, epochs=1, batch=4)
    with pytest.raises(UsageError, match=r"cannot resume: settings differ"):
        train(data, tmp_path, resume=True, epochs=1, batch=5)
    settings = json.loads((tmp_path / "run" / "settings.json").read_text())
    assert settings["settings"]["batch"] == 4


def test_same_seed_gives_the_same_weights(motion: Manifest, tmp_path: Path) -> None:
    data = few(motion)
    first = train(data, tmp_path / "a", epochs=1, batch=4, seed=3).network.state_dict()
    second = train(data, tmp_path / "b", epochs=1, batch=4, seed=3).network.state_dict()
    other = train(data, tmp_path / "c", epochs=1, batch=4, seed=4).network.state_dict()
    assert all((first[k] == second[k]).all() for k in first)
    assert any((first[k] != other[k]).any() for k in first)


def test_each_part_can_be_left_out(motion: Manifest, tmp_path: Path) -> None:
    model = train(few(motion), tmp_path, epochs=1, conv3d=False, lstm=0, gru=0)
    assert model.network.lstm is None
    assert model.network.gru is None
    assert not any("temporal" in name for name in model.network.state_dict())


def test_frozen_blocks_keep_their_start(motion: Manifest, tmp_path: Path) -> None:
    first = train(few(motion), tmp_path / "a", epochs=1, batch=4, frozen_blocks=2)
    second = train(few(motion), tmp_path / "b", epochs=2, batch=4, frozen_blocks=2)
    a, b = first.network.state_dict(), second.network.state_dict()
    assert (a["stem.conv.weight"] == b["stem.conv.weight"]).all()
    assert (a["blocks.1.project.conv.weight"] == b["blocks.1.project.conv.weight"]).all()
    assert (a["blocks.2.project.conv.weight"] != b["blocks.2.project.conv.weight"]).any()
    with pytest.raises(UsageError, match="frozen blocks: 4, must be from 0 to 3"):
        train(few(motion), tmp_path / "c", frozen_blocks=4)


def test_frozen_blocks_are_computed_once(
    motion: Manifest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[int] = []

    def counting(network: HybridNet, frames: torch.Tensor, cache: FrameCache) -> torch.Tensor:
        calls.append(len(frames))
        return early_maps(network, frames, cache)

    monkeypatch.setattr("action_recognition.training.precompute.early_maps", counting)
    data, frozen = few(motion), {"shared_blocks": 2, "frozen_blocks": 2, "versions": 3}
    train_clips, val_clips = len(data.side("train")), len(data.side("val"))
    first = train(data, tmp_path, epochs=2, batch=4, **frozen)
    assert calls.count(3) >= train_clips
    assert len(calls) == train_clips + val_clips
    calls.clear()
    second = train(data, tmp_path, epochs=2, batch=4, **frozen)
    assert not calls  # they are found
    a, b = first.network.state_dict(), second.network.state_dict()
    assert all((a[k] == b[k]).all() for k in a)
    calls.clear()
    train(data, tmp_path, epochs=1, batch=4, seed=1, **frozen)  # other weights, other clips
    assert len(calls) == train_clips + val_clips
    with pytest.raises(UsageError, match="first 2 blocks are frozen, but frozen blocks is 1"):
        train(data, tmp_path, shared_blocks=2, frozen_blocks=1, versions=3)


def test_precomputed_maps_give_what_the_clips_give(motion: Manifest, tmp_path: Path) -> None:
    network = HybridNet(replace(ARCHITECTURE, shared_blocks=2)).eval()
    cache, clips = FrameCache(tmp_path, PREPROCESSING), motion.side("val")[:2]
    maps = VideoMaps(network, clips, {c.label: 0 for c in clips}, cache, count=2)
    frames = np.array(cache.evaluation_clips(clips[1], count=2))
    expected, _ = run_clips(network, frames, PREPROCESSING)
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        found = network.head(network.late(maps[1][0]))[0]
    np.testing.assert_allclose(found.numpy(), expected, atol=0.02)


def test_without_patience_the_last_epoch_is_kept(motion: Manifest, tmp_path: Path) -> None:
    model = train(few(motion), tmp_path, epochs=3, batch=4, patience=0)
    assert model.training["epochs_run"] == model.training["best_epoch"] == 3


def test_a_class_without_clips_on_a_side_is_named(motion: Manifest, tmp_path: Path) -> None:
    clips = [c for c in motion.clips if not (c.label == "Growing" and c.split == "val")]
    with pytest.raises(DataError, match="'Growing' has no clip on the side 'val'"):
        train(Manifest(tuple(clips)), tmp_path)


def test_settings_out_of_range_are_named() -> None:
    with pytest.raises(UsageError, match="epochs is 0, must be at least 1"):
        TrainingSettings(epochs=0)
    with pytest.raises(UsageError, match="ema is 1"):
        TrainingSettings(ema=1)
