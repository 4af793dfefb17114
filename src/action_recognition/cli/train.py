"""`action-recognition train --data DIR --output model.h5`: train a network on clips."""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from action_recognition.cli.alone import alone, go_on, run_folder
from action_recognition.cli.endings import ended_by_signals
from action_recognition.cli.options import (
    add_class_option,
    add_device_option,
    add_unknown_options,
    add_videos_option,
    read_unknown,
    split_names,
)
from action_recognition.cli.progress import late_bar, progress_bar
from action_recognition.cli.together import add_process_options, run_together
from action_recognition.errors import DataError, ModelFileError, UsageError
from action_recognition.models.sealed_file import check_output

if TYPE_CHECKING:  # loaded when a command runs: --help and errors should not wait for torch
    from action_recognition.datasets.manifest import Manifest
    from action_recognition.evaluation.evaluate import Evaluation
    from action_recognition.training.processes import Processes
    from action_recognition.training.settings import TrainingSettings

# Options of the training's settings: name -> what it is. The defaults are those of the settings.
_NUMBERS = {
    "lstm": "LSTM units; 0 leaves it out",
    "gru": "GRU units; 0 leaves it out",
    "tuned_layers": "last trunk layers to train; 0: train only the dense layer, LSTM and GRU",
    "epochs": "passes over the clips while trunk layers are tuned",
    "views": "random clips drawn from each video for the regression that starts training",
    "frames": "number of frames in a random clip",
    "others": "share of the pictures, background videos and made videos used in each epoch",
    "batch": "clips per training step, of all processes together",
    "learning_rate": "peak learning rate of AdamW",
    "memory": "weight of the loss that preserves what the starting network knew",
    "ema": "decay of the moving average of the weights; 0 disables it",
    "patience": "epochs to wait for a better validation loss; 0 runs all and keeps the last",
    "film_epochs": "passes over joined films that train LSTM and GRU; 0 leaves them no influence",
    "workers": "processes that prepare clips",
    "seed": "seed of all random numbers",
}


def add_parser(subparsers: Any) -> None:
    """Adds the subcommand."""
    parser = subparsers.add_parser(
        "train",
        help="train a network on clips, or on moments that you have put right",
        description="Trains and calibrates a network, writes the model file, and prints its "
        "metrics on the test split.",
    )
    parser.add_argument(
        "--data", nargs="+", required=True, metavar="SOURCE",
        help="folders with one folder of clips per class, CSV files (manifests), shards (a folder, "
        "tar files or a pattern), or project files of corrections (JSON), whose moments are cut "
        "out as clips",
    )  # fmt: skip
    add_videos_option(parser)
    parser.add_argument("--output", required=True, metavar="H5", help="model file to write")
    add_class_option(parser)
    parser.add_argument("--resume", action="store_true", help="resume an interrupted run")
    add_training_options(parser)
    add_process_options(parser)
    parser.add_argument(
        "--accumulate", metavar="N", type=int, default=1,
        help="parts in which each process computes its share of a training step, one after the "
        "other, where memory does not hold the whole",
    )  # fmt: skip
    parser.set_defaults(run=run_train)


def add_training_options(parser: argparse.ArgumentParser) -> None:
    """How a network is trained: what `train` and `reproduce` share."""
    parser.add_argument(
        "--init", metavar="H5", default="kinetics600",
        help="model to start from: a file, `kinetics600` or `shipped`",
    )  # fmt: skip
    parser.add_argument(
        "--background", nargs="+", metavar="DIR", default=[],
        help="folders of background classes, learned as examples of `none of these`",
    )  # fmt: skip
    parser.add_argument(
        "--background-classes",
        metavar="A,B,...",
        type=split_names,
        help="background classes to use (default: all)",
    )
    parser.add_argument(
        "--background-clips",
        metavar="N",
        type=int,
        help="maximum number of training clips per background class",
    )
    parser.add_argument(
        "--made", metavar="N", type=int, default=0,
        help="number of made videos that show nothing, learned as another background class",
    )  # fmt: skip
    parser.add_argument(
        "--pictures", metavar="DIR",
        help="folder with one folder of pictures per class, to teach what each class looks like",
    )  # fmt: skip
    add_unknown_options(parser)
    parser.add_argument(
        "--note", metavar="TEXT", default="", help="a sentence for the training record"
    )
    for name, text in _NUMBERS.items():
        parser.add_argument(
            "--" + name.replace("_", "-"), metavar="N", type=type(_default(name)),
            default=_default(name), help=text,
        )  # fmt: skip
    parser.add_argument(
        "--refit", action="store_true",
        help="once everything is chosen, train again on training and validation clips together",
    )  # fmt: skip
    parser.add_argument(
        "--no-flip", action="store_true",
        help="do not mirror clips: the classes depend on left and right",
    )  # fmt: skip
    parser.add_argument(
        "--precision", default="32-true", choices=("bf16-mixed", "32-true"),
        help="numbers to compute with while trunk layers are tuned",
    )  # fmt: skip
    add_device_option(parser)


