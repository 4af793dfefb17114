"""`action-recognition train --data DIR --output model.h5`: train a network on clips."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from action_recognition.cli.options import add_class_option
from action_recognition.cli.progress import progress_bar
from action_recognition.errors import ModelFileError


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
    parser.add_argument("--init", metavar="FILE", help="start: ImageNet .npz or a model .h5")
    parser.add_argument("--resume", action="store_true", help="go on after an interruption")
    parser.add_argument("--note", default="", help="a sentence for the training record")
    parser.add_argument(
        "--cache", metavar="DIR", default="~/.cache/action-recognition/frames",
        help="folder for decoded frames",
    )  # fmt: skip

    run = parser.add_argument_group("training")
    run.add_argument("--epochs", type=int, default=30)
    run.add_argument("--batch", type=int, default=16)
    run.add_argument("--learning-rate", type=float, default=1e-3)
    run.add_argument("--trunk-rate", type=float, default=0.15, help="factor for layers of --init")
    run.add_argument("--ema", type=float, default=0.99, help="decay of averaged weights, 0: none")
    run.add_argument("--frozen-blocks", type=int, default=0, help="first blocks kept as in --init")
    run.add_argument("--patience", type=int, default=10, help="epochs to wait for a better one")
    run.add_argument("--no-flip", action="store_true", help="left and right make the classes")
    run.add_argument("--workers", type=int, default=1, help="processes that make clips")
    run.add_argument("--precision", default="bf16-mixed", choices=("bf16-mixed", "32-true"))
    run.add_argument("--seed", type=int, default=0)
    run.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda"))

    network = parser.add_argument_group("network")
    network.add_argument("--frames", type=int, default=8, help="frames of a clip")
    network.add_argument("--interval", type=float, default=0.2, help="seconds between frames")
    network.add_argument("--size", type=int, default=176, help="side of the picture in pixels")
    network.add_argument("--no-conv3d", action="store_true", help="no convolutions over time")
    network.add_argument("--lstm", type=int, default=256, help="units, 0: none")
    network.add_argument("--gru", type=int, default=256, help="units, 0: none")
    network.add_argument("--dropout", type=float, default=0.5)
    network.add_argument(
        "--no-skip", action="store_true", help="the dense layer reads the GRU only"
    )
    network.add_argument("--clips", type=int, default=5, help="clips of a video to average in use")
    parser.set_defaults(run=run_train)


def run_train(options: argparse.Namespace) -> int:
    """Data, training, model file, test table."""
    from action_recognition.clips import Preprocessing
    from action_recognition.datasets.folders import load_data
    from action_recognition.datasets.framecache import FrameCache
    from action_recognition.model import Architecture
    from action_recognition.training.augmentation import Augmentation
    from action_recognition.training.fit import finish, fit
    from action_recognition.training.settings import TrainingSettings

    output = Path(options.output)
    if output.suffix != ".h5":
        raise ModelFileError(f"{output.name}: the name of a model file ends in .h5")
    settings = TrainingSettings(
        epochs=options.epochs,
        batch=options.batch,
        learning_rate=options.learning_rate,
        trunk_rate=options.trunk_rate,
        ema=options.ema,
        frozen_blocks=options.frozen_blocks,
        patience=options.patience,
        workers=options.workers,
        precision=options.precision,
        seed=options.seed,
        augmentation=Augmentation(flip=not options.no_flip),
    )
    preprocessing = Preprocessing(
        frames=options.frames, interval_s=options.interval, size=options.size
    )
    with progress_bar("checking clips") as on_progress:
        manifest = load_data(options.data, classes=options.classes, seed=0, on_progress=on_progress)
    print(manifest.summary(), flush=True)
    cache = FrameCache(Path(options.cache).expanduser(), preprocessing)
    with progress_bar("decoding clips") as on_progress:
        size = cache.fill(manifest.side("train"), on_progress)
    print(f"decoded frames: {size / 1e9:.1f} GB in {cache.folder}", flush=True)
    model = fit(
        manifest,
        output.with_suffix(".training"),
        architecture=Architecture(
            classes=len(manifest.labels),
            conv3d=not options.no_conv3d,
            lstm=options.lstm,
            gru=options.gru,
            dropout=options.dropout,
            skip=not options.no_skip,
        ),
        preprocessing=preprocessing,
        settings=settings,
        cache=cache,
        init=options.init,
        resume=options.resume,
        device=options.device,
        progress=sys.stderr.isatty(),
    )
    evaluation = finish(
        model, manifest, output, clips=options.clips, note=options.note, device=options.device
    )
    if evaluation is not None:
        print(evaluation.to_markdown())
    print(f"written: {output}")
    return 0
