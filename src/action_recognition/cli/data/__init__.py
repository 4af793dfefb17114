"""`action-recognition data`: get, prepare and check the clips to train on."""

from __future__ import annotations

from typing import Any

from action_recognition.cli.data import check, download, from_folder, prepare, shards

COMMANDS = (download, prepare, check, from_folder, shards)


def add_parser(subparsers: Any) -> None:
    """Adds the subcommand and its own subcommands."""
    parser = subparsers.add_parser("data", help="get, prepare and check clips to train on")
    parser.set_defaults(run=lambda _: parser.print_help() or 0)
    commands = parser.add_subparsers(metavar="COMMAND")
    for command in COMMANDS:
        command.add_parser(commands)
