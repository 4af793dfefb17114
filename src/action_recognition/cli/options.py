"""Options that several commands share."""

from __future__ import annotations

import argparse


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


def split_names(text: str) -> list[str]:
    """`A, B,C` -> the three names."""
    return [name.strip() for name in text.split(",") if name.strip()]


def add_root_option(parser: argparse.ArgumentParser) -> None:
    """`--root DIR`, where the data sets live."""
    parser.add_argument(
        "--root", metavar="DIR", default="data", help="folder of the data sets (default: data)"
    )
