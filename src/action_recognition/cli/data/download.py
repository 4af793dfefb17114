"""`action-recognition data download`: UCF101 and HMDB51, fetched and unpacked."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from action_recognition.actions import ACTIONS, find_action
from action_recognition.cli.options import add_class_option, add_root_option
from action_recognition.cli.progress import bytes_bar


def add_parser(subparsers: Any) -> None:
    """Adds the subcommand."""
    parser = subparsers.add_parser(
        "download",
        help="download UCF101 and HMDB51, and unpack the classes that are needed",
        description="Downloads the clip archives (UCF101 about 6.5 GB, HMDB51 about 2 GB) and the "
        "official split lists from the data sets' own pages, and unpacks the requested classes. "
        "An interrupted download resumes where it stopped. By using the data sets you accept "
        "their terms.",
    )
    add_download_options(parser)
    add_root_option(parser)
    add_class_option(parser, "original class names to unpack (default: the ten actions')")
    parser.set_defaults(run=run_download)


def add_download_options(parser: argparse.ArgumentParser) -> None:
    """What `download` and `reproduce` share."""
    parser.add_argument(
        "--dataset", choices=("ucf101", "hmdb51", "all"), default="all", help="what to download"
    )
    parser.add_argument(
        "--source",
        metavar="NAME=ADDRESS",
        action="append",
        default=[],
        help="mirror or local file for ucf101-videos, ucf101-splits, hmdb51-videos or "
        "hmdb51-splits; append #md5=... or #sha256=... to check it; may be repeated",
    )
    parser.add_argument("--sources", metavar="TOML", help="TOML file of such addresses")
    parser.add_argument(
        "--no-check-certificate", action="store_true", help="do not verify server certificates"
    )
    parser.add_argument(
        "--attempts",
        type=int,
        default=5,
        metavar="N",
        help="consecutive failures before giving up an address",
    )


def run_download(options: argparse.Namespace) -> int:
    """Fetches and unpacks; prints what was done."""
    from action_recognition.datasets.download.acquire import acquire
    from action_recognition.datasets.download.archives import NO_RAR_TOOL, has_rar_tool
    from action_recognition.datasets.download.sources import choose_sources

    files = choose_sources(options.dataset, settings=options.sources, overrides=options.source)
    if not has_rar_tool():
        print(f"action-recognition: note: {NO_RAR_TOOL}", file=sys.stderr)
    if options.no_check_certificate:
        import urllib3

        urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
    for line in acquire(
        files,
        options.root,
        wanted_classes(options.classes),
        check_certificate=not options.no_check_certificate,
        attempts=options.attempts,
        progress=bytes_bar,
    ):
        print(line)
    return 0


def wanted_classes(classes: list[str] | None) -> dict[str, list[str]]:
    """Original class names of each data set; folder names of the ten actions are known too."""
    if classes is None:
        return {
            d: [a.original_class for a in ACTIONS if a.dataset == d] for d in ("UCF101", "HMDB51")
        }
    classes = [a.original_class if (a := find_action(c)) else c for c in classes]
    # UCF101 writes its classes in CamelCase, HMDB51 in lower case with underscores.
    return {
        "UCF101": [c for c in classes if c[:1].isupper()],
        "HMDB51": [c for c in classes if not c[:1].isupper()],
    }
