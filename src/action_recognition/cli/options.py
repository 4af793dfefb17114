"""Options that several commands share."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from action_recognition.datasets.manifest import Clip


def add_class_option(
    parser: argparse.ArgumentParser, text: str = "folders or labels to take (default: all)"
) -> None:
    """`--classes A,B,C`, for commands that read folders."""
    parser.add_argument(
        "--classes",
        metavar="A,B,...",
        type=split_names,
        help=text,
    )


def add_model_options(parser: argparse.ArgumentParser) -> None:
    """`--model H5` and, for the quick one of the shipped models, `--fast`."""
    choice = parser.add_mutually_exclusive_group()
    choice.add_argument(
        "--model", metavar="H5", help="model file, `shipped` or `fast` (default: shipped)"
    )
    choice.add_argument(
        "--fast", dest="model", action="store_const", const="fast",
        help="the small shipped model: several times as quick, worse at `none of these`",
    )  # fmt: skip


def add_foreign_options(parser: argparse.ArgumentParser) -> None:
    """`--foreign DIR...` and `--foreign-classes A,B,C`; `read_foreign` reads them."""
    parser.add_argument(
        "--foreign", nargs="+", metavar="DIR", default=[],
        help="folders of classes that the model does not know, to be told from the known ones",
    )  # fmt: skip
    parser.add_argument(
        "--foreign-classes", metavar="A,B,...", type=split_names, help="of them (default: all)"
    )


def read_foreign(options: argparse.Namespace) -> tuple[Clip, ...]:
    """The clips that the options name; none without `--foreign`."""
    from action_recognition.datasets.folders import load_data

    if not options.foreign:
        return ()
    folders = load_data(
        options.foreign, classes=options.foreign_classes, check=False, validation=False
    )
    return tuple(c for c in folders.clips if c.split in ("train", "test"))


def add_cache_option(parser: argparse.ArgumentParser) -> None:
    """`--cache DIR`; `frames_folder` reads it."""
    parser.add_argument("--cache", metavar="DIR", help="folder for decoded frames")


def frames_folder(options: argparse.Namespace) -> Path:
    """Where decoded frames are kept."""
    from action_recognition.datasets.probe import cache_folder

    return Path(options.cache).expanduser() if options.cache else cache_folder() / "frames"


def split_names(text: str) -> list[str]:
    """`A, B,C` -> the three names."""
    return [name.strip() for name in text.split(",") if name.strip()]


def add_root_option(parser: argparse.ArgumentParser) -> None:
    """`--root DIR`, where the data sets live."""
    parser.add_argument(
        "--root", metavar="DIR", default="data", help="folder of the data sets (default: data)"
    )
