"""`action-recognition data from-folder DIR`: a manifest of a user's own clips."""

from __future__ import annotations

import argparse
from typing import Any

from action_recognition.cli.options import add_class_option
from action_recognition.cli.progress import progress_bar


def add_parser(subparsers: Any) -> None:
    """Adds the subcommand."""
    parser = subparsers.add_parser(
        "from-folder",
        help="make a manifest from folders that hold one folder per class",
        description="Decodes every clip once, assigns each to a split (train, val, test) so that "
        "no group or film is in two of them, writes a CSV, and names what is left out. Folders "
        "named train, val and test are kept as splits, and so are the splits of annotation lists "
        "(UCF101, HMDB51, Kinetics, Something-Something) in the folders. Other clips of UCF101 "
        "and HMDB51 are recognised by their file names and keep their official split.",
    )
    parser.add_argument(
        "folders",
        metavar="DIR",
        nargs="+",
        help="folders that hold one folder per class, annotation lists of their clips, and project "
        "files of corrections (JSON)",
    )
    parser.add_argument("--output", metavar="CSV", default="manifest.csv", help="manifest to write")
    add_class_option(parser)
    parser.add_argument(
        "--split", type=int, default=1, choices=(1, 2, 3), help="official split to use"
    )
    parser.add_argument(
        "--groups",
        choices=("folders", "files"),
        default="folders",
        help="which of your own clips stay in the same split: `folders`, all files of a folder "
        "within a class folder (a file directly in the class folder is a group of its own), or "
        "`files`, each file on its own",
    )
    parser.add_argument(
        "--group-pattern",
        metavar="REGEX",
        help="overrides --groups: the parenthesised part captures the group in the file name, "
        "for example '^(.+)_\\d+\\.'",
    )
    parser.add_argument(
        "--films",
        choices=("strict", "class"),
        default="strict",
        help="which HMDB51 clips stay in the same split: all clips of a film (strict), or those of "
        "one class of a film (class)",
    )
    parser.add_argument(
        "--new-splits",
        action="store_true",
        help="divide the clips anew, whatever split a folder or a list gives them",
    )
    parser.add_argument(
        "--seed", type=int, default=0, metavar="N", help="seed of the random splits"
    )
    parser.set_defaults(run=run_from_folder)


def run_from_folder(options: argparse.Namespace) -> int:
    """Writes the manifest and prints its table."""
    from action_recognition.datasets.folders import SplitRules, build_manifest
    from action_recognition.datasets.manifest_csv import write_manifest

    with progress_bar("checking clips") as on_progress:
        rules = SplitRules(
            official_split=options.split,
            groups=options.groups,
            group_pattern=options.group_pattern,
            films=options.films,
            seed=options.seed,
            keep_given=not options.new_splits,
        )
        manifest = build_manifest(
            options.folders, rules, classes=options.classes, on_progress=on_progress
        )
    write_manifest(manifest, options.output)
    print(manifest.summary())
    print(f"written: {options.output}")
    return 0
