"""`action-recognition --completion SHELL`: prints what makes a shell complete its commands."""

from __future__ import annotations

import argparse
from typing import Any

# Placeholders of options that take a file or a folder.
_FILES = {
    "CSV", "FILE", "H5", "JSON", "MODEL", "MP4", "PATH", "PNG", "SOURCE", "TOML", "VIDEO",
}  # fmt: skip
_FOLDERS = {"DIR", "FOLDER"}


class Completion(argparse.Action):
    """Prints a script for a shell, and ends."""

    def __call__(
        self, parser: argparse.ArgumentParser, _: argparse.Namespace, values: Any, __: Any = None
    ) -> None:
        """Argparse calls it with the chosen shell in `values`."""
        import shtab

        _name_files(parser)
        print(shtab.complete(parser, shell=values))
        parser.exit()


def _name_files(parser: argparse.ArgumentParser) -> None:
    """Tells shtab which arguments are files; it looks for an attribute `complete`."""
    import shtab

    for argument in parser._actions:  # shtab itself finds them there
        if isinstance(argument, argparse._SubParsersAction):
            for below in argument.choices.values():
                _name_files(below)
        elif argument.metavar in _FILES:
            argument.complete = shtab.FILE  # type: ignore[attr-defined]
        elif argument.metavar in _FOLDERS:
            argument.complete = shtab.DIRECTORY  # type: ignore[attr-defined]