def run_train(options: argparse.Namespace) -> int:
    """Data, training, model file, test table."""
    import lightning  # noqa: F401  # if it is not installed, that is said before the clips are read

    if options.accumulate < 1:
        raise UsageError(f"--accumulate is {options.accumulate}, must be at least 1")
    output = Path(options.output)
    command = go_on(options, output)

    def work(processes: Processes | None) -> int:
        if processes is not None and not processes.writer:
            with ended_by_signals(command):
                _run_train(options, output, processes)
            return 0
        check_output(output)
        with alone(options, output):
            _run_train(options, output, processes)
        return 0

    return run_together(options, work, command)


def _run_train(options: argparse.Namespace, output: Path, processes: Processes | None) -> None:
    from action_recognition.datasets.folders import load_data
    from action_recognition.training.processes import ALONE

    def loaded() -> Manifest:
        with progress_bar("checking clips") as on_progress:
            return load_data(
                options.data,
                classes=options.classes,
                videos=options.videos,
                none=True,
                on_progress=on_progress,
            )

    manifest = (processes or ALONE).from_writer(loaded)
    print(manifest.summary(), flush=True)
    train(options, manifest, output, resume=options.resume, processes=processes)


def train(
    options: argparse.Namespace,
    manifest: Manifest,
    output: Path,
    *,
    resume: bool,
    processes: Processes | None = None,
) -> list[Evaluation]:
    """Trains as the options say, writes the model file, prints its figures on the test split.

    Parameters:
        processes: that do so together; None: this one alone.

    Returns:
        those figures (see `training.train.finish`).
    """
    from dataclasses import replace

    from action_recognition.datasets.background import NONE, add_background
    from action_recognition.datasets.folders import load_data
    from action_recognition.training.finish import finish
    from action_recognition.training.processes import ALONE
    from action_recognition.training.train import Run
    from action_recognition.training.train import train as train_network
    from action_recognition.training.training_data import gather

    together = processes or ALONE
    background = tuple({NONE} & set(manifest.labels))
    if options.background:

        def loaded() -> Manifest:
            with progress_bar("checking background clips") as on_progress:
                return load_data(
                    options.background, classes=options.background_classes, on_progress=on_progress
                )

        further = together.from_writer(loaded)
        background += further.labels
        manifest = add_background(manifest, further, per_class=options.background_clips)
        print(f"with background classes:\n{manifest.summary()}", flush=True)
    data = gather(
        manifest,
        background=background,
        pictures=_pictures(options.pictures),
        made=options.made,
        seed=options.seed,
    )
    run = Run(
        settings=read_settings(options),
        folder=run_folder(output),
        init=options.init,
        resume=resume,
        device=options.device,
        processes=together,
        parts=getattr(options, "accumulate", 1),  # `reproduce` has none
        progress=sys.stderr.isatty(),
        on_progress=_bars(),
        on_note=lambda note: print(f"action-recognition: note: {note}", file=sys.stderr),
    )
    model = train_network(manifest, data, run)
    model = replace(model, training={
        **model.training, "note": options.note, "options": fingerprint_options(options),
    })  # fmt: skip
    unknown = together.from_writer(lambda: read_unknown(options))
    try:
        found = finish(
            model, manifest, output,
            unknown=unknown, device=options.device, processes=together,
        )  # fmt: skip
    except ModelFileError as error:
        raise ModelFileError(f"{error}; when it can be, --resume goes on from here") from None
    for evaluation in found:
        print(evaluation.to_markdown())
    if not found:
        print("not measured: no class has test clips")
    print(f"written: {output}")
    return found


def read_settings(options: argparse.Namespace) -> TrainingSettings:
    """The settings that the options name."""
    from action_recognition.training.settings import Augmentation, TrainingSettings

    return TrainingSettings(
        **{name: getattr(options, name) for name in _NUMBERS},
        refit=options.refit,
        precision=options.precision,
        augmentation=Augmentation(flip=not options.no_flip),
    )


def fingerprint_options(options: argparse.Namespace) -> str:
    """A hash of the options that decide what a model becomes beside its settings and clips."""
    names = ("init", "background", "background_classes", "background_clips", "made", "pictures")
    values = [getattr(options, name) for name in (*names, "lstm", "gru")]
    return hashlib.sha256(json.dumps(values).encode()).hexdigest()[:16]


def _default(name: str) -> Any:
    from action_recognition.training.settings import TrainingSettings

    return next(f.default for f in fields(TrainingSettings) if f.name == name)


def _pictures(folder: str | None) -> list[Path]:
    if folder is None:
        return []
    found = sorted(p for p in Path(folder).glob("*/*") if p.is_file())
    if not found:
        raise DataError(f"{folder}: no folder in it holds pictures")
    return found


def _bars() -> Any:
    """Draws a bar for each kind of work, or a line now and then where there is no terminal."""
    bars: dict[str, Any] = {}

    def report(what: str, done: int, total: int) -> None:
        if not sys.stderr.isatty():
            if done == total:
                print(f"{what}: {total}", flush=True)
            return
        if what not in bars:
            bars[what] = late_bar(what)
        bars[what](done, total)

    return report
