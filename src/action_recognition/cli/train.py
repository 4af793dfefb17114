"""`action-recognition train --data DIR --output model.h5`: train a network on clips."""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from action_recognition.cli.options import (
    add_cache_option,
    add_class_option,
    frames_folder,
    split_names,
)
from action_recognition.cli.progress import late_bar, progress_bar
from action_recognition.errors import DataError, ModelFileError, UsageError

if TYPE_CHECKING:  # loaded when a command runs: --help and errors should not wait for torch
    from action_recognition.clips import Preprocessing
    from action_recognition.datasets.manifest import Manifest
    from action_recognition.evaluation import Evaluation
    from action_recognition.models.hybridnet import Architecture
    from action_recognition.training.settings import TrainingSettings


def add_parser(subparsers: Any) -> None:
    """Adds the subcommand."""
    parser = subparsers.add_parser(
        "train",
        help="train a network on folders of clips",
        description="Trains, keeps the weights of the best epoch, writes the model file, and "
        "prints its figures on the test side.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument(
        "--data", nargs="+", required=True, metavar="DIR", help="manifest CSV or class folders"
    )
    parser.add_argument("--output", required=True, metavar="H5", help="model file to write")
    add_class_option(parser)
    parser.add_argument("--resume", action="store_true", help="go on after an interruption")
    parser.add_argument(
        "--refit", metavar="H5",
        help="learn from the validation clips, too, once all settings are chosen: temperature and "
        "rule for `none of these` are those of this model, trained in the same way without them",
    )  # fmt: skip
    add_training_options(parser)
    parser.set_defaults(run=run_train)


def add_training_options(parser: argparse.ArgumentParser) -> None:
    """How a network is trained, and its size: what `train` and `reproduce` share."""
    parser.add_argument(
        "--init", metavar="FILE", help="start: ImageNet .npz, a model .h5, `shipped` or `fast`"
    )
    parser.add_argument(
        "--auxiliary", nargs="+", metavar="DIR", default=[],
        help="folders of further classes, learned beside as examples of `none of these`",
    )  # fmt: skip
    parser.add_argument(
        "--auxiliary-classes", metavar="A,B,...", type=split_names, help="of them (default: all)"
    )
    parser.add_argument(
        "--auxiliary-clips",
        metavar="N",
        type=int,
        help="train clips of each, at most",
    )
    parser.add_argument(
        "--teachers", nargs="+", metavar="H5", default=[],
        help="models of the same classes, whose answers are learned beside the labels",
    )  # fmt: skip
    parser.add_argument(
        "--teaching", type=float, default=0.5, help="share of the loss that teachers have"
    )
    parser.add_argument("--note", default="", help="a sentence for the training record")
    add_cache_option(parser)

    run = parser.add_argument_group("training")
    run.add_argument("--epochs", type=int, default=30)
    run.add_argument("--batch", type=int, default=16)
    run.add_argument("--learning-rate", type=float, default=1e-3)
    run.add_argument("--trunk-rate", type=float, default=0.15, help="factor for layers of --init")
    run.add_argument("--ema", type=float, default=0.99, help="decay of averaged weights, 0: none")
    run.add_argument("--frozen-blocks", type=int, default=0, help="first blocks kept as in --init")
    run.add_argument(
        "--versions", type=int, default=0,
        help="random clips of a video drawn once, for frozen blocks; 0: new ones each epoch",
    )  # fmt: skip
    run.add_argument(
        "--patience", type=int, default=10, help="epochs to wait for a better one; 0: keep the last"
    )
    run.add_argument("--mixup", type=float, default=0.0, help="blend clips: Beta(a, a), 0: never")
    run.add_argument("--cutmix", type=float, default=0.0, help="share of those that get a box")
    run.add_argument("--no-flip", action="store_true", help="left and right make the classes")
    run.add_argument("--workers", type=int, default=1, help="processes that make clips")
    run.add_argument("--precision", default="bf16-mixed", choices=("bf16-mixed", "32-true"))
    run.add_argument("--seed", type=int, default=0)
    run.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda"))

    network = parser.add_argument_group("network")
    network.add_argument("--frames", type=int, default=8, help="frames of a clip")
    network.add_argument("--interval", type=float, default=0.2, help="seconds between frames")
    network.add_argument("--size", type=int, default=160, help="side of the picture in pixels")
    network.add_argument("--no-conv3d", action="store_true", help="no convolutions over time")
    network.add_argument("--no-difference", action="store_true", help="no stream of differences")
    network.add_argument("--lstm", type=int, default=128, help="units, 0: none")
    network.add_argument("--gru", type=int, default=128, help="units, 0: none")
    network.add_argument(
        "--fisher", type=int, default=64, metavar="N",
        help="Fisher vectors of N kinds of local patterns beside the network (default: 64); 0: "
        "none",
    )  # fmt: skip
    network.add_argument("--dropout", type=float, default=0.5)
    network.add_argument(
        "--no-skip", action="store_true", help="the dense layer reads the GRU only"
    )
    network.add_argument("--clips", type=int, default=5, help="clips of a video to average in use")


