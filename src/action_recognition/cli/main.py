"""Entry point: finds the subcommand, and turns every expected error into one sentence."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from action_recognition import __version__
from action_recognition.cli import (
    annotate,
    app,
    batch,
    correct,
    cut,
    data,
    evaluate,
    find,
    import_kinetics,
    model,
    predict,
    reproduce,
    serve,
    timeline,
    train,
    watch,
)
from action_recognition.cli.completion import Completion
from action_recognition.cli.endings import Interrupted
from action_recognition.cli.printing import prepare_streams
from action_recognition.errors import ActionRecognitionError, one_line

COMMANDS = (
    predict,
    timeline,
    find,
    batch,
    cut,
    annotate,
    watch,
    app,
    serve,
    train,
    correct,
    evaluate,
    data,
    model,
    reproduce,
    import_kinetics,
)
EXIT_CODES = (
    "Exit codes: 0, done; 1, some of several files failed; 2, wrong usage, input that cannot be "
    "used, or a training that cannot go on; 130, interrupted (Ctrl-C). SIGTERM and SIGHUP end a "
    "training as Ctrl-C does, with 143 and 129."
)
# The extra that brings a module which a command lacks.
_EXTRAS = {
    "train": "torch onnx onnxscript lightning sklearn scipy torchmetrics requests filelock rarfile",
    "exports": "openvino keras",
    "media": "PIL",
    "app": "streamlit altair pandas",
    "scale": "ray pyarrow",
    "serve": "fastapi uvicorn starlette multipart",
}


class _Help(argparse.HelpFormatter):
    """Says the default of each option, unless its text does, or it is no value to be typed."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        if isinstance(action.default, bool | list | None) or action.default in (
            "",
            argparse.SUPPRESS,
        ):
            return action.help
        said = action.help is None or "(default" in action.help
        return action.help if said else f"{action.help} (default: %(default)s)"


class _Parser(argparse.ArgumentParser):
    """Says the exit codes below each help, of the subcommands, too."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**{"epilog": EXIT_CODES, "formatter_class": _Help, **settings})


def make_parser() -> argparse.ArgumentParser:
    """The parser of all commands."""
    parser = _Parser(
        prog="action-recognition",
        description="Recognises human actions in videos; trains and evaluates the network.",
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    parser.add_argument(
        "--completion", action=Completion, choices=("bash", "zsh", "fish", "tcsh"),
        help="print a script that makes the shell complete commands, options and files",
    )  # fmt: skip
    subparsers = parser.add_subparsers(metavar="COMMAND")
    for command in COMMANDS:
        command.add_parser(subparsers)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; returns its exit code."""
    prepare_streams()
    parser = make_parser()
    options = parser.parse_args(arguments)
    options.command = [parser.prog, *(sys.argv[1:] if arguments is None else arguments)]
    if not hasattr(options, "run"):
        parser.print_help()
        return 0
    try:
        code = int(options.run(options))
        sys.stdout.flush()
        return code
    except ActionRecognitionError as error:
        print(f"action-recognition: {error}", file=sys.stderr)
        return 2
    except ModuleNotFoundError as error:
        missing = (error.name or "").split(".")[0]
        wanted = next((e for e, modules in _EXTRAS.items() if missing in modules.split()), None)
        if wanted is None:
            raise
        print(
            f"action-recognition: this command needs the extra {wanted!r}: "
            f"pip install 'action-recognition[{wanted}]' ({error.name} is not installed)",
            file=sys.stderr,
        )
        return 2
    except Interrupted as error:
        with suppress(OSError):  # a terminal that was closed takes no words
            print(f"action-recognition: {error}", file=sys.stderr)
        return 128 + error.signum
    except KeyboardInterrupt:
        print("action-recognition: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:  # `predict ... | head`
        _forget_stdout()
        return 1
    except OSError as error:  # a full disk, a folder that is read-only
        _forget_stdout()
        where = error.filename or "the output"
        reason = one_line(f"{where}: it cannot be written or read ({error.strerror or error})")
        print(f"action-recognition: {reason}", file=sys.stderr)
        return 2


def _forget_stdout() -> None:
    """What could not be written is not tried again when Python ends."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
