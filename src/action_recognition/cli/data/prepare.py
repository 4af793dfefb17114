"""`action-recognition data prepare`: the clips of the wanted classes, picked, checked, listed."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from action_recognition.actions import ACTIONS
from action_recognition.cli.data.shards import add_size_option, check_size, write
from action_recognition.cli.options import add_class_option, add_root_option
from action_recognition.cli.progress import progress_bar
from action_recognition.errors import DataError

if TYPE_CHECKING:
    from action_recognition.datasets.manifest import Manifest


def add_parser(subparsers: Any) -> None:
    """Adds the subcommand."""
    parser = subparsers.add_parser(
        "prepare",
        help="pick clips by the official split, decode each once, write the manifest",
        description="Picks 70 train and 30 test clips of each action from the official split, "
        "spread over groups and films, sets some train clips aside for validation, decodes every "
        "clip once (and replaces any that fail), links the clips into one folder per action in "
        "ROOT/clips, and writes ROOT/manifest.csv.",
    )
    add_prepare_options(parser)
    parser.add_argument(
        "--shards", metavar="DIR", help="also write the clips into tar files there, as data shards"
    )
    add_size_option(parser)
    add_root_option(parser)
    add_class_option(parser, "original class names (default: the ten actions')")
    parser.set_defaults(run=run_prepare)


def add_prepare_options(parser: argparse.ArgumentParser) -> None:
    """What `prepare` and `reproduce` share."""
    parser.add_argument(
        "--clips-per-class",
        type=_count,
        default=100,
        metavar="N",
        help="number of clips, 70 %% for train and 30 %% for test, or `all`",
    )
    parser.add_argument(
        "--split", type=int, default=1, choices=(1, 2, 3), help="official split to use"
    )
    parser.add_argument(
        "--films",
        choices=("official", "strict"),
        default="official",
        help="HMDB51: the official split keeps each source of a class in one split; strict does "
        "so with all parts of a film, and across classes (see docs/data.md)",
    )
    parser.add_argument(
        "--videos",
        nargs="+",
        metavar="DIR",
        help="existing folders with one folder per class, instead of ROOT/videos",
    )


def _count(text: str) -> int | None:
    if text == "all":
        return None
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r}: must be a number or all") from None


def run_prepare(options: argparse.Namespace) -> int:
    """Writes clips and manifest, and shards if they are wanted; prints the table."""
    check_size(options)
    manifest = prepare_clips(options)
    if options.shards:
        write(manifest, options.shards, options.shard_mb)
    return 0


def prepare_clips(options: argparse.Namespace) -> Manifest:
    """Writes clips and manifest, prints the table."""
    from action_recognition.datasets.manifest_csv import read_manifest, write_manifest
    from action_recognition.datasets.official import read_lists
    from action_recognition.datasets.prepare import Choice, prepare

    root = Path(options.root).absolute()
    videos = [Path(v) for v in options.videos or ()]
    if not videos:
        videos = [p for name in ("ucf101", "hmdb51") if (p := root / "videos" / name).is_dir()]
    if not videos:
        raise DataError(
            f"{root}: no clips in it; run `action-recognition data download` first, or name "
            "folders of clips with --videos"
        )
    lists = {
        stem: clip
        for name in ("ucf101", "hmdb51")
        for stem, clip in read_lists(root / "splits" / name).items()
    }
    target = root / "manifest.csv"
    previous = read_manifest(target, leaks="accept") if target.exists() else None
    with progress_bar("checking clips") as on_progress:
        choice = Choice(
            classes=options.classes or [a.original_class for a in ACTIONS],
            clips_per_class=options.clips_per_class,
            official_split=options.split,
            films=options.films,
        )
        manifest = prepare(
            videos, root / "clips", choice, lists=lists, previous=previous, on_progress=on_progress
        )
    if previous is None or previous != manifest:
        write_manifest(manifest, target)
    print(manifest.summary())
    for clip in manifest.clips:
        if clip.split in ("train", "val", "test") and clip.reason:
            print(f"{clip.split}: {clip.path.name}: {clip.reason}")
    print(f"{'unchanged' if previous == manifest else 'written'}: {target}")
    return manifest
