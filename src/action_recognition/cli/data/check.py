"""`action-recognition data check`: the state of the data in one table, and the leak check."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from action_recognition.cli.options import add_root_option
from action_recognition.cli.progress import progress_bar


def add_parser(subparsers: Any) -> None:
    """Adds the subcommand."""
    parser = subparsers.add_parser(
        "check",
        help="report the state of the data, and whether its splits leak",
        description="Prints the clips, groups and seconds of each class and split, refused files "
        "with their reasons, missing files, and whether a group is in two splits, or a clip and a "
        "copy of it: mirrored, cut, or encoded anew. The exit code is 1 if something is wrong.",
    )
    parser.add_argument(
        "manifest", nargs="?", metavar="CSV", help="manifest (default: ROOT/manifest.csv)"
    )
    add_root_option(parser)
    parser.set_defaults(run=run_check)


def run_check(options: argparse.Namespace) -> int:
    """Prints the table and what is wrong; 1 when something is."""
    from action_recognition.datasets.copies import find_copies
    from action_recognition.datasets.manifest import Manifest
    from action_recognition.datasets.manifest_csv import read_manifest
    from action_recognition.datasets.splits import SPLITS
    from action_recognition.datasets.state import (
        describe_download,
        find_problems,
        shared_contents,
        shared_films,
    )

    root = Path(options.root)
    path = Path(options.manifest) if options.manifest else root / "manifest.csv"
    if not options.manifest:
        for line in describe_download(root):
            print(line)
        if not path.exists():
            print(f"{path}: not there yet; `action-recognition data prepare` writes it")
            return 1
    manifest = read_manifest(path, leaks="accept")
    print(manifest.summary())
    used = [c for c in manifest.clips if c.split in SPLITS and c.path.is_file()]
    with progress_bar("comparing clips") as on_progress:
        copies = find_copies(used, [c.split for c in used], on_progress=on_progress)
    print(f"content check: {copies.compared}")
    problems = find_problems(manifest)
    problems += [f"copies in two splits: {pair}" for pair in copies.describe_pairs()]
    for problem in problems:
        print(f"problem: {problem}")
    notes = (
        shared_films(manifest) + copies.describe_unseen() + shared_contents(Manifest(copies.unseen))
    )
    for note in notes:
        print(f"note: {note}")
    print(f"leak check: {'FAILED' if any('two splits' in p for p in problems) else 'passed'}")
    return 1 if problems else 0
