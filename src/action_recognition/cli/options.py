"""Options that several commands share."""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from action_recognition.errors import UsageError

if TYPE_CHECKING:
    from action_recognition.datasets.manifest import Clip
    from action_recognition.recognition.recognizer import Recognizer
    from action_recognition.video.limits import Limits


def add_class_option(
    parser: argparse.ArgumentParser, text: str = "class folders or labels to use (default: all)"
) -> None:
    """`--classes A,B,C`, for commands that read folders."""
    parser.add_argument(
        "--classes",
        metavar="A,B,...",
        type=split_names,
        help=text,
    )


def add_videos_option(parser: argparse.ArgumentParser) -> None:
    """`--videos DIR...`, for commands that read project files of corrections."""
    parser.add_argument(
        "--videos", metavar="DIR", nargs="+", default=[],
        help="folders of the videos of project files (default: where the project file says)",
    )  # fmt: skip


def add_model_option(parser: argparse.ArgumentParser) -> None:
    """`--model H5`."""
    parser.add_argument(
        "--model", metavar="H5", help="model file, `shipped` or `kinetics600` (default: shipped)"
    )


def add_device_option(parser: argparse.ArgumentParser) -> None:
    """`--device`."""
    parser.add_argument(
        "--device", default="auto", choices=("auto", "cpu", "cuda"),
        help="where the network runs; auto: on the GPU if there is one",
    )  # fmt: skip


def add_recognizer_options(parser: argparse.ArgumentParser) -> None:
    """`--model`, `--device`, and those of `add_limit_options`: what `load_recognizer` reads."""
    add_model_option(parser)
    add_device_option(parser)
    add_limit_options(parser)


def add_course_options(parser: argparse.ArgumentParser) -> None:
    """`--step` and `--dwell`, for commands that go through whole videos; see `check_course`."""
    parser.add_argument(
        "--step", type=float, default=1.0, metavar="S", help="seconds between answers"
    )
    parser.add_argument(
        "--dwell", type=float, default=2.0, metavar="S",
        help="average length of an action in seconds; 0 disables smoothing",
    )  # fmt: skip


def check_course(options: argparse.Namespace) -> None:
    """Raises UsageError where `--step` or `--dwell` makes no sense."""
    if not 0 < options.step < math.inf:
        raise UsageError(f"--step {options.step:g}: must be more than 0")
    if not 0 <= options.dwell < math.inf:
        raise UsageError(f"--dwell {options.dwell:g}: must be at least 0")


def add_address_options(parser: argparse.ArgumentParser, *, port: int) -> None:
    """`--address`, `--port` and `--allow-host`, for commands that serve.

    Parameters:
        port: the default.
    """
    parser.add_argument("--port", type=port_number, default=port, help="TCP port")
    parser.add_argument(
        "--address", default="127.0.0.1",
        help="address to listen on; 127.0.0.1: for this machine only",
    )  # fmt: skip
    parser.add_argument(
        "--allow-host", action="append", default=[], metavar="NAME",
        help="name under which browsers reach it; may be repeated (default: localhost and plain "
        "addresses)",
    )  # fmt: skip


def port_number(text: str) -> int:
    """The number of a TCP port, from 1 to 65535."""
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 1 to 65535")
    return int(text)


def note(sentence: object) -> None:
    """Tells something on stderr that is no error of the command."""
    print(f"action-recognition: {sentence}", file=sys.stderr)


def add_limit_options(parser: argparse.ArgumentParser) -> None:
    """`--untrusted` and `--limits`; `load_recognizer` reads them."""
    add_limits_option(parser)
    parser.add_argument(
        "--untrusted",
        action="store_true",
        help="decode each file in a process that can reach neither the network nor other files "
        "(Linux)",
    )


def add_limits_option(parser: argparse.ArgumentParser) -> None:
    """`--limits`."""
    parser.add_argument(
        "--limits",
        default="",
        metavar="NAME=N,...",
        help="what one video may cost, for example cpu_s=60,video_s=7200 (see SECURITY.md)",
    )


def load_recognizer(options: argparse.Namespace, model: str | None) -> Recognizer:
    """The model, used as the options say."""
    from action_recognition.recognition.recognizer import Recognizer

    limits = read_limits(options)
    return Recognizer.load(model, device=options.device, limits=limits, untrusted=options.untrusted)


def read_actions(names: Sequence[str], classes: Sequence[str], model: Path) -> tuple[str, ...]:
    """The classes that `--action` means.

    Parameters:
        classes: those of the model.
        model: its file.

    Raises:
        UsageError: one is not known; the sentence says what is near, or which model of the package
            knows it.
    """
    from action_recognition.models.model_file import SHIPPED_MODELS, find_model, load_model
    from action_recognition.search.actions import choose_actions

    try:
        return choose_actions(names, classes)
    except UsageError:
        others = [name for name in SHIPPED_MODELS if find_model(name) != model]
        known = {n: load_model(find_model(n)).classes for n in others if find_model(n).is_file()}
        return choose_actions(names, classes, known)


def read_limits(options: argparse.Namespace) -> Limits:
    """What one video may cost.

    Raises:
        UsageError: there is no such limit, or `--untrusted` does not work here.
    """
    from action_recognition.video.isolated import can_isolate
    from action_recognition.video.limits import Limits

    if options.untrusted and not can_isolate():
        raise UsageError("--untrusted: works on Linux only")
    return Limits.parse(options.limits)


def add_unknown_options(parser: argparse.ArgumentParser) -> None:
    """`--unknown DIR...` and `--unknown-classes A,B,C`; `read_unknown` reads them."""
    parser.add_argument(
        "--unknown", nargs="+", metavar="DIR", default=[],
        help="folders of unknown classes, to measure how often the model answers none of these",
    )  # fmt: skip
    parser.add_argument(
        "--unknown-classes",
        metavar="A,B,...",
        type=split_names,
        help="unknown classes to use (default: all)",
    )


def read_unknown(options: argparse.Namespace) -> tuple[Clip, ...]:
    """The clips that the options name; none without `--unknown`."""
    from action_recognition.datasets.folders import load_data

    if not options.unknown:
        return ()
    folders = load_data(
        options.unknown, classes=options.unknown_classes, check=False, validation=False
    )
    for line in folders.omissions():
        print(f"unknown classes: {line}", file=sys.stderr)
    return tuple(c for c in folders.clips if c.split in ("train", "test"))


def split_names(text: str) -> list[str]:
    """`A, B,C` -> the three names."""
    return [name.strip() for name in text.split(",") if name.strip()]


def add_root_option(parser: argparse.ArgumentParser) -> None:
    """`--root DIR`, where the data sets live."""
    parser.add_argument("--root", metavar="DIR", default="data", help="data set folder")