def run_train(options: argparse.Namespace) -> int:
    """Data, training, model file, test table."""
    import lightning  # noqa: F401  # if it is not installed, that is said before the clips are read

    from action_recognition.datasets.folders import load_data

    output = Path(options.output)
    if output.suffix != ".h5":
        raise ModelFileError(f"{output.name}: the name of a model file ends in .h5")
    with progress_bar("checking clips") as on_progress:
        manifest = load_data(options.data, classes=options.classes, seed=0, on_progress=on_progress)
    print(manifest.summary(), flush=True)
    train(options, manifest, output, resume=options.resume, refit=options.refit)
    return 0


def train(
    options: argparse.Namespace,
    manifest: Manifest,
    output: Path,
    *,
    resume: bool,
    refit: str | None = None,
) -> Evaluation | None:
    """Trains as the options say, writes the model file, prints its figures on the test side.

    `refit` names the model that the settings were chosen with: see `calibrate`'s `like`.

    Returns:
        those figures; None: there is no test side.
    """
    from action_recognition.datasets.auxiliary import add_auxiliary
    from action_recognition.datasets.folders import load_data
    from action_recognition.datasets.framecache import FrameCache
    from action_recognition.datasets.manifest import learn_from_validation
    from action_recognition.models.model_file import load_model
    from action_recognition.training.fit import finish, fit
    from action_recognition.training.local_patterns import add_fisher, recorded_scales

    like = None
    if refit is not None:
        like = load_model(refit)
        if like.classes != manifest.labels:
            raise DataError(f"{refit}: was trained on other classes than those of the data")
    auxiliary: tuple[str, ...] = ()
    if options.auxiliary:
        with progress_bar("checking auxiliary clips") as on_progress:
            further = load_data(
                options.auxiliary, classes=options.auxiliary_classes, on_progress=on_progress
            )
        auxiliary = further.labels
        manifest = add_auxiliary(manifest, further, per_class=options.auxiliary_clips)
        print(f"with auxiliary classes:\n{manifest.summary()}", flush=True)
    plan = read_plan(options, manifest)
    if like is not None:
        if options.fisher != like.network.architecture.fisher:
            raise UsageError(
                f"{refit}: was trained with --fisher {like.network.architecture.fisher}, "
                f"not {options.fisher}"
            )
        if options.fisher:
            recorded_scales(like)  # if they are missing, that is said before the training
        if plan.settings.patience:
            raise UsageError("--refit needs --patience 0: no clips are left to choose an epoch by")
        if set(like.background) != set(auxiliary):
            raise DataError(f"{refit}: was trained with other auxiliary classes")
        manifest = learn_from_validation(manifest)
    cache = FrameCache(frames_folder(options), plan.preprocessing)
    with progress_bar("decoding clips") as on_progress:
        size = cache.fill(manifest.side("train"), on_progress)
    print(f"decoded frames: {size / 1e9:.1f} GB in {cache.folder}", flush=True)
    model = fit(
        manifest,
        output.with_suffix(".training"),
        architecture=plan.architecture,
        preprocessing=plan.preprocessing,
        settings=plan.settings,
        cache=cache,
        auxiliary=auxiliary,
        init=options.init,
        teachers=options.teachers,
        resume=resume,
        device=options.device,
        progress=sys.stderr.isatty(),
        on_frozen=late_bar("computing frozen blocks"),
    )
    if options.fisher:
        model = add_fisher(
            model,
            manifest,
            cache,
            kinds=options.fisher,
            like=like,
            augmentation=plan.settings.augmentation,
            on_progress=late_bar("computing first blocks"),
        )
    evaluation = finish(
        model,
        manifest,
        output,
        clips=options.clips,
        like=like,
        note=options.note,
        device=options.device,
    )
    if evaluation is not None:
        print(evaluation.to_markdown())
    print(f"written: {output}")
    return evaluation


@dataclass(frozen=True)
class Plan:
    """The options as the settings of their parts."""

    architecture: Architecture
    preprocessing: Preprocessing
    settings: TrainingSettings


def read_plan(options: argparse.Namespace, manifest: Manifest) -> Plan:
    """The settings that the options name, for the classes of a manifest."""
    from action_recognition.clips import Preprocessing
    from action_recognition.models.hybridnet import Architecture
    from action_recognition.training.augmentation import Augmentation
    from action_recognition.training.settings import TrainingSettings

    return Plan(
        Architecture(
            classes=len(manifest.labels),
            conv3d=not options.no_conv3d,
            difference=not options.no_difference,
            lstm=options.lstm,
            gru=options.gru,
            dropout=options.dropout,
            skip=not options.no_skip,
        ),
        Preprocessing(frames=options.frames, interval_s=options.interval, size=options.size),
        TrainingSettings(
            epochs=options.epochs,
            batch=options.batch,
            learning_rate=options.learning_rate,
            trunk_rate=options.trunk_rate,
            teaching=options.teaching,
            ema=options.ema,
            frozen_blocks=options.frozen_blocks,
            versions=options.versions,
            mixup=options.mixup,
            cutmix=options.cutmix,
            patience=options.patience,
            workers=options.workers,
            precision=options.precision,
            seed=options.seed,
            augmentation=Augmentation(flip=not options.no_flip),
        ),
    )
