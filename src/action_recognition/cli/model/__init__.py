"""`action-recognition model`: export a model, compare the exports, read what a file says."""

from __future__ import annotations

from typing import Any

from action_recognition.cli.model import check, export, info

COMMANDS = (export, info, check)


def add_parser(subparsers: Any) -> None:
    """Adds the subcommand and its own subcommands."""
    parser = subparsers.add_parser("model", help="export a model, or read what a file says")
    parser.set_defaults(run=lambda _: parser.print_help() or 0)
    commands = parser.add_subparsers(metavar="COMMAND")
    for command in COMMANDS:
        command.add_parser(commands)
