"""`action-recognition data from-folder`: a manifest of clips from folders, one for each class."""

from __future__ import annotations

import argparse
from typing import Any

from action_recognition.cli.progress import progress_bar


def add_parser(subparsers: Any) -> None:
    """Adds the subcommand and its own subcommands."""
    parser = subparsers.add_parser("data", help="make and check the list of training clips")
    parser.set_defaults(run=lambda _: parser.print_help() or 0)
    commands = parser.add_subparsers(metavar="COMMAND")
    folder = commands.add_parser(
        "from-folder",
        help="manifest from folders that hold one folder for each class",
        description="Decodes every clip once, gives each its side (train, val, test) so that no "
        "group or film stands on two, and writes a CSV. Clips of UCF101 and HMDB51 are known by "
        "their names and keep their official side.",
    )
    folder.add_argument("folders", metavar="DIR", nargs="+", help="folders of class folders")
    folder.add_argument("--output", metavar="CSV", default="manifest.csv")
    add_class_option(folder)
    folder.add_argument("--split", type=int, default=1, choices=(1, 2, 3), help="official split")
    folder.add_argument(
        "--group-pattern",
        metavar="REGEX",
        help="for clips of your own: its part in parentheses names a file's group "
        "(default: each file is a group)",
    )
    folder.add_argument("--seed", type=int, default=0)
    folder.set_defaults(run=run_from_folder)


def add_class_option(parser: argparse.ArgumentParser) -> None:
    """`--classes A,B,C`, shared by the commands that read folders."""
    parser.add_argument(
        "--classes",
        metavar="A,B,...",
        type=lambda text: [c.strip() for c in text.split(",") if c.strip()],
        help="folders or labels to take (default: all)",
    )


def run_from_folder(options: argparse.Namespace) -> int:
    """Writes the manifest and prints its table."""
    from action_recognition.datasets.manifest import build_manifest, write_manifest

    with progress_bar("checking clips") as on_progress:
        manifest = build_manifest(
            options.folders,
            classes=options.classes,
            official_split=options.split,
            group_pattern=options.group_pattern,
            seed=options.seed,
            on_progress=on_progress,
        )
    write_manifest(manifest, options.output)
    print(manifest.summary())
    print(f"written: {options.output}")
    return 0
