"""`action-recognition data shards SOURCE... --output DIR`: clips in tar files of some size."""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from action_recognition.cli.options import add_class_option
from action_recognition.cli.progress import progress_bar
from action_recognition.errors import UsageError

if TYPE_CHECKING:
    from action_recognition.datasets.manifest import Manifest


def add_parser(subparsers: Any) -> None:
    """Adds the subcommand."""
    parser = subparsers.add_parser(
        "shards",
        help="write the clips into tar files (WebDataset), which are read from end to end",
        description="Writes the clips of each split into train-000000.tar, ..., val-000000.tar, "
        "..., in random order, each with a JSON file that has its label, group, data set and "
        "split: shards in the format of WebDataset. Started again, it keeps the shards that are "
        "there. `train --data DIR` and `batch DIR` read them.",
    )
    parser.add_argument(
        "sources", nargs="+", metavar="SOURCE",
        help="what `train --data` takes: manifests, folders with one folder of clips per class",
    )  # fmt: skip
    parser.add_argument("--output", required=True, metavar="DIR", help="folder for the shards")
    add_class_option(parser)
    add_size_option(parser)
    parser.add_argument(
        "--seed", type=int, default=0, metavar="N",
        help="seed of the order of the clips, and of splits that are not given",
    )  # fmt: skip
    parser.set_defaults(run=run_shards)


def add_size_option(parser: argparse.ArgumentParser) -> None:
    """What `data prepare --shards` shares."""
    parser.add_argument(
        "--shard-mb", type=float, default=256, metavar="MB", help="size of a shard at most"
    )


def check_size(options: argparse.Namespace) -> None:
    """Raises UsageError if the size makes no sense."""
    if not 0 < options.shard_mb < float("inf"):
        raise UsageError(f"--shard-mb {options.shard_mb:g}: must be more than 0")


def run_shards(options: argparse.Namespace) -> int:
    """Writes the shards and prints how many there are."""
    from action_recognition.datasets.folders import load_data

    check_size(options)
    if options.seed < 0:
        raise UsageError(f"--seed {options.seed}: must be at least 0")
    with progress_bar("checking clips") as on_progress:
        manifest = load_data(
            options.sources, classes=options.classes, seed=options.seed, on_progress=on_progress
        )
    print(manifest.summary(), flush=True)
    write(manifest, options.output, options.shard_mb, seed=options.seed)
    return 0


def write(manifest: Manifest, folder: str, shard_mb: float, *, seed: int = 0) -> None:
    """Writes the clips of a manifest into shards, and prints how many there are."""
    from action_recognition.datasets.shards.write import write_shards

    with progress_bar("writing clips") as on_progress:
        written = write_shards(
            manifest,
            folder,
            shard_bytes=round(shard_mb * 2**20),
            seed=seed,
            on_progress=on_progress,
        )
    shards = Counter(name.partition("-")[0] for name, _, _ in written.shards)
    clips, size = sum(n for _, n, _ in written.shards), sum(b for _, _, b in written.shards)
    counted = ", ".join(f"{number} {split}" for split, number in shards.items())
    print(
        f"written: {Path(folder)}: {clips} clips in {len(written.shards)} shards "
        f"({counted}), {size / 1e6:.1f} MB; {written.kept} were there already"
    )
